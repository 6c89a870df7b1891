// The parts of the store that are not bundles: extra packages and the key ring.
#include <algorithm>
#include <cctype>
#include <fcntl.h>
#include <fmt/format.h>
#include <set>
#include <system_error>
#include <utility>

#include "bake/archive/iso_writer.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/bundle/deb_index.hpp"
#include "bake/bundle/package_scan.hpp"
#include "bake/bundle/rpm_header.hpp"
#include "bake/store/store.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t max_json = std::size_t{256} << 20U;

archive::ByteSource source_of_file(const fs::path& file) {
  auto fd = std::make_shared<FileDescriptor>(open_file(file, O_RDONLY));
  return [fd, file](std::span<std::byte> buffer) { return read_some(*fd, buffer, file); };
}

/// The packages of `directory`, sorted by name. Throws Error{usage} when there are none or both kinds.
std::vector<fs::path> package_files(const fs::path& directory, bundle::PackageFormat& format) {
  std::error_code error;
  std::vector<fs::path> rpms;
  std::vector<fs::path> debs;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (!entry.is_regular_file()) continue;
    if (entry.path().extension() == ".rpm") rpms.push_back(entry.path());
    if (entry.path().extension() == ".deb") debs.push_back(entry.path());
  }
  if (error)
    throw Error(ErrorKind::usage, fmt::format("adding extra packages '{}': {}", directory.string(), error.message()));
  if (rpms.empty() == debs.empty())
    throw Error(ErrorKind::usage,
                fmt::format("adding extra packages '{}': {}", directory.string(),
                            rpms.empty() ? "it holds no .rpm and no .deb" : "it holds both .rpm and .deb files"));
  format = debs.empty() ? bundle::PackageFormat::rpm : bundle::PackageFormat::deb;
  auto files = debs.empty() ? rpms : debs;
  std::sort(files.begin(), files.end());
  return files;
}

void copy_into(archive::IsoWriter& payload, const fs::path& file) {
  payload.add_file(file.filename().string(), false);
  const auto source = source_of_file(file);
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (const auto count = source(buffer)) payload.write(std::span(buffer).first(count));
}

bundle::Extras load_extras(const fs::path& directory) {
  const auto file = directory / "extras.json";
  auto extras = bundle::extras_from_json(read_text(file, max_json), file);
  extras.directory = directory;
  return extras;
}

/// Kernel content is not looked for: nobody asks extra packages about it, and a distribution's own hold thousands of
/// modules.
bundle::BundlePackage describe(const bundle::IndexedPackage& indexed) {
  bundle::BundlePackage package;
  package.name = indexed.name;
  package.version = indexed.version;
  package.arch = indexed.arch;
  package.file = indexed.file.file;
  package.size = indexed.file.size;
  package.installed_size = indexed.installed_size;
  package.sha256 = indexed.file.digests.at(DigestAlgorithm::sha256);
  return package;
}

/// The packages of the repository, their index text, and their files as one payload.
struct Collected {
  bundle::Repository repository{"extras", "", true, {}};
  std::string index;
  std::map<std::string, signature::SignatureResult> signatures;  ///< of rpms, by file
};

Collected collect(const std::vector<fs::path>& files, bundle::PackageFormat format, const signature::KeyRing& ring,
                  archive::IsoWriter& payload, Progress& progress) {
  Collected collected;
  std::vector<bundle::RpmFacts> headers;
  for (const auto& path : files) {
    const auto name = path.filename().string();
    progress.detail(name);
    bundle::IndexedFile file{bundle::plain_path(name, "extra packages"),
                             fs::file_size(path),
                             {{DigestAlgorithm::sha256, digest_of_file(path)}}};
    std::vector<bundle::IndexedPackage> described;
    if (format == bundle::PackageFormat::rpm) {
      headers.push_back(bundle::read_rpm(source_of_file(path), ring, name));
      collected.signatures.emplace(name, headers.back().signature);
      headers.back().package.file = file;
      described.push_back(headers.back().package);
    } else {
      const auto paragraph = bundle::packages_paragraph(bundle::read_control(source_of_file(path), name), file);
      described = bundle::parse_packages(paragraph, name);
      collected.index += paragraph;
    }
    for (const auto& package : described) collected.repository.packages.push_back(describe(package));
    copy_into(payload, path);
  }
  if (format == bundle::PackageFormat::rpm) collected.index = bundle::primary_of(headers);
  return collected;
}

