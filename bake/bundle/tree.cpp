#include "bake/bundle/tree.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/digested_file.hpp"
#include "bake/bundle/layout.hpp"
#include "bake/bundle/outer_package.hpp"
#include "bake/bundle/tree_digest.hpp"

namespace bake::bundle {
namespace fs = std::filesystem;
namespace {

constexpr int max_links = 40;

/// `target` seen from the directory of `path`; nothing when it leaves the tree.
std::optional<std::string> join_link(const std::string& path, const std::string& target) {
  auto parts = split(path, '/');
  parts.pop_back();
  for (const auto& part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
    }
  }
  return join(parts, "/");
}

std::string first_bytes_of(const fs::path& file) {
  std::array<std::byte, 16> bytes{};
  const auto count = read_some(open_file(file, O_RDONLY), bytes, file);
  return {reinterpret_cast<const char*>(bytes.data()), count};
}

/// Copies a file into the image; returns the SHA-256 of its content.
std::string copy_file(const fs::path& file, std::uint64_t size, archive::IsoWriter& writer) {
  const auto fd = open_file(file, O_RDONLY | O_NOFOLLOW);
  Hasher hasher;
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  std::uint64_t copied = 0;
  while (const auto count = read_some(fd, buffer, file)) {
    copied += count;
    if (copied > size)
      throw Error(ErrorKind::untrusted, fmt::format("reading '{}': it changed while it was read", file.string()));
    hasher.update(std::span(buffer).first(count));
    writer.write(std::span(buffer).first(count));
  }
  return hasher.hex();
}

std::string word_in(const BundleTree& tree, const std::string& file) {
  constexpr std::size_t max_word = 4096;
  return tree.resolve(file) ? std::string(trim(tree.read(file, max_word))) : std::string();
}

/// Returns the name of a bundle whose top directory is `directory`: the name of the directory, or what the files in it
/// say, because a mounted ISO image can be anywhere.
std::string name_of_top(const fs::path& directory, const BundleTree& tree) {
  const auto name = fs::canonical(directory).filename().string();
  if (parse_bundle_name(name)) return name;
  const auto stated =
      fmt::format("MLNX_OFED_LINUX-{}-{}-{}", word_in(tree, ".mlnx"), word_in(tree, "distro"), word_in(tree, ".arch"));
  if (parse_bundle_name(stated)) return stated;
  throw Error(ErrorKind::config,
              fmt::format("reading bundle '{}': the directory is not named like an OFED bundle, and its files .mlnx, "
                          "distro and .arch do not say which one it is",
                          printable(directory.string())),
              "the vendor's top directory is MLNX_OFED_LINUX-<version>-<distro>-<arch>; add single packages as extra "
              "packages",
              {{Remedy::Action::add_extras}});
}

StagedBundle stage_directory(const fs::path& directory, const fs::path& payload, const archive::EntryLimits& limits,
                             Progress& progress) {
  refuse_other_products(fs::canonical(directory).filename().string());
  archive::IsoWriter writer(payload);
  std::map<std::string, std::string> links;
  TreeHasher hasher;
  for (const auto& entry : entries_of_tree(directory, limits)) {
    progress.detail(printable(entry.path));
    std::string content;
    if (entry.type == archive::EntryType::directory) {
      writer.add_directory(entry.path);
    } else if (entry.type == archive::EntryType::symlink) {
      writer.add_symlink(entry.path, entry.target);
      links.emplace(entry.path, entry.target);
    } else {
      writer.add_file(entry.path, (entry.mode & 0111U) != 0);
      content = copy_file(directory / entry.path, entry.size, writer);
    }
    hasher.add(entry, content);
  }
  writer.finish();
  StagedBundle staged;
  staged.tree = BundleTree(payload, writer.files(), std::move(links));
  staged.top = name_of_top(directory, staged.tree);
  staged.archive_sha256 = hasher.hex();
  staged.from_directory = true;
  return staged;
}

}  // namespace

BundleTree::BundleTree(fs::path payload, std::map<std::string, archive::Extent> files,
                       std::map<std::string, std::string> links)
    : payload_(std::move(payload)), files_(std::move(files)), links_(std::move(links)) {}

std::set<std::string> BundleTree::paths() const {
  std::set<std::string> all;
  for (const auto& entry : files_) all.insert(entry.first);
  for (const auto& entry : links_) all.insert(entry.first);
  return all;
}

std::optional<std::string> BundleTree::resolve(const std::string& path) const {
  std::string current = path;
  for (int followed = 0; followed < max_links; ++followed) {
    if (files_.contains(current)) return current;
    // The shortest prefix that is a link: a link among the directories, or the path itself.
    auto end = current.find('/');
    while (end != std::string::npos && !links_.contains(current.substr(0, end))) end = current.find('/', end + 1);
    const auto link = links_.find(current.substr(0, end));
    if (link == links_.end()) return std::nullopt;
    auto next = join_link(link->first, link->second);
    if (!next) return std::nullopt;
    if (end != std::string::npos) *next += current.substr(end);
    current = std::move(*next);
  }
  return std::nullopt;
}

