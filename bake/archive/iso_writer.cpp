#include "bake/archive/iso_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::archive {
namespace {

constexpr std::uint64_t sector_size = 2048;
constexpr std::uint64_t first_data_sector = 18;  // 16 reserved sectors, the volume descriptor, the terminator
constexpr std::uint64_t max_per_extent = 0xFFFFF800;
constexpr std::size_t longest_record = 254;
// 1970-01-01 00:00:00 UTC: in a directory record (ECMA-119 9.1.5) and in the volume descriptor (8.4.26).
constexpr std::string_view record_date("\x46\x01\x01\0\0\0\0", 7);
constexpr std::string_view volume_date("1970010100000000\0", 17);
constexpr std::string_view no_date("0000000000000000\0", 17);

std::uint64_t sectors_of(std::uint64_t bytes) { return (bytes + sector_size - 1) / sector_size; }

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>((value >> (8 * i)) & 0xFFU);
  return text;
}
std::string big(std::uint64_t value, int bytes) {
  auto text = little(value, bytes);
  std::reverse(text.begin(), text.end());
  return text;
}
std::string both(std::uint64_t value, int bytes) { return little(value, bytes) + big(value, bytes); }

/// A System Use entry: signature, length, version 1, data.
std::string use_entry(std::string_view signature, std::string_view data) {
  return fmt::format("{}{}\x01{}", signature, static_cast<char>(data.size() + 4), data);
}

std::string posix_attributes(unsigned mode, std::uint64_t links) {
  return use_entry("PX", both(mode, 4) + both(links, 4) + both(0, 4) + both(0, 4));
}

/// NM entries; one contains at most 250 bytes of the name, flag 1 means that the next entry continues it.
std::string name_entries(std::string_view name) {
  std::string entries;
  while (name.size() > 250) {
    entries += use_entry("NM", "\x01" + std::string(name.substr(0, 250)));
    name.remove_prefix(250);
  }
  return entries + use_entry("NM", std::string(1, '\0') + std::string(name));
}

/// SL entries: the target's components, each with flags and length; flags 2 and 4 mean "." and "..".
std::string link_entries(const std::string& target) {
  std::vector<std::string> components;
  for (const auto& piece : split(target, '/')) {
    if (piece.empty()) continue;
    if (piece == "." || piece == "..")
      components.push_back(piece == "." ? std::string("\x02\0", 2) : std::string("\x04\0", 2));
    else if (piece.size() > 240)  // flag 1: the component continues in the next record
      for (std::size_t at = 0; at < piece.size(); at += 240) {
        const auto part = piece.substr(at, 240);
        components.push_back(std::string(1, at + 240 < piece.size() ? '\x01' : '\0') + static_cast<char>(part.size()) +
                             part);
      }
    else
      components.push_back(std::string(1, '\0') + static_cast<char>(piece.size()) + piece);
  }
  std::string entries;
  std::string data;
  for (const auto& component : components) {
    if (data.size() + component.size() > 249) {
      entries += use_entry("SL", "\x01" + data);
      data.clear();
    }
    data += component;
  }
  return entries + use_entry("SL", std::string(1, '\0') + data);
}

/// A directory record (ECMA-119 9.1).
std::string record(std::string_view identifier, std::uint64_t sector, std::uint64_t size, unsigned flags,
                   std::string_view system_use) {
  std::string text(2, '\0');
  text += both(sector, 4) + both(size, 4) + std::string(record_date);
  text += std::string{static_cast<char>(flags), '\0', '\0'} + both(1, 2);
  text += static_cast<char>(identifier.size());
  text += identifier;
  if (text.size() % 2 != 0) text += '\0';
  text += system_use;
  if (text.size() % 2 != 0) text += '\0';
  text[0] = static_cast<char>(text.size());
  return text;
}

/// The Rock Ridge identification, in the continuation of the root's first record (RRIP 4.3).
std::string rock_ridge_identification() {
  constexpr std::string_view id = "RRIP_1991A";
  constexpr std::string_view description =
      "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS";
  std::string data{static_cast<char>(id.size()), static_cast<char>(description.size()), '\0', '\x01'};
  data += id;
  data += description;
  return use_entry("ER", data);
}

std::string padded(std::string_view text, std::size_t width) {
  std::string field(text);
  field.resize(width, ' ');
  return field;
}

/// Bytes in sectors, in which no record may cross a sector boundary.
class Sectors {
 public:
  /// Returns the offset of the added `bytes`.
  std::size_t add(std::string_view bytes) {
    if (text_.size() % sector_size + bytes.size() > sector_size) text_.resize(sectors_of(text_.size()) * sector_size);
    text_ += bytes;
    return text_.size() - bytes.size();
  }
  std::string take() {
    text_.resize(sectors_of(text_.size()) * sector_size);
    return std::move(text_);
  }

 private:
  std::string text_;
};

}  // namespace

