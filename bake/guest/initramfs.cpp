#include "bake/guest/initramfs.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/archive/archive.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/initramfs_parts.hpp"
#include "bake/guest/module_elf.hpp"

namespace bake::guest {
namespace {

constexpr std::uint64_t max_unpacked = std::uint64_t{2} << 30U;
constexpr std::size_t max_entries = 200'000;

[[noreturn]] void refuse(const std::string& name, std::string_view reason) {
  throw Error(ErrorKind::verification, fmt::format("reading initramfs '{}': {}", name, reason));
}

/// The size of the uncompressed cpio archive at the start of `bytes`, with its zero padding; 0 when there is none.
std::size_t early_archive_size(std::string_view bytes, const std::string& name) {
  constexpr std::size_t header_size = 110;
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  std::size_t at = 0;
  for (;;) {
    const auto header = bytes.substr(std::min(at, bytes.size()), header_size);
    if (!header.starts_with("070701") && !header.starts_with("070702")) {
      if (at == 0) return 0;
      refuse(name, "its early archive is damaged");
    }
    if (header.size() < header_size) refuse(name, "it is truncated");
    const auto file_size = cpio_field(header, cpio_file_size);
    const auto name_size = cpio_field(header, cpio_name_size);
    if (!file_size || !name_size || *name_size == 0 || *file_size > bytes.size() || *name_size > bytes.size())
      refuse(name, "its early archive is damaged");
    const auto name_end = at + padded(header_size + *name_size);
    const bool last = bytes.substr(at + header_size, *name_size - 1) == "TRAILER!!!";
    at = name_end + padded(*file_size);
    if (at > bytes.size()) refuse(name, "it is truncated");
    if (last) break;
  }
  while (at < bytes.size() && bytes[at] == '\0') ++at;
  return at;
}

/// Whether the main archive follows uncompressed or in a compression that libarchive reads.
bool is_archive(std::string_view bytes) {
  using namespace std::string_view_literals;
  for (const auto magic : {"\x1f\x8b"sv,
                           "\xfd"
                           "7zXZ\0"sv,
                           "\x28\xb5\x2f\xfd"sv, "\x02\x21\x4c\x18"sv, "\x04\x22\x4d\x18"sv, "BZh"sv, "\x5d\0\0"sv,
                           "070701"sv, "070702"sv})
    if (bytes.starts_with(magic)) return true;
  return false;
}

/// Returns the path without "./", and "lib/modules/" instead of "usr/lib/modules/".
std::string_view plain_path(std::string_view path) {
  if (path.starts_with("./")) path.remove_prefix(2);
  if (path.starts_with("usr/lib/modules/")) path.remove_prefix(4);
  return path;
}

/// One pass over the entries of an archive.
class Reader {
 public:
  Reader(std::string_view release, std::string name, InitramfsContent& content)
      : modules_dep_(fmt::format("lib/modules/{}/modules.dep", release)), name_(std::move(name)), content_(content) {}

  void read(std::string_view bytes) {
    archive::ArchiveReader reader(archive::source_of(bytes), archive::ArchiveKind::cpio, name_, max_unpacked);
    while (const auto entry = reader.next()) {
      if (++entries_ > max_entries) refuse(name_, "it has too many files");
      unpacked_ += entry->size;
      if (unpacked_ > max_unpacked) refuse(name_, "it unpacks to more than 2 GiB");
      const auto path = plain_path(entry->path);
      if (path.find("bin/") != std::string_view::npos || path == "init") content_.has_root = true;
      if (is_module_path(path) && path.starts_with("lib/modules/")) content_.modules.emplace_back(path);
      if (path == modules_dep_)
        content_.resolved =
            resolve_modules(reader.read_all(max_module_index), modules_dep_.substr(0, modules_dep_.rfind('/') + 1));
    }
  }

 private:
  std::string modules_dep_;
  std::string name_;
  InitramfsContent& content_;
  std::uint64_t unpacked_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace

std::optional<std::size_t> cpio_field(std::string_view header, std::size_t index) {
  const auto text = header.substr(6 + 8 * index, 8);
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::vector<std::string_view> initramfs_parts(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) refuse(name, "it is empty");
  std::vector<std::string_view> parts;
  while (!bytes.empty()) {
    const auto early = early_archive_size(bytes, name);
    const auto part = early != 0 ? bytes.substr(0, early) : bytes;
    if (!is_archive(part)) refuse(name, "it is not a cpio archive in any compression that a kernel reads");
    parts.push_back(part);
    bytes.remove_prefix(part.size());
  }
  return parts;
}

bool is_rdma_module(std::string_view name) {
  return name.starts_with("mlx") || name.starts_with("ib_") || name.starts_with("rdma_") || name == "iw_cm" ||
         name == "rpcrdma" || name == "svcrdma" || name == "xprtrdma" || name == "scsi_transport_srp";
}

std::vector<std::string> missing_dependencies(const InitramfsContent& content, std::string_view modules_dep,
                                              const std::vector<std::string>& names) {
  std::set<std::string> present;
  for (const auto& path : content.modules) present.insert(module_name_of(path));
  std::vector<std::string> missing;
  each_module(modules_dep, [&](const ModuleDependencies& module) {
    const auto name = module_name_of(module.path);
    if (std::find(names.begin(), names.end(), name) == names.end()) return;
    for (const auto& needed : module.needed)
      if (!present.contains(module_name_of(needed)))
        missing.push_back(fmt::format("{} needs {}, which is missing", name, module_name_of(needed)));
  });
  return missing;
}

InitramfsContent read_initramfs(std::string_view bytes, const std::string& release, const std::string& name) {
  InitramfsContent content;
  Reader reader(release, name, content);
  try {
    for (const auto part : initramfs_parts(bytes, name)) reader.read(part);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::untrusted) throw;
    throw Error(ErrorKind::verification, error.message());
  }
  std::sort(content.modules.begin(), content.modules.end());
  content.modules.erase(std::unique(content.modules.begin(), content.modules.end()), content.modules.end());
  return content;
}

void each_initramfs_module(std::string_view bytes, const std::string& name,
                           const std::function<bool(std::string_view)>& wanted,
                           const std::function<void(const std::string&, std::string)>& visit) try {
  std::size_t entries = 0;
  for (const auto part : initramfs_parts(bytes, name)) {
    archive::ArchiveReader reader(archive::source_of(part), archive::ArchiveKind::cpio, name, max_unpacked);
    while (const auto entry = reader.next()) {
      if (++entries > max_entries) refuse(name, "it has too many files");
      const std::string path(plain_path(entry->path));
      if (entry->type == archive::EntryType::file && path.starts_with("lib/modules/") && is_module_path(path) &&
          wanted(path))
        visit(path, reader.read_all(max_module));
    }
  }
} catch (const Error& error) {
  if (error.kind() != ErrorKind::untrusted) throw;
  throw Error(ErrorKind::verification, error.message());
}

}  // namespace bake::guest
