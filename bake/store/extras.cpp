#include "bake/store/extras.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <set>
#include <system_error>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/package_scan.hpp"
#include "bake/bundle/trust.hpp"
#include "bake/packages/deb_index.hpp"
#include "bake/packages/rpm_header.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

archive::ByteSource source_of_file(const fs::path& file) {
  auto fd = std::make_shared<FileDescriptor>(open_file(file, O_RDONLY));
  return [fd, file](std::span<std::byte> buffer) { return read_some(*fd, buffer, file); };
}

}  // namespace

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
                            rpms.empty() ? "there is no .rpm and no .deb in it" : "it has both .rpm and .deb files"));
  format = debs.empty() ? bundle::PackageFormat::rpm : bundle::PackageFormat::deb;
  auto files = debs.empty() ? rpms : debs;
  std::sort(files.begin(), files.end());
  return files;
}

namespace {

void copy_into(archive::IsoWriter& payload, const fs::path& file) {
  payload.add_file(file.filename().string(), false);
  const auto source = source_of_file(file);
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (const auto count = source(buffer)) payload.write(std::span(buffer).first(count));
}

/// The repository's entry for an indexed package. Modules are not read: no decision needs those of extra packages, and
/// the distribution's own packages have thousands.
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

}  // namespace

CollectedPackages collect_packages(const std::vector<fs::path>& files, bundle::PackageFormat format,
                                   const signature::KeyRing& ring, archive::IsoWriter& payload, Progress& progress) {
  CollectedPackages collected;
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

void require_signed(const CollectedPackages& collected, bundle::Extras& extras) {
  std::vector<bundle::SignedFile> files;
  std::set<std::string> signers;
  std::set<std::string> weak;
  for (const auto& [file, signature] : collected.signatures) {
    files.push_back({file, &signature});
    signers.insert(signature.fingerprint);
    weak.insert(signature.weak.begin(), signature.weak.end());
  }
  auto problems = bundle::signature_problems(files, extras.name, "extra packages need no signature without --keyring");
  if (!problems.empty()) bundle::refuse("extra packages", extras.name, std::move(problems));
  extras.signer = join({signers.begin(), signers.end()}, ", ");
  extras.weak.assign(weak.begin(), weak.end());
}

}  // namespace bake::store
