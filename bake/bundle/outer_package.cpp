#include "bake/bundle/outer_package.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/digested_file.hpp"
#include "bake/bundle/package_scan.hpp"
#include "bake/packages/deb_index.hpp"
#include "bake/packages/rpm_header.hpp"

namespace bake::bundle {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t max_control = std::size_t{1} << 20U;

/// What the payload image keeps: the repository, the files that name it, and places of keys.
constexpr std::array<std::string_view, 8> kept{
    "usr/share/doca-host-", "etc/apt/sources.list.d/", "etc/yum.repos.d/",    "etc/zypp/repos.d/",
    "etc/apt/keyrings/",    "etc/apt/trusted.gpg.d/",  "usr/share/keyrings/", "etc/pki/rpm-gpg/"};

std::string_view without_front(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  return path;
}

bool is_kept(std::string_view path) {
  path = without_front(path);
  return std::any_of(kept.begin(), kept.end(), [&](std::string_view front) { return path.starts_with(front); });
}

OuterHeader header_of_control(std::string_view control, const std::string& name) {
  const auto paragraphs = parse_paragraphs(control);
  const auto field = [&](std::string_view key) {
    if (paragraphs.empty()) return std::string();
    const auto found = paragraphs.front().find(key);
    return found == paragraphs.front().end() ? std::string() : found->second;
  };
  OuterHeader header{PackageFormat::deb, field("package"), field("version"), field("architecture")};
  if (header.name.empty() || header.version.empty() || header.arch.empty())
    throw Error(ErrorKind::untrusted,
                fmt::format("reading package '{}': its control file lacks Package, Version or Architecture", name));
  return header;
}

OuterHeader header_of_rpm(const RpmFront& front) {
  return {PackageFormat::rpm, front.package.name, front.package.version, front.package.arch};
}

archive::ByteSource source_of_file(const fs::path& file) {
  auto fd = std::make_shared<FileDescriptor>(open_file(file, O_RDONLY));
  return [fd, file](std::span<std::byte> buffer) { return read_some(*fd, buffer, file); };
}

/// Throws Error{untrusted} if the name of the file states another package than its header.
void check_file_name(const std::string& file_name, const OuterHeader& header) {
  const auto named = outer_header_of_file_name(file_name);
  if (!named || *named == header) return;
  throw Error(ErrorKind::untrusted,
              fmt::format("reading bundle '{}': the package in it is {}", printable(file_name),
                          printable(bundle_name_of(header))),
              "fetch the file again and compare its sha256 with that of the publisher");
}

/// Writes the payload image of one outer package.
class Stager {
 public:
  Stager(const fs::path& file, const fs::path& payload, const archive::EntryLimits& limits, Progress& progress)
      : name_(printable(file.filename().string())),
        payload_(payload),
        source_(file),
        writer_(payload),
        policy_(name_, true, limits),
        progress_(progress) {}

  StagedBundle run(PackageFormat format) {
    if (format == PackageFormat::deb)
      read_deb();
    else
      read_rpm();
    writer_.finish();
    StagedBundle staged;
    staged.top = bundle_name_of(*header_);
    staged.archive_sha256 = source_.finish();
    staged.tree = BundleTree(payload_, writer_.files(), std::move(links_));
    return staged;
  }

 private:
  void read_deb() {
    archive::ArchiveReader outer([&](std::span<std::byte> buffer) { return source_.read(buffer); },
                                 archive::ArchiveKind::ar, name_);
    for (auto entry = outer.next(); entry; entry = outer.next()) {
      archive::ByteSource member = [&](std::span<std::byte> buffer) { return outer.read(buffer); };
      if (entry->path.starts_with("control.tar")) {
        archive::ArchiveReader inner(std::move(member), archive::ArchiveKind::tar, name_);
        read_control(inner);
      } else if (entry->path.starts_with("data.tar")) {
        if (!header_) refuse("its control.tar is not in front of its data.tar");
        archive::ArchiveReader inner(member, archive::ArchiveKind::tar, name_);
        keep_entries(inner);
        drain(member);
        return;
      }
    }
    refuse("it has no data.tar");
  }

  void read_control(archive::ArchiveReader& inner) {
    for (auto entry = inner.next(); entry; entry = inner.next()) {
      if (without_front(entry->path) != "control" || entry->type != archive::EntryType::file) continue;
      const auto control = inner.read_all(max_control);
      accept(header_of_control(control, name_));
      keep_record(control_record, control);
      return;
    }
  }

