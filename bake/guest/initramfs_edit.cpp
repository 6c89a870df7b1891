#include "bake/guest/initramfs_edit.hpp"

#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/base/file.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/guest/initramfs_parts.hpp"
#include "bake/guest/module_elf.hpp"

namespace bake::guest {
namespace {

namespace fs = std::filesystem;
using archive::Compression;

constexpr std::uint64_t max_unpacked = std::uint64_t{2} << 30U;
constexpr std::size_t header_size = 110;
constexpr std::size_t max_name = 4096;
constexpr std::size_t block = 512;

std::size_t padding_of(std::size_t size, std::size_t unit) { return (unit - size % unit) % unit; }

/// Copies the files of one cpio archive (kernel: Documentation/driver-api/early-userspace/buffer-format.rst), and
/// leaves out and replaces those of `edit`.
class Copier {
 public:
  Copier(std::string_view bytes, const InitramfsEdit& edit, const std::string& name, archive::CompressedWriter& out)
      : reader_(archive::source_of(bytes), archive::ArchiveKind::compressed_file, name, max_unpacked),
        edit_(edit),
        name_(name),
        prefix_(fmt::format("lib/modules/{}/", edit.release)),
        out_(out) {
    reader_.next();
  }

  /// Returns whether it was the archive that has modules.dep.
  bool run() {
    while (copy_file()) continue;
    put(std::string(padding_of(written_, block), '\0'));
    out_.finish();
    return added_;
  }

 private:
  [[noreturn]] void refuse(std::string_view reason) const {
    throw Error(ErrorKind::verification, fmt::format("editing initramfs '{}': {}", name_, reason));
  }

  std::string take(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const auto part = reader_.read(std::as_writable_bytes(std::span(bytes).subspan(got)));
      if (part == 0) refuse("it is truncated");
      got += part;
    }
    return bytes;
  }

  void put(std::string_view bytes) {
    out_.write(bytes);
    written_ += bytes.size();
  }

  /// Passes `size` bytes on, or drops them.
  void pass(std::size_t size, bool keep) {
    constexpr std::size_t step = std::size_t{64} << 10U;
    for (std::size_t left = size; left > 0;) {
      const auto bytes = take(std::min(left, step));
      if (keep) put(bytes);
      left -= bytes.size();
    }
  }

  /// Returns false at the end of the archive. Zeros behind the end are padding; anything else is another archive in the
  /// same stream, which no tool of the supported releases makes.
  bool copy_file() {
    const auto header = take(header_size);
    if (!header.starts_with("070701") && !header.starts_with("070702")) refuse("an archive in it is damaged");
    const auto size = cpio_field(header, cpio_file_size);
    const auto name_size = cpio_field(header, cpio_name_size);
    if (!size || !name_size || *name_size == 0 || *name_size > max_name) refuse("an archive in it is damaged");
    const auto name = take(*name_size + padding_of(header_size + *name_size, 4));
    const auto path = std::string_view(name).substr(0, *name_size - 1);
    if (path == "TRAILER!!!") {
      if (!modules_directory_.empty()) add_modules();
      put(header);
      put(name);
      expect_only_padding();
      return false;
    }
    paths_.emplace(path);
    if (below_modules(path) == "modules.dep") modules_directory_ = path.substr(0, path.rfind('/') + 1);
    const auto* index = index_for(path);
    const bool leave_out = is_removed(path);
    if (index != nullptr && header.starts_with("070702"))
      throw CannotEdit(ErrorKind::failed, fmt::format("editing initramfs '{}': {} has a checksum", name_, path));
    if ((index != nullptr || leave_out) && cpio_field(header, cpio_links) != 1)
      throw CannotEdit(ErrorKind::failed, fmt::format("editing initramfs '{}': {} has hard links", name_, path));
    if (index != nullptr) {
      put(with_size(header, index->size()));
      put(name);
      put(*index);
      put(std::string(padding_of(index->size(), 4), '\0'));
    } else if (!leave_out) {
      put(header);
      put(name);
    }
    pass(*size + padding_of(*size, 4), index == nullptr && !leave_out);
    return true;
  }

