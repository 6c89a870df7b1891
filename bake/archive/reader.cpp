#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <utility>

#include "bake/archive/archive.hpp"
#include "bake/archive/compression_window.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file_kind.hpp"
#include "bake/base/text.hpp"

namespace bake::archive {
namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10U;
constexpr std::uint64_t max_window = std::uint64_t{64} << 20U;  // the window of 'xz -9'

void allow_compression(::archive* reader) {
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_lzma(reader);
  archive_read_support_filter_zstd(reader);
}

/// Enables only the formats of `kind`: an attacker cannot reach a parser that is not enabled.
void allow_formats(::archive* reader, ArchiveKind kind) {
  if (kind != ArchiveKind::ar) allow_compression(reader);
  switch (kind) {
    case ArchiveKind::bundle:
      archive_read_support_format_tar(reader);
      archive_read_support_format_iso9660(reader);
      break;
    case ArchiveKind::tar:
      archive_read_support_format_tar(reader);
      archive_read_support_format_empty(reader);
      break;
    case ArchiveKind::cpio:
      archive_read_support_filter_lz4(reader);  // an initramfs of Ubuntu
      archive_read_support_format_cpio(reader);
      archive_read_support_format_empty(reader);
      break;
    case ArchiveKind::ar:
      archive_read_support_format_ar(reader);
      break;
    case ArchiveKind::compressed_file:
      archive_read_support_filter_lz4(reader);
      archive_read_support_format_raw(reader);
      archive_read_support_format_empty(reader);
      break;
  }
}

std::string text_or_empty(const char* text) { return text != nullptr ? text : ""; }

std::string first_of(const char* utf8, const char* raw) { return text_or_empty(utf8 != nullptr ? utf8 : raw); }

ArchiveEntry convert(archive_entry* entry) {
  ArchiveEntry result;
  result.path = first_of(archive_entry_pathname_utf8(entry), archive_entry_pathname(entry));
  result.size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
  result.mode = archive_entry_perm(entry) & 07777U;
  if (archive_entry_hardlink(entry) != nullptr || archive_entry_hardlink_utf8(entry) != nullptr) {
    result.type = EntryType::hardlink;
    result.target = first_of(archive_entry_hardlink_utf8(entry), archive_entry_hardlink(entry));
    return result;
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      result.type = EntryType::file;
      break;
    case AE_IFDIR:
      result.type = EntryType::directory;
      break;
    case AE_IFLNK:
      result.type = EntryType::symlink;
      result.target = first_of(archive_entry_symlink_utf8(entry), archive_entry_symlink(entry));
      break;
    case AE_IFCHR:
    case AE_IFBLK:
      result.special = archive_entry_filetype(entry) == AE_IFCHR ? "character device" : "block device";
      result.type = EntryType::special;
      break;
    case AE_IFIFO:
      result.special = "fifo";
      result.type = EntryType::special;
      break;
    default:
      result.special = archive_entry_filetype(entry) == AE_IFSOCK ? "socket" : "file of unknown type";
      result.type = EntryType::special;
  }
  return result;
}

}  // namespace

ByteSource source_of(std::string_view text) {
  return [text](std::span<std::byte> buffer) mutable {
    const auto count = std::min(buffer.size(), text.size());
    std::memcpy(buffer.data(), text.data(), count);
    text.remove_prefix(count);
    return count;
  };
}

struct ArchiveReader::State {
  ByteSource source;
  ArchiveKind kind;
  std::string name;
  std::unique_ptr<::archive, decltype(&archive_read_free)> reader{archive_read_new(), &archive_read_free};
  std::vector<std::byte> buffer = std::vector<std::byte>(buffer_size);
  std::size_t ahead = 0;  ///< bytes in `buffer` that check_window() has read
  std::uint64_t taken = 0;
  std::uint64_t max_unpacked = UINT64_MAX;
  std::uint64_t entry_size = 0;  ///< from the header of the current entry
  bool any_entry = false;
  std::exception_ptr
      source_error;  ///< an exception must not pass through libarchive's C code: stored, and thrown afterwards

  static la_ssize_t take(::archive* /*reader*/, void* data, const void** block) {
    auto& state = *static_cast<State*>(data);
    try {
      state.check_unpacked();
      const auto count = state.ahead != 0 ? std::exchange(state.ahead, 0) : state.source(state.buffer);
      state.taken += count;
      *block = state.buffer.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      state.source_error = std::current_exception();
      archive_set_error(state.reader.get(), EIO, "the source failed");
      return -1;
    }
  }