archive::ByteSource BundleTree::open(const std::string& path) const {
  const auto real = resolve(path);
  if (!real)
    throw Error(ErrorKind::untrusted, fmt::format("reading '{}': the bundle has no such file", printable(path)));
  // A std::function must be copyable; the copies share one descriptor and read by position.
  auto fd = std::make_shared<FileDescriptor>(open_file(payload_, O_RDONLY));
  const auto [offset, size] = files_.at(*real);
  return [fd, at = offset, left = size, payload = payload_](std::span<std::byte> buffer) mutable {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left));
    if (wanted == 0) return std::size_t{0};
    const auto count = ::pread(fd->get(), buffer.data(), wanted, static_cast<off_t>(at));
    if (count <= 0)
      throw Error(ErrorKind::failed, fmt::format("reading payload '{}': {}", payload.string(),
                                                 count < 0 ? std::strerror(errno) : "it is truncated"));
    at += static_cast<std::uint64_t>(count);
    left -= static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  };
}

std::string BundleTree::read(const std::string& path, std::size_t limit) const {
  if (size(path) > limit)
    throw Error(ErrorKind::untrusted, fmt::format("reading '{}': larger than {}", printable(path), human_size(limit)));
  const auto source = open(path);
  std::string text(size(path), '\0');
  for (std::size_t at = 0; at < text.size();) at += source(std::as_writable_bytes(std::span(text)).subspan(at));
  return text;
}

std::uint64_t BundleTree::size(const std::string& path) const {
  const auto real = resolve(path);
  return real ? files_.at(*real).size : 0;
}

std::string digest_of_bundle(const fs::path& archive, const archive::EntryLimits& limits, Progress& progress) {
  return fs::is_directory(archive) ? digest_of_tree(archive, limits) : digest_of_file(archive, progress);
}

std::uint64_t size_of_bundle(const fs::path& archive) {
  if (!fs::is_directory(archive)) return fs::file_size(archive);
  std::uint64_t size = 0;
  for (const auto& entry : fs::recursive_directory_iterator(archive))
    if (entry.is_regular_file() && !entry.is_symlink()) size += entry.file_size();
  return size;
}

StagedBundle stage_bundle(const fs::path& archive, const fs::path& payload, const archive::EntryLimits& limits,
                          Progress& progress) {
  if (fs::is_directory(archive)) return stage_directory(archive, payload, limits, progress);
  const auto name = printable(archive.filename().string());
  if (has_outer_package(archive)) return stage_outer_package(archive, payload, limits, progress);
  refuse_other_products(name, first_bytes_of(archive));
  DigestedFile file(archive);
  archive::ArchiveReader reader([&](std::span<std::byte> buffer) { return file.read(buffer); },
                                archive::ArchiveKind::bundle, name);
  archive::IsoWriter writer(payload);
  std::map<std::string, std::string> links;
  std::optional<archive::EntryPolicy> policy;
  for (auto entry = reader.next(); entry; entry = reader.next()) {
    if (!policy) {
      if (reader.is_iso() && reader.is_compressed())
        throw Error(ErrorKind::config, fmt::format("reading bundle '{}': a compressed ISO image", name),
                    "unpack it to the .iso that the vendor publishes");
      policy.emplace(name, reader.is_iso(), limits);
    }
    const auto before = policy->top();
    const auto admitted = policy->admit(std::move(*entry));
    if (before != policy->top()) refuse_other_products(policy->top());
    if (!admitted) continue;
    progress.detail(printable(admitted->path));
    switch (admitted->type) {
      case archive::EntryType::directory:
        writer.add_directory(admitted->path);
        break;
      case archive::EntryType::symlink:
        writer.add_symlink(admitted->path, admitted->target);
        links.emplace(admitted->path, admitted->target);
        break;
      case archive::EntryType::hardlink:
        writer.add_link(admitted->path, admitted->target);
        break;
      case archive::EntryType::file:
        writer.add_file(admitted->path, (admitted->mode & 0111U) != 0);
        copy_entry(reader, *policy, writer);
        break;
      case archive::EntryType::special:
        break;  // never admitted
    }
  }
  writer.finish();
  if (!policy || writer.files().empty())
    throw Error(ErrorKind::config, fmt::format("reading bundle '{}': it has no files", name));
  StagedBundle staged;
  staged.top = reader.is_iso() ? archive.stem().string() : policy->top();
  staged.archive_sha256 = file.finish();
  staged.tree = BundleTree(payload, writer.files(), std::move(links));
  return staged;
}

Digests digests_of(const archive::ByteSource& source, const std::set<DigestAlgorithm>& algorithms) {
  std::map<DigestAlgorithm, Hasher> hashers;
  for (const auto algorithm : algorithms) hashers.emplace(algorithm, Hasher(algorithm));
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (const auto count = source(buffer))
    for (auto& [algorithm, hasher] : hashers) hasher.update(std::span(buffer).first(count));
  Digests digests;
  for (auto& [algorithm, hasher] : hashers) digests.emplace(algorithm, hasher.hex());
  return digests;
}

}  // namespace bake::bundle
