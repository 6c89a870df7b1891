#include "bake/bundle/package_scan.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <functional>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/module_elf.hpp"
#include "bake/packages/rpm_header.hpp"

namespace bake::bundle {
namespace {

constexpr std::uint64_t max_payload = std::uint64_t{8} << 30U;
// Bounds of memory: an unpacked module is in memory together with the windows of its decoder and its package's decoder.
constexpr std::size_t max_packed_module = std::size_t{8} << 20U;
constexpr std::size_t max_unpacked_module = std::size_t{24} << 20U;
constexpr std::size_t max_dkms_conf = std::size_t{1} << 20U;
constexpr std::size_t max_control = std::size_t{1} << 20U;

using Visit = std::function<void(const archive::ArchiveEntry&, archive::ArchiveReader&)>;

void walk(archive::ArchiveReader& reader, const std::string& name, const Visit& visit) {
  std::uint64_t announced = 0;
  for (auto entry = reader.next(); entry; entry = reader.next()) {
    announced += entry->size;
    if (entry->size > max_payload || announced > max_payload)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading package '{}': it unpacks to more than {}", name, human_size(max_payload)));
    while (entry->path.starts_with("./")) entry->path.erase(0, 2);
    if (!entry->path.starts_with('/')) entry->path.insert(0, "/");
    visit(*entry, reader);
  }
}

/// Walks the tar archive inside a .deb whose member name begins with `member`: "data.tar", "control.tar".
void walk_deb(const archive::ByteSource& package, std::string_view member, const std::string& name,
              const Visit& visit) {
  archive::ArchiveReader outer(package, archive::ArchiveKind::ar, name);
  for (auto entry = outer.next(); entry; entry = outer.next()) {
    if (!entry->path.starts_with(member)) continue;
    archive::ArchiveReader inner([&](std::span<std::byte> buffer) { return outer.read(buffer); },
                                 archive::ArchiveKind::tar, name);
    walk(inner, name, visit);
    return;
  }
  throw Error(ErrorKind::untrusted, fmt::format("reading package '{}': it has no {}", name, member));
}

std::string module_bytes(const archive::ArchiveEntry& entry, archive::ArchiveReader& reader) {
  if (entry.path.ends_with(".ko")) return reader.read_all(guest::max_module);
  return archive::unpack(reader.read_all(max_packed_module), entry.path, max_unpacked_module);
}

/// Returns whether the path is /usr/src/X/dkms.conf, or /usr/src/X/source/dkms.conf: the packages of sources for EL
/// have such a directory.
bool is_dkms_conf(const std::string& path) {
  const auto parts = split(path, '/');
  const bool in_sources = parts.size() == 5 || (parts.size() == 6 && parts[4] == "source");
  return in_sources && parts[1] == "usr" && parts[2] == "src" && parts.back() == "dkms.conf";
}

/// Returns the value of an assignment of the shell, without quotes and the parentheses of an array.
std::string_view literal(std::string_view value) {
  value = trim(value);
  if (value.size() > 1 && value.front() == '(' && value.back() == ')') value = trim(value.substr(1, value.size() - 2));
  if (value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\''))
    value = value.substr(1, value.size() - 2);
  return value;
}

bool is_module_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

}  // namespace

std::vector<std::string> modules_of_dkms_conf(std::string_view text) {
  std::vector<std::string> modules;
  std::string package;
  for (const auto& line : split_lines(text)) {
    const auto statement = trim(line);
    const auto equals = statement.find('=');
    if (equals == std::string_view::npos) continue;
    const auto value = literal(statement.substr(equals + 1));
    if (statement.starts_with("PACKAGE_NAME=")) package = value;
    if (!statement.starts_with("BUILT_MODULE_NAME") || value.empty()) continue;
    if (!is_module_name(value)) return {};
    modules.emplace_back(value);
  }
  if (modules.empty() && is_module_name(package)) modules.push_back(package);
  return modules;
}

std::size_t symbol_count(const guest::ModuleFacts& module) { return module.imports.size() + module.exports.size(); }

void check_symbol_count(std::size_t count, const std::string& name) {
  constexpr std::size_t max_symbols = 100'000;  // the modules of a real bundle name some 10 000
  if (count > max_symbols)
    throw Error(ErrorKind::untrusted,
                fmt::format("reading package '{}': kernel modules name more than {} symbols", name, max_symbols));
}

bool may_have_kernel_content(std::string_view package) {
  static constexpr std::array<std::string_view, 5> marks{"kmod-", "-modules", "-dkms", "kernel", ".kver."};
  for (const auto mark : marks)
    if (package.find(mark) != std::string_view::npos) return true;
  return false;
}

KernelContent scan_kernel_content(const archive::ByteSource& package, PackageFormat format, const std::string& name) {
  KernelContent content;
  std::size_t symbols = 0;
  bool dkms_known = true;
  const Visit visit = [&](const archive::ArchiveEntry& entry, archive::ArchiveReader& reader) {
    if (entry.type != archive::EntryType::file) return;
    if (is_dkms_conf(entry.path)) {
      const auto built = modules_of_dkms_conf(reader.read_all(max_dkms_conf));
      content.dkms_source = true;
      dkms_known = dkms_known && !built.empty();
      content.dkms_modules.insert(content.dkms_modules.end(), built.begin(), built.end());
    }
    const auto kernel = guest::kernel_of_path(entry.path);
    if (kernel.empty() || !guest::is_module_path(entry.path)) return;
    if (content.built_kernel.empty()) content.built_kernel = kernel;
    content.modules.push_back(guest::read_module(module_bytes(entry, reader), entry.path));
    symbols += symbol_count(content.modules.back());
    check_symbol_count(symbols, name);
  };
  if (format == PackageFormat::deb) {
    walk_deb(package, "data.tar", name, visit);
  } else {
    skip_rpm_headers(package, name);
    archive::ArchiveReader reader(package, archive::ArchiveKind::cpio, name);
    walk(reader, name, visit);
  }
  if (!dkms_known) content.dkms_modules.clear();
  return content;
}

std::string read_control(const archive::ByteSource& package, const std::string& name) {
  std::string control;
  walk_deb(package, "control.tar", name, [&](const archive::ArchiveEntry& entry, archive::ArchiveReader& reader) {
    if (entry.path == "/control" && entry.type == archive::EntryType::file) control = reader.read_all(max_control);
  });
  if (control.empty())
    throw Error(ErrorKind::untrusted, fmt::format("reading package '{}': it has no control file", name));
  return control;
}

}  // namespace bake::bundle