  void put_file(const std::string& path, unsigned mode, std::string_view content) {
    // Inode 0 and one link: it shares its content with no other file.
    put(fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}", 0, mode, 0,
                    0, 1, 0, content.size(), 0, 0, 0, 0, path.size() + 1, 0));
    put(path);
    put(std::string(1 + padding_of(header_size + path.size() + 1, 4), '\0'));
    put(content);
    put(std::string(padding_of(content.size(), 4), '\0'));
  }

  /// The kernel makes no missing directory when it unpacks a file.
  void put_directories(const std::string& path) {
    for (auto slash = path.find('/', modules_directory_.size()); slash != std::string::npos;
         slash = path.find('/', slash + 1))
      if (auto directory = path.substr(0, slash); paths_.insert(directory).second) put_file(directory, 040755, "");
  }

  void add_modules() {
    for (const auto& [path, content] : edit_.added) {
      put_directories(modules_directory_ + path);
      put_file(modules_directory_ + path, 0100644, content);
    }
    added_ = true;
  }

  void expect_only_padding() {
    std::string bytes(block, '\0');
    while (const auto got = reader_.read(std::as_writable_bytes(std::span(bytes))))
      if (bytes.find_first_not_of('\0') < got)
        throw CannotEdit(
            ErrorKind::failed,
            fmt::format("editing initramfs '{}': one compressed stream in it contains two archives", name_));
  }

  static std::string with_size(std::string header, std::size_t size) {
    return header.replace(6 + 8 * cpio_file_size, 8, fmt::format("{:08X}", size));
  }

  /// The path below lib/modules/RELEASE, or an empty text.
  [[nodiscard]] std::string_view below_modules(std::string_view path) const {
    for (const std::string_view before : {"./", "usr/"})
      if (path.starts_with(before)) path.remove_prefix(before.size());
    return path.starts_with(prefix_) ? path.substr(prefix_.size()) : std::string_view();
  }

  [[nodiscard]] const std::string* index_for(std::string_view path) const {
    const auto found = edit_.indexes.find(std::string(below_modules(path)));
    return found == edit_.indexes.end() ? nullptr : &found->second;
  }

  [[nodiscard]] bool is_removed(std::string_view path) const {
    const auto below = below_modules(path);
    return is_module_path(below) && edit_.modules.contains(module_name_of(below));
  }

  archive::ArchiveReader reader_;
  const InitramfsEdit& edit_;
  const std::string& name_;
  std::string prefix_;
  archive::CompressedWriter& out_;
  std::set<std::string> paths_;    ///< of the files so far
  std::string modules_directory_;  ///< that of modules.dep, once it is known
  std::size_t written_ = 0;
  bool added_ = false;
};

Compression compression_for(std::string_view bytes, const InitramfsEdit& edit, const std::string& name) {
  if (bytes.starts_with("07070")) return Compression::none;
  if (bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  if (!bytes.starts_with("\x1f\x8b") && !edit.allow_gzip)
    throw CannotEdit(
        ErrorKind::failed,
        fmt::format("editing initramfs '{}': bake would have to compress it with gzip, which this kernel cannot read",
                    name));
  return Compression::gzip;
}

}  // namespace

void edit_initramfs(std::string_view bytes, const InitramfsEdit& edit, const fs::path& output,
                    const std::string& name) try {
  const auto fd = open_file(output, O_WRONLY | O_CREAT | O_TRUNC);
  bool added = false;
  for (const auto part : initramfs_parts(bytes, name)) {
    archive::CompressedWriter out(fd.get(), output, compression_for(part, edit, name));
    added = Copier(part, edit, name, out).run() || added;
  }
  if (!added)
    throw CannotEdit(ErrorKind::failed,
                     fmt::format("editing initramfs '{}': it has no modules.dep for {}", name, edit.release));
} catch (const Error& error) {
  if (error.kind() != ErrorKind::untrusted) throw;
  throw Error(ErrorKind::verification, error.message());
}

}  // namespace bake::guest