/// Refuses packages that the ring did not sign, and records who did.
void require_signed(const Collected& collected, bundle::Extras& extras) {
  std::vector<bundle::SignedFile> files;
  std::set<std::string> signers;
  std::set<std::string> weak;
  for (const auto& [file, signature] : collected.signatures) {
    files.push_back({file, &signature});
    signers.insert(signature.fingerprint);
    weak.insert(signature.weak.begin(), signature.weak.end());
  }
  auto problems =
      bundle::signature_problems(files, extras.name, "without --keyring extra packages are taken as they stand");
  if (!problems.empty()) bundle::refuse("extra packages", extras.name, std::move(problems));
  extras.signer = join({signers.begin(), signers.end()}, ", ");
  extras.weak.assign(weak.begin(), weak.end());
}

/// What is in the store already stays, but who vouched for it is recorded.
bundle::Extras keep(const bundle::Extras& added, bundle::Extras stored, StoreTransaction& transaction) {
  if (added.signer.empty() || added.signer == stored.signer) return stored;
  stored.signer = added.signer;
  stored.weak = added.weak;
  transaction.write("extras.json", bundle::dump(bundle::to_json(stored)));
  transaction.replace("extras.json", fs::path("extras") / stored.id / "extras.json");
  return stored;
}

}  // namespace

bundle::Extras Store::add_extras(const fs::path& packages, const std::string& name, const std::string& distro,
                                 Progress& progress, const std::vector<fs::path>& keyrings) {
  bundle::Extras extras;
  extras.name = name;
  const auto files = package_files(packages, extras.format);
  if (extras.format == bundle::PackageFormat::deb && !keyrings.empty())
    throw Error(ErrorKind::usage,
                fmt::format("adding extra packages '{}': a .deb carries no signature, --keyring cannot "
                            "be met",
                            packages.string()));
  const bool for_debs = distro.starts_with("ubuntu");
  if (!distro.empty() && for_debs != (extras.format == bundle::PackageFormat::deb))
    throw Error(ErrorKind::usage, fmt::format("adding extra packages '{}': {} takes no {} packages", packages.string(),
                                              distro, for_debs ? "rpm" : "deb"));
  const auto ring = keyrings.empty() ? signature::KeyRing() : key_ring(keyrings);
  StoreTransaction transaction(directory_, progress);
  progress.step(fmt::format("reading {} extra packages", files.size()));
  archive::IsoWriter payload(transaction.scratch() / "payload.iso");
  auto collected = collect(files, extras.format, ring, payload, progress);
  payload.finish();
  if (!keyrings.empty()) require_signed(collected, extras);

  std::string identity = distro + "\n";
  for (const auto& package : collected.repository.packages) identity += package.sha256 + " " + package.file + "\n";
  extras.id = digest_of(identity);
  extras.distro = distro;
  extras.repository = std::move(collected.repository);
  extras.payload_sha256 = digest_of_file(transaction.scratch() / "payload.iso");
  extras.payload_size = fs::file_size(transaction.scratch() / "payload.iso");
  if (fs::exists(directory_ / "extras" / extras.id))
    return keep(extras, load_extras(directory_ / "extras" / extras.id), transaction);
  transaction.write("index/packages", collected.index);
  transaction.write("extras.json", bundle::dump(bundle::to_json(extras)));
  extras.directory = transaction.publish("extras", extras.id);
  return extras;
}

std::vector<bundle::Extras> Store::all_extras() const {
  std::vector<bundle::Extras> all;
  for (const auto& entry : entries_of(directory_ / "extras"))
    if (is_sha256(entry.filename().string())) all.push_back(load_extras(entry));
  std::sort(all.begin(), all.end(), [](const bundle::Extras& a, const bundle::Extras& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  return all;
}

std::vector<bundle::Extras> Store::extras(const std::string& distro) const {
  auto all = all_extras();
  std::erase_if(all, [&](const bundle::Extras& extras) { return !extras.distro.empty() && extras.distro != distro; });
  return all;
}

bundle::IndexTexts Store::index_texts(const bundle::Extras& extras) {
  return {read_text(extras.directory / "index/packages", max_json), ""};
}

}  // namespace bake::store
