#include "bake/archive/iso_reader.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"

namespace bake::archive {
namespace {

constexpr std::uint64_t sector_size = 2048;
constexpr std::uint64_t system_area_sectors = 16;
constexpr std::uint64_t max_directory = std::uint64_t{64} << 20U;
constexpr std::uint64_t max_continuation = std::uint64_t{64} << 10U;
constexpr std::size_t max_entries = 1'000'000;
constexpr unsigned flag_directory = 2, flag_more_extents = 0x80;

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// One directory record (ECMA-119 9.1) with what its Rock Ridge entries say.
struct Record {
  std::uint64_t sector = 0;
  std::uint64_t size = 0;
  unsigned flags = 0;
  unsigned mode = 0;
  std::string identifier = {};
  std::string_view use = {};  ///< its System Use entries
  std::string name = {};
  std::string target = {};  ///< of a link
};

class IsoReader {
 public:
  explicit IsoReader(const std::filesystem::path& image) : path_(image), fd_(open_file(image, O_RDONLY)) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) damaged("its size cannot be read");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  IsoTree run() {
    const auto front = read(0, (system_area_sectors + 2) * sector_size);
    const auto descriptor = std::string_view(front).substr(system_area_sectors * sector_size, sector_size);
    const auto end = std::string_view(front).substr((system_area_sectors + 1) * sector_size);
    // Programs recognise other file systems by bytes in the system area.
    if (front.find_first_not_of('\0') != system_area_sectors * sector_size) damaged("its system area is not empty");
    if (!descriptor.starts_with(std::string_view("\x01"
                                                 "CD001\x01",
                                                 7)) ||
        !end.starts_with(std::string_view("\xFF"
                                          "CD001\x01",
                                          7)))
      damaged("it has other volume descriptors than a payload of bake");
    if (number(descriptor, 128, 2) != sector_size) damaged("it has blocks of another size than a payload of bake");
    walk("", number(descriptor, 156 + 2, 4), number(descriptor, 156 + 10, 4), 0);
    return std::move(tree_);
  }

 private:
  [[noreturn]] void damaged(std::string_view reason) const {
    throw Error(ErrorKind::untrusted, fmt::format("reading payload '{}': {}", path_.string(), reason),
                "remove the bundle from the store and add it again");
  }

  std::string read(std::uint64_t offset, std::uint64_t count) const {
    if (offset > size_ || count > size_ - offset) damaged("it is truncated");
    std::string bytes(count, '\0');
    for (std::uint64_t done = 0; done < count;) {
      const auto got = ::pread(fd_.get(), bytes.data() + done, count - done, static_cast<off_t>(offset + done));
      if (got <= 0) damaged("it is truncated");
      done += static_cast<std::uint64_t>(got);
    }
    return bytes;
  }

  void walk(const std::string& directory, std::uint64_t sector, std::uint64_t size, int depth) {
    constexpr int max_depth = 128;
    if (size == 0 || size % sector_size != 0 || size > max_directory) damaged("a directory has an impossible size");
    if (depth > max_depth || !directories_.insert(sector).second) damaged("a directory contains itself");
    const auto bytes = read(sector * sector_size, size);
    std::size_t count = 0;
    std::optional<Record> unfinished;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto length = number(bytes, at, 1);
      if (length == 0) {  // no record crosses a sector boundary
        at = (at / sector_size + 1) * sector_size;
        continue;
      }
      if (at % sector_size + length > sector_size) damaged("a record crosses a sector boundary");
      auto record = read_record(std::string_view(bytes).substr(at, length));
      at += length;
      if (count++ < 2) {
        check_dots(record, count, directory.empty(), sector, size);
        continue;
      }
      read_system_use(record);
      add(directory, std::move(record), unfinished, depth);
    }
    if (count < 2 || unfinished) damaged("a directory is incomplete");
  }

  Record read_record(std::string_view bytes) const {
    constexpr std::size_t fixed = 33;
    if (bytes.size() < fixed + 1) damaged("a record is too short");
    const auto name_length = number(bytes, 32, 1);
    const auto use = fixed + name_length + (name_length % 2 == 0 ? 1 : 0);
    if (name_length == 0 || use > bytes.size()) damaged("a record is too short");
    // The numbers are there in both byte orders; readers differ in which one they take.
    if (!both_orders_agree(bytes, 2) || !both_orders_agree(bytes, 10)) damaged("a record has two positions");
    Record record{.sector = number(bytes, 2, 4),
                  .size = number(bytes, 10, 4),
                  .flags = static_cast<unsigned>(number(bytes, 25, 1)),
                  .identifier = std::string(bytes.substr(fixed, name_length)),
                  .use = bytes.substr(use)};
    if (number(bytes, 1, 1) != 0 || number(bytes, 26, 2) != 0 ||
        (record.flags & ~(flag_directory | flag_more_extents)) != 0)
      damaged("a record has flags that bake does not write");
    return record;
  }