  void read_rpm() {
    const archive::ByteSource source = [&](std::span<std::byte> buffer) { return source_.read(buffer); };
    const auto front = read_rpm_front(source, name_);
    accept(header_of_rpm(front));
    keep_record(header_record, front.bytes);
    Hasher hasher;
    const archive::ByteSource payload = [&](std::span<std::byte> buffer) {
      const auto count = source(buffer);
      hasher.update(buffer.first(count));
      return count;
    };
    {
      archive::ArchiveReader reader(payload, archive::ArchiveKind::cpio, name_);
      keep_entries(reader);
    }
    drain(payload);
    if (!front.payload_sha256.empty() && hasher.hex() != front.payload_sha256)
      refuse("its payload differs from the digest in its header");
  }

  /// Refuses other products before the payload is read.
  void accept(OuterHeader header) {
    check_file_name(name_, header);
    identify_outer(header);
    header_ = std::move(header);
  }

  void keep_record(const char* path, std::string_view content) {
    writer_.add_file(path, false);
    writer_.write(std::as_bytes(std::span(content)));
  }

  void keep_entries(archive::ArchiveReader& reader) {
    bool any = false;
    for (auto entry = reader.next(); entry; entry = reader.next()) {
      const bool wanted = is_kept(entry->path);
      // Links elsewhere are not extracted, so it does not matter where they lead.
      if (!wanted && entry->type == archive::EntryType::symlink) entry->type = archive::EntryType::file;
      const auto admitted = policy_.admit(std::move(*entry));
      if (!admitted || !wanted) continue;
      progress_.detail(printable(admitted->path));
      any = any || admitted->type != archive::EntryType::directory;
      keep(*admitted, reader);
    }
    if (!any)
      throw Error(ErrorKind::config,
                  fmt::format("reading bundle '{}': it has no files below /usr/share/doca-host-…", name_),
                  "this is not the layout of a DOCA-Host package");
  }

  void keep(const archive::ArchiveEntry& entry, archive::ArchiveReader& reader) {
    switch (entry.type) {
      case archive::EntryType::directory:
        writer_.add_directory(entry.path);
        break;
      case archive::EntryType::symlink:
        writer_.add_symlink(entry.path, entry.target);
        links_.emplace(entry.path, entry.target);
        break;
      case archive::EntryType::hardlink:
        if (!is_kept(entry.target)) refuse(fmt::format("'{}' is a link to a file elsewhere", printable(entry.path)));
        writer_.add_link(entry.path, entry.target);
        break;
      case archive::EntryType::file:
        writer_.add_file(entry.path, (entry.mode & 0111U) != 0);
        copy_entry(reader, policy_, writer_);
        break;
      case archive::EntryType::special:
        break;  // never admitted
    }
  }

  static void drain(const archive::ByteSource& source) {
    std::vector<std::byte> buffer(std::size_t{256} << 10U);
    while (source(buffer) != 0) {
    }
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorKind::untrusted, fmt::format("reading bundle '{}': {}", name_, reason),
                "fetch the file again and compare its sha256 with that of the publisher");
  }

  std::string name_;
  fs::path payload_;
  DigestedFile source_;
  archive::IsoWriter writer_;
  archive::EntryPolicy policy_;
  Progress& progress_;
  std::optional<OuterHeader> header_;
  std::map<std::string, std::string> links_;
};

PackageFormat format_of(const fs::path& file) {
  std::array<std::byte, 8> bytes{};
  const auto count = source_of_file(file)(bytes);
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), count);
  return head.starts_with("\xED\xAB\xEE\xDB") ? PackageFormat::rpm : PackageFormat::deb;
}

}  // namespace

bool has_outer_package(const fs::path& file) {
  const auto name = printable(file.filename().string());
  std::array<std::byte, 8> bytes{};
  const auto count = source_of_file(file)(bytes);
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), count);
  if (head.starts_with("\xED\xAB\xEE\xDB"))
    return is_outer_package(read_rpm_front(source_of_file(file), name).package.name);
  return head == "!<arch>\n" &&
         is_outer_package(header_of_control(read_control(source_of_file(file), name), name).name);
}

StagedBundle stage_outer_package(const fs::path& file, const fs::path& payload, const archive::EntryLimits& limits,
                                 Progress& progress) {
  return Stager(file, payload, limits, progress).run(format_of(file));
}

OuterHeader outer_header_of(const BundleTree& tree) {
  if (tree.resolve(control_record)) return header_of_control(tree.read(control_record, max_control), control_record);
  return header_of_rpm(read_rpm_front(tree.open(header_record), header_record));
}

void copy_entry(archive::ArchiveReader& reader, archive::EntryPolicy& policy, archive::IsoWriter& writer) {
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (const auto count = reader.read(buffer)) {
    policy.count(count, reader.bytes_in());
    writer.write(std::span(buffer).first(count));
  }
}

}  // namespace bake::bundle
