#include "bake/transfer/unpack.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "bake/archive/archive.hpp"
#include "bake/archive/entry_policy.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/file_kind.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/copy.hpp"
#include "bake/disk/output.hpp"
#include "bake/signature/dsse.hpp"
#include "bake/signature/signing.hpp"

namespace bake::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = std::size_t{1} << 20U;
constexpr std::size_t max_index = std::size_t{16} << 20U;
constexpr std::string_view store_prefix = "store/";
constexpr std::string_view bases_prefix = "bases/";

/// The directory `<to>.partial`, which only this user can enter. publish() renames it to `to`; otherwise the destructor
/// removes it.
class StagedDirectory {
 public:
  /// Removes what a killed import of this user left. Throws Error{usage} if the name is taken otherwise: another user
  /// can prepare it.
  explicit StagedDirectory(fs::path final_path)
      : final_(std::move(final_path)), partial_(final_.string() + ".partial") {
    std::error_code ignored;
    struct stat info {};
    if (::lstat(partial_.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid())
      fs::remove_all(partial_, ignored);
    if (::mkdir(partial_.c_str(), S_IRWXU) == 0) return;
    if (errno != EEXIST) throw_errno("making directory", partial_, errno);
    throw Error(
        ErrorKind::usage,
        fmt::format("importing to '{}': '{}' exists, and an earlier import of this user did not make it",
                    final_.string(), partial_.string()),
        fmt::format("remove it, or choose another directory with --to: rm -r {}", shell_quote(partial_.string())));
  }
  ~StagedDirectory() {
    std::error_code ignored;
    if (!published_) fs::remove_all(partial_, ignored);
  }
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  [[nodiscard]] const fs::path& path() const { return partial_; }

  void publish() {
    for (const auto& entry : fs::recursive_directory_iterator(partial_))
      if (entry.is_directory()) sync_path(entry.path());
    fs::permissions(partial_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                  fs::perms::others_read | fs::perms::others_exec);
    sync_path(partial_);
    fs::rename(partial_, final_);
    published_ = true;
    sync_path(final_.parent_path());
  }

 private:
  fs::path final_;
  fs::path partial_;
  bool published_ = false;
};

/// Throws Error{config} for a file of another kind than an archive of bake. A damaged archive is untrusted instead.
void check_kind(const fs::path& archive) {
  const auto kind = kind_of_file(archive);
  if (kind.empty() || kind == "a zstd file" || kind == "a gzip file" || kind == "an xz file" ||
      kind == "a bzip2 file" || kind == "a tar archive")
    return;
  throw Error(ErrorKind::config, fmt::format("reading '{}': not an archive of bake but {}", archive.string(), kind),
              "give an archive that was exported by bake");
}

void check_target(const fs::path& to) {
  if (fs::exists(fs::symlink_status(to)))
    throw Error(ErrorKind::usage, fmt::format("importing to '{}': it exists", to.string()),
                "--to DIR must name a new directory");
  require_parent_directory(to, "importing to");
}

void check_archive_digest(const UnpackRequest& request, Progress& progress) {
  if (request.sha256.empty()) return;
  progress.step(fmt::format("hash {}", request.archive.filename().string()));
  const auto digest = digest_of_file(request.archive, progress);
  if (digest != to_lower(request.sha256))
    throw Error(ErrorKind::untrusted, fmt::format("verifying '{}': its sha256 is {}, the command line pins {}",
                                                  request.archive.string(), digest, to_lower(request.sha256)));
}

/// Reads an archive and compares it with its index.
class Reader {
 public:
  explicit Reader(const fs::path& archive)
      : name_(archive.filename().string()),
        fd_(open_file(archive, O_RDONLY)),
        reader_(bytes_of(archive), archive::ArchiveKind::tar, name_) {}

  Index index(const UnpackRequest& request, std::string& signer) {
    const auto entry = reader_.next();
    if (!entry || entry->path != index_name || entry->type != archive::EntryType::file)
      throw Error(ErrorKind::untrusted, fmt::format("reading '{}': its first entry is not {}", name_, index_name),
                  "give an archive that was exported by bake");
    const auto envelope = signature::read_envelope(reader_.read_all(max_index), name_);
    if (envelope.payload_type != index_type)
      throw Error(ErrorKind::untrusted, fmt::format("reading '{}': it contains no index of bake", name_));
    if (!request.public_pem.empty()) {
      signature::require_signed(envelope, request.public_pem, name_);
      signer = signature::key_fingerprint(request.public_pem);
      require_as_written(envelope.text, signer);
    } else if (request.sha256.empty()) {
      throw Error(ErrorKind::untrusted, fmt::format("importing '{}': nothing vouches for it", name_),
                  "--trust PUB names the key that signed it, --sha256 the digest that the export printed");
    }
    return parse_index(envelope.payload, name_);
  }