  /// Throws when the decoder has returned too much. libarchive reads on by itself, for example over zeros before the
  /// header of a cpio entry, but asks for input again and again.
  void check_unpacked() const {
    const auto unpacked = archive_filter_bytes(reader.get(), 0);
    if (unpacked > 0 && static_cast<std::uint64_t>(unpacked) > max_unpacked)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading '{}': it unpacks to more than {}", name, human_size(max_unpacked)));
  }

  /// Throws for a stream whose decoder would need too much memory, before the decoder starts.
  void check_window() {
    while (ahead < window_header_size) {
      const auto count = source(std::span(buffer).subspan(ahead));
      if (count == 0) break;
      ahead += count;
    }
    const auto window =
        declared_window({reinterpret_cast<const char*>(buffer.data()), std::min(ahead, window_header_size)});
    if (window && *window > max_window)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading '{}': unpacking it needs {} of memory, more than {}", name, human_size(*window),
                              human_size(max_window)),
                  "compress it again with a smaller window, as 'xz -9' or 'zstd -19' do");
  }

  /// Returns " but …" when the source's first bytes show what it is; `buffer` has them only if all of it fits.
  [[nodiscard]] std::string seems() const {
    if (taken > buffer.size()) return {};
    const std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(taken));
    const auto found = kind_of_bytes(bytes.substr(0, kind_bytes));
    return found.empty() ? found : " but " + found;
  }

  [[noreturn]] void fail() {
    if (source_error) std::rethrow_exception(source_error);
    const auto reason = text_or_empty(archive_error_string(reader.get()));
    if (kind == ArchiveKind::bundle && !any_entry && reason == "Unrecognized archive format")
      throw Error(
          ErrorKind::config,
          fmt::format("reading bundle '{}': neither a tar archive nor an ISO image{}", name, seems()),
          "bake reads MLNX_OFED_LINUX-<version>-<distro>-<arch>.tgz and .iso, the files that the vendor publishes");
    throw Error(ErrorKind::untrusted, fmt::format("reading '{}': damaged or truncated: {}", name, reason),
                "fetch the file again and compare its sha256 with that of the publisher");
  }
};

ArchiveReader::ArchiveReader(ByteSource source, ArchiveKind kind, std::string name, std::uint64_t max_unpacked)
    : state_(std::make_unique<State>()) {
  state_->source = std::move(source);
  state_->kind = kind;
  state_->name = std::move(name);
  state_->max_unpacked = max_unpacked;
  state_->check_window();
  allow_formats(state_->reader.get(), kind);
  if (archive_read_open(state_->reader.get(), state_.get(), nullptr, &State::take, nullptr) != ARCHIVE_OK)
    state_->fail();
}

ArchiveReader::~ArchiveReader() = default;

std::optional<ArchiveEntry> ArchiveReader::next() {
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(state_->reader.get(), &entry);
  if (status == ARCHIVE_EOF) return std::nullopt;
  // ARCHIVE_WARN reports names that this locale cannot represent; the raw name is still available.
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) state_->fail();
  state_->any_entry = true;
  auto converted = convert(entry);
  state_->entry_size = converted.size;
  return converted;
}

std::size_t ArchiveReader::read(std::span<std::byte> buffer) {
  const auto count = archive_read_data(state_->reader.get(), buffer.data(), buffer.size());
  if (count < 0) state_->fail();
  return static_cast<std::size_t>(count);
}

std::string ArchiveReader::read_all(std::size_t limit) {
  std::string text;
  text.reserve(std::min<std::uint64_t>(limit, state_->entry_size));  // growing would need memory for the text twice
  std::array<std::byte, 65536> buffer{};
  while (const auto count = read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (text.size() > limit)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading '{}': a member is larger than the limit of {} bytes", state_->name, limit));
  }
  return text;
}

bool ArchiveReader::is_iso() const {
  return (archive_format(state_->reader.get()) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ISO9660;
}

bool ArchiveReader::is_compressed() const {
  return archive_filter_code(state_->reader.get(), 0) != ARCHIVE_FILTER_NONE;
}

std::uint64_t ArchiveReader::bytes_in() const { return state_->taken; }

std::string unpack(std::string bytes, const std::string& name, std::size_t limit) {
  static constexpr std::array<std::string_view, 4> suffixes{".gz", ".xz", ".bz2", ".zst"};
  if (std::none_of(suffixes.begin(), suffixes.end(), [&](auto suffix) { return name.ends_with(suffix); })) return bytes;
  ArchiveReader reader(source_of(bytes), ArchiveKind::compressed_file, name);
  return reader.next() ? reader.read_all(limit) : std::string{};
}

}  // namespace bake::archive
