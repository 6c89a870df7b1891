#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/ofed/archive.hpp"

namespace bake::ofed {
namespace fs = std::filesystem;
namespace {

using EntryPointer = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;
using WriterPointer = std::unique_ptr<archive, decltype(&archive_write_free)>;

EntryPointer make_entry(const std::string& path, unsigned type, unsigned mode, std::uint64_t size) {
  EntryPointer entry(archive_entry_new(), &archive_entry_free);
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), type);
  archive_entry_set_perm(entry.get(), static_cast<__LA_MODE_T>(mode));
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_atime(entry.get(), 0, 0);
  archive_entry_set_ctime(entry.get(), 0, 0);
  return entry;
}

}  // namespace

void write_zip(const fs::path& file, const std::vector<ZipFile>& files) {
  std::string bytes;
  const auto append = [](archive* /*writer*/, void* data, const void* block, size_t length) {
    static_cast<std::string*>(data)->append(static_cast<const char*>(block), length);
    return static_cast<la_ssize_t>(length);
  };
  WriterPointer writer(archive_write_new(), &archive_write_free);
  const auto expect = [&](la_ssize_t status) {
    if (status < ARCHIVE_OK)
      throw Error(ErrorKind::failed,
                  fmt::format("writing '{}': {}", file.string(), archive_error_string(writer.get())));
  };
  expect(archive_write_set_format_zip(writer.get()));
  expect(archive_write_set_options(writer.get(), "zip:compression=deflate"));
  expect(archive_write_set_bytes_in_last_block(writer.get(), 1));
  expect(archive_write_open(writer.get(), &bytes, nullptr, append, nullptr));
  for (const auto& [name, content, mode] : files) {
    const auto entry = make_entry(name, AE_IFREG, mode, content.size());
    // Zip's calendar begins in 1980.
    archive_entry_set_mtime(entry.get(), 315532800, 0);
    expect(archive_write_header(writer.get(), entry.get()));
    expect(archive_write_data(writer.get(), content.data(), content.size()));
  }
  expect(archive_write_close(writer.get()));
  write_text_atomically(file, bytes);
}

}  // namespace bake::ofed