/// The directories of an image: built from all items, placed behind the data, written.
class IsoWriter::Tree {
 public:
  explicit Tree(const std::map<std::string, Item>& items) {
    std::map<std::string, std::size_t> index{{"", 0}};
    nodes_.push_back({});
    for (const auto& [path, item] : items) {
      const auto slash = path.rfind('/');
      const auto parent = index.at(slash == std::string::npos ? std::string{} : path.substr(0, slash));
      const auto self = nodes_.size();
      index.emplace(path, self);
      nodes_.push_back(
          {.name = path.substr(slash == std::string::npos ? 0 : slash + 1), .parent = parent, .item = &item});
      nodes_[parent].children.push_back(self);
    }
    directories_.push_back(0);
    for (std::size_t i = 0; i < directories_.size(); ++i)  // grows during the loop: breadth first, as path tables need
      for (const auto child : nodes_[directories_[i]].children)
        if (nodes_[child].item->kind == Item::Kind::directory) directories_.push_back(child);
  }

  /// All directories, the first at `sector`, as bytes.
  std::string layout(std::uint64_t sector) {
    // A directory's size does not depend on any position: first measure, then assign positions, then write.
    for (const auto directory : directories_) {
      auto& node = nodes_[directory];
      node.sector = sector;
      const auto [records, continuation] = write(node);
      node.size = records.size();
      sector += sectors_of(records.size() + continuation.size());
    }
    std::string all;
    for (const auto directory : directories_) {
      const auto [records, continuation] = write(nodes_[directory]);
      all += records + continuation;
    }
    return all;
  }

  /// The path table (ECMA-119 9.4), least or most significant byte first.
  [[nodiscard]] std::string path_table(bool max_significant) const {
    std::map<std::size_t, std::size_t> numbers;
    std::string table;
    for (std::size_t i = 0; i < directories_.size(); ++i) {
      const auto& node = nodes_[directories_[i]];
      numbers.emplace(directories_[i], i + 1);
      const auto parent = numbers.at(node.parent);
      const auto name = i == 0 ? std::string(1, '\0') : identifier(directories_[i]);
      table += std::string{static_cast<char>(name.size()), '\0'};
      table += max_significant ? big(node.sector, 4) + big(parent, 2) : little(node.sector, 4) + little(parent, 2);
      table += name;
      if (name.size() % 2 != 0) table += '\0';
    }
    return table;
  }

  [[nodiscard]] std::string root_record() const {
    return record(std::string(1, '\0'), nodes_[0].sector, nodes_[0].size, 2, "");
  }

 private:
  struct Node {
    std::string name = {};
    std::size_t parent = 0;
    const Item* item = nullptr;  ///< null: the root
    std::vector<std::size_t> children = {};
    std::uint64_t sector = 0;  ///< of a directory
    std::uint64_t size = 0;
  };

  /// Names for systems without Rock Ridge: unique and in the order of the real names.
  [[nodiscard]] std::string identifier(std::size_t node) const {
    const bool directory = nodes_[node].item->kind == Item::Kind::directory;
    return fmt::format("{:08}{}", node, directory ? "" : ".;1");
  }

  [[nodiscard]] std::uint64_t links(const Node& directory) const {
    return 2 + static_cast<std::uint64_t>(
                   std::count_if(directory.children.begin(), directory.children.end(),
                                 [&](std::size_t child) { return nodes_[child].item->kind == Item::Kind::directory; }));
  }

  /// One directory's records and the continuation area that follows them.
  [[nodiscard]] std::pair<std::string, std::string> write(const Node& directory) const {
    Sectors records;
    Sectors continuation;
    const auto continued = [&](const std::string& inline_part, const std::string& rest) {
      const auto offset = continuation.add(rest);
      const auto sector = directory.sector + directory.size / sector_size + offset / sector_size;
      return inline_part + use_entry("CE", both(sector, 4) + both(offset % sector_size, 4) + both(rest.size(), 4));
    };
    const auto& parent = nodes_[directory.parent];
    std::string self_use = posix_attributes(040755, links(directory));
    if (directory.item == nullptr)
      self_use = continued(use_entry("SP", std::string("\xBE\xEF\0", 3)) + self_use, rock_ridge_identification());
    records.add(record(std::string(1, '\0'), directory.sector, directory.size, 2, self_use));
    records.add(record("\x01", parent.sector, parent.size, 2, posix_attributes(040755, links(parent))));
    for (const auto child : directory.children) {
      const auto& item = *nodes_[child].item;
      const auto name = identifier(child);
      const auto room = longest_record - 33 - name.size() - 1;
      auto use = attributes(nodes_[child]);
      auto rest = name_entries(nodes_[child].name);
      if (item.kind == Item::Kind::symlink) rest += link_entries(item.target);
      if (use.size() + rest.size() <= room)
        use += rest;
      else
        use = continued(use, rest);
      if (item.kind == Item::Kind::directory) {
        records.add(record(name, nodes_[child].sector, nodes_[child].size, 2, use));
        continue;
      }
      auto offset = item.extent.offset;
      auto left = item.extent.size;
      for (; left > max_per_extent; left -= max_per_extent, offset += max_per_extent)
        records.add(record(name, offset / sector_size, max_per_extent, 0x80, use));
      records.add(record(name, offset / sector_size, left, 0, use));
    }
    return {records.take(), continuation.take()};
  }