  /// Writes the next entry into `file`. Throws Error{untrusted} when it is not `expected`.
  void take(const IndexedFile& expected, const fs::path& file) {
    const auto entry = reader_.next();
    if (!entry) refuse(fmt::format("'{}' is missing", expected.path));
    if (entry->path != expected.path || entry->type != archive::EntryType::file)
      refuse(fmt::format("'{}' is in the place of '{}'", printable(entry->path.substr(0, 200)), expected.path));
    if (entry->size != expected.size)
      refuse(fmt::format("'{}' has {} bytes, the index lists {}", expected.path, entry->size, expected.size));
    // A disk has password hashes and host keys.
    const auto out =
        open_file(file, O_WRONLY | O_CREAT | O_EXCL, expected.path.starts_with(bases_prefix) ? 0640 : 0644);
    std::vector<std::byte> buffer(buffer_size);
    Hasher hasher;
    std::uint64_t at = 0;
    while (const auto count = reader_.read(buffer)) {
      const auto data = std::span(buffer).first(count);
      hasher.update(data);
      write_sparse(out, data, at, file);
      at += count;
    }
    if (at != expected.size || hasher.hex() != expected.sha256)
      refuse(fmt::format("the content of '{}' differs from the index", expected.path));
    if (::ftruncate(out.get(), static_cast<off_t>(at)) != 0 || ::fsync(out.get()) != 0)
      throw_errno("writing", file, errno);
  }

  void expect_end() {
    if (const auto entry = reader_.next())
      refuse(fmt::format("'{}' is not in the index", printable(entry->path.substr(0, 200))));
  }

 private:
  archive::ByteSource bytes_of(const fs::path& archive) {
    return [this, archive](std::span<std::byte> buffer) { return read_some(fd_, buffer, archive); };
  }

  /// Throws Error{untrusted} when the envelope is not exactly as pack() writes it. The signature covers the index, but
  /// not the spelling of the envelope or the name of the key in it.
  void require_as_written(const std::string& text, const std::string& signer) const {
    const auto json = nlohmann::ordered_json::parse(text);
    const auto& signatures = json.at("signatures");
    if (json.size() != 3 || json.dump() + "\n" != text || signatures.size() != 1 || signatures[0].size() != 2 ||
        signatures[0].value("keyid", "") != signer)
      refuse("its index was changed after signing");
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorKind::untrusted, fmt::format("importing '{}': {}", name_, reason),
                "nothing was imported; fetch the archive again");
  }

  std::string name_;
  FileDescriptor fd_;
  archive::ArchiveReader reader_;
};

void check_space(const Index& index, const fs::path& store) {
  std::uint64_t needed = 0;
  for (const auto& file : index.files)
    if (file.path.starts_with(store_prefix)) needed += file.size;
  if (const auto free = free_bytes_at(store); free < needed)
    throw Error(ErrorKind::environment,
                fmt::format("importing into the store '{}': {} are free, {} are needed", store.string(),
                            human_size(free), human_size(needed)),
                "choose another directory for the store with --store DIR or $BAKE_STORE");
}

}  // namespace

Unpacked unpack(const UnpackRequest& request, Progress& progress) {
  auto to = fs::absolute(request.to).lexically_normal();
  if (!to.has_filename()) to = to.parent_path();  // "carried/" means "carried", whose parent exists
  check_kind(request.archive);
  check_target(to);
  check_archive_digest(request, progress);
  Reader reader(request.archive);
  progress.step("verify the index");
  Unpacked result;
  result.index = reader.index(request, result.signer);
  check_space(result.index, request.store);

  store::StoreImport store(request.store, progress);
  StagedDirectory rest(to);
  for (const auto& file : result.index.files) {
    progress.step(fmt::format("unpack {} ({})", file.path, human_size(file.size)));
    const auto place = file.path.starts_with(store_prefix) ? store.staging() / file.path.substr(store_prefix.size())
                                                           : rest.path() / file.path;
    fs::create_directories(place.parent_path());
    reader.take(file, place);
  }
  reader.expect_end();
  result.objects = store.publish();
  rest.publish();
  for (const auto& name : result.index.recipes) result.recipes.push_back(request.to / "recipes" / (name + ".yaml"));
  return result;
}

}  // namespace bake::transfer