  /// Checks the records "." and "..": Linux takes a directory's place from its own "." (fs/isofs/isofs.h,
  /// isofs_normalize_block_and_offset), and that of the root has to begin with SP (SUSP 5.3).
  void check_dots(const Record& record, std::size_t number_of_record, bool root, std::uint64_t sector,
                  std::uint64_t size) const {
    const bool self = number_of_record == 1;
    if (record.identifier != std::string(1, self ? '\0' : '\1')) damaged("a directory does not begin with itself");
    if (self && (record.sector != sector || record.size != size)) damaged("a directory has two positions");
    if (self && root && !record.use.starts_with(std::string_view("SP\x07\x01\xBE\xEF\0", 7)))
      damaged("it has no Rock Ridge names");
  }

  static bool both_orders_agree(std::string_view bytes, std::size_t at) {
    return std::equal(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                      bytes.begin() + static_cast<std::ptrdiff_t>(at + 4),
                      bytes.rend() - static_cast<std::ptrdiff_t>(at + 8));
  }

  /// The System Use entries (SUSP 1.10, RRIP 1.10) of a record and of its continuation.
  void read_system_use(Record& record) const {
    auto area = record.use;
    std::string continuation;
    bool continued = false;
    bool in_component = false;
    while (area.size() >= 4) {
      const auto length = number(area, 2, 1);
      if (length < 4 || length > area.size() || number(area, 3, 1) != 1) damaged("a Rock Ridge entry is damaged");
      const auto kind = area.substr(0, 2);
      const auto data = area.substr(4, length - 4);
      area.remove_prefix(length);
      if (kind == "PX" && data.size() >= 4) {
        record.mode = static_cast<unsigned>(number(data, 0, 4));
      } else if (kind == "NM" && !data.empty() && (number(data, 0, 1) & ~1U) == 0) {
        record.name += data.substr(1);
      } else if (kind == "SL" && !data.empty()) {
        read_link(data.substr(1), record, in_component);
      } else if (kind == "CE" && data.size() == 24 && !continued) {
        continued = true;
        if (number(data, 16, 4) > max_continuation) damaged("a continuation is too large");
        continuation = read(number(data, 0, 4) * sector_size + number(data, 8, 4), number(data, 16, 4));
        area = continuation;
      } else {
        damaged("it has a Rock Ridge entry that bake does not write");
      }
    }
  }

  /// The components of a link's target (RRIP 4.1.3).
  void read_link(std::string_view components, Record& record, bool& in_component) const {
    while (!components.empty()) {
      if (components.size() < 2 || number(components, 1, 1) > components.size() - 2) damaged("a link is damaged");
      const auto flags = number(components, 0, 1);
      const auto length = number(components, 1, 1);
      if (!record.target.empty() && !in_component) record.target += '/';
      if (flags == 2 || flags == 4)
        record.target += flags == 2 ? "." : "..";
      else if (flags <= 1)
        record.target += components.substr(2, length);
      else
        damaged("a link has a component that bake does not write");
      in_component = flags == 1;
      components.remove_prefix(2 + length);
    }
  }

  void add(const std::string& directory, Record record, std::optional<Record>& unfinished, int depth) {
    if (record.identifier.size() < 2 || record.name.empty() || record.name == "." || record.name == ".." ||
        record.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
      damaged("it has a file without a usable name");
    const auto path = directory.empty() ? record.name : directory + "/" + record.name;
    if (unfinished) {  // the further extent of a large file is the next bytes of the image
      if (unfinished->identifier != record.identifier || unfinished->name != record.name ||
          record.sector != unfinished->sector + unfinished->size / sector_size)
        damaged("a large file has other extents than bake writes");
      record.sector = std::exchange(unfinished->sector, 0);
      record.size += unfinished->size;
      unfinished.reset();
    }
    if ((record.flags & flag_more_extents) != 0) {
      unfinished = std::move(record);
      return;
    }
    if (paths_.size() >= max_entries || !paths_.insert(path).second) damaged("a name occurs twice");
    put(path, record, depth);
  }

  void put(const std::string& path, const Record& record, int depth) {
    constexpr unsigned kind_mask = 0170000;
    const auto kind = record.mode & kind_mask;
    const bool directory = (record.flags & flag_directory) != 0;
    if (directory != (kind == 0040000)) damaged("a file is also a directory");
    if (directory) return walk(path, record.sector, record.size, depth + 1);
    if (kind == 0120000 && !record.target.empty()) {
      tree_.links.emplace(path, record.target);
    } else if (kind == 0100000 && record.target.empty()) {
      const auto offset = record.sector * sector_size;
      if (offset > size_ || record.size > size_ - offset) damaged("it is truncated");
      tree_.files.emplace(path, Extent{offset, record.size});
    } else {
      damaged("it has a file of another kind than bake writes");
    }
  }

  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
  IsoTree tree_;
  std::set<std::uint64_t> directories_;  ///< sectors of the directories that were read
  std::set<std::string> paths_;
};

}  // namespace

IsoTree read_iso_tree(const std::filesystem::path& image) { return IsoReader(image).run(); }

}  // namespace bake::archive