  [[nodiscard]] std::string attributes(const Node& node) const {
    switch (node.item->kind) {
      case Item::Kind::directory:
        return posix_attributes(040755, links(node));
      case Item::Kind::symlink:
        return posix_attributes(0120777, 1);
      case Item::Kind::file:
        break;
    }
    return posix_attributes(node.item->executable ? 0100755 : 0100644, 1);
  }

  std::vector<Node> nodes_;
  std::vector<std::size_t> directories_;
};

IsoWriter::IsoWriter(std::filesystem::path file)
    : path_(std::move(file)), fd_(open_file(path_, O_RDWR | O_CREAT | O_TRUNC)) {
  append(std::string(first_data_sector * sector_size, '\0'));
}

void IsoWriter::append(std::string_view bytes) {
  write_all(fd_, std::as_bytes(std::span(bytes.data(), bytes.size())), path_);
  at_ += bytes.size();
}

void IsoWriter::end_file() {
  append(std::string((sector_size - at_ % sector_size) % sector_size, '\0'));
  current_ = nullptr;
}

IsoWriter::Item& IsoWriter::put(const std::string& path, Item item) {
  end_file();
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto& parent = items_[path.substr(0, slash)];
    if (parent.kind != Item::Kind::directory)
      throw Error(ErrorKind::bug, fmt::format("writing payload '{}': '{}' is below a file", path_.string(), path));
  }
  const auto [position, fresh] = items_.try_emplace(path, item);
  if (!fresh && (item.kind != Item::Kind::directory || position->second.kind != Item::Kind::directory))
    throw Error(ErrorKind::bug, fmt::format("writing payload '{}': '{}' occurs twice", path_.string(), path));
  return position->second;
}

void IsoWriter::add_directory(const std::string& path) { put(path, {}); }

void IsoWriter::add_symlink(const std::string& path, const std::string& target) {
  put(path, {.kind = Item::Kind::symlink, .target = target});
}

void IsoWriter::add_link(const std::string& path, const std::string& existing) {
  end_file();
  const auto found = items_.find(existing);
  if (found == items_.end() || found->second.kind != Item::Kind::file)
    throw Error(ErrorKind::bug,
                fmt::format("writing payload '{}': the target of '{}' is not a file", path_.string(), path));
  put(path, Item(found->second));
}

void IsoWriter::add_file(const std::string& path, bool executable) {
  auto& item = put(path, {.kind = Item::Kind::file, .executable = executable});
  item.extent.offset = at_;
  current_ = &item;
}

void IsoWriter::write(std::span<const std::byte> data) {
  write_all(fd_, data, path_);
  at_ += data.size();
  current_->extent.size += data.size();
}

void IsoWriter::finish() {
  end_file();
  Tree tree(items_);
  append(tree.layout(at_ / sector_size));
  std::array<std::uint64_t, 2> table_sectors{};
  std::uint64_t table_size = 0;
  for (const bool max_significant : {false, true}) {
    const auto table = tree.path_table(max_significant);
    table_sectors.at(max_significant ? 1 : 0) = at_ / sector_size;
    table_size = table.size();
    append(table);
    end_file();
  }

  std::string descriptor(
      "\x01"
      "CD001\x01\0",
      8);  // ECMA-119 8.4
  descriptor += padded("LINUX", 32) + padded("BAKE_PAYLOAD", 32) + std::string(8, '\0') + both(at_ / sector_size, 4);
  descriptor += std::string(32, '\0') + both(1, 2) + both(1, 2) + both(sector_size, 2) + both(table_size, 4);
  descriptor += little(table_sectors[0], 4) + std::string(4, '\0') + big(table_sectors[1], 4) + std::string(4, '\0');
  descriptor += tree.root_record();
  descriptor +=
      padded("", 128) + padded("", 128) + padded("", 128) + padded("BAKE", 128) + padded("", std::size_t{3} * 37);
  for (const auto date : {volume_date, volume_date, no_date, volume_date}) descriptor += date;
  descriptor += '\x01';
  descriptor.resize(sector_size, '\0');
  descriptor += std::string(
      "\xFF"
      "CD001\x01",
      7);
  descriptor.resize(2 * sector_size, '\0');
  const auto written = ::pwrite(fd_.get(), descriptor.data(), descriptor.size(), 16 * sector_size);
  if (written != static_cast<ssize_t>(descriptor.size()) || ::fsync(fd_.get()) != 0)
    throw Error(ErrorKind::failed, fmt::format("writing payload '{}': {}", path_.string(), std::strerror(errno)));
}

std::map<std::string, Extent> IsoWriter::files() const {
  std::map<std::string, Extent> result;
  for (const auto& [path, item] : items_)
    if (item.kind == Item::Kind::file) result.emplace(path, item.extent);
  return result;
}

}  // namespace bake::archive
