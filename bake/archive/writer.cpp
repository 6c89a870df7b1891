#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "bake/archive/archive.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"

namespace bake::archive {
namespace fs = std::filesystem;
namespace {

using EntryPointer = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;
using WriterPointer = std::unique_ptr<::archive, decltype(&archive_write_free)>;

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

struct TarWriter::State {
  fs::path file;
  std::int64_t time;
  FileDescriptor fd;
  WriterPointer writer{archive_write_new(), &archive_write_free};
  std::uint64_t missing = 0;  ///< bytes that the current entry still needs

  void expect(la_ssize_t status) {
    if (status >= ARCHIVE_OK) return;
    const int error = archive_errno(writer.get());
    if (error == ENOSPC || error == EDQUOT) throw_errno("writing", file, error);
    throw Error(ErrorKind::failed, fmt::format("writing '{}': {}", file.string(), archive_error_string(writer.get())));
  }
  void expect_complete() const {
    if (missing != 0) throw Error(ErrorKind::bug, fmt::format("writing '{}': an entry is incomplete", file.string()));
  }
};

TarWriter::TarWriter(fs::path file, std::int64_t time) : state_(std::make_unique<State>()) {
  auto& state = *state_;
  state.file = std::move(file);
  state.time = time;
  state.fd = open_file(state.file, O_WRONLY | O_CREAT | O_TRUNC);
  state.expect(archive_write_set_format_pax_restricted(state.writer.get()));
  state.expect(archive_write_add_filter_zstd(state.writer.get()));
  state.expect(archive_write_set_options(state.writer.get(), "zstd:compression-level=3"));
  state.expect(archive_write_set_bytes_in_last_block(state.writer.get(), 1));
  state.expect(archive_write_open_fd(state.writer.get(), state.fd.get()));
}

TarWriter::~TarWriter() {
  // Without this call libarchive's clean-up would complete an unfinished archive.
  if (state_->writer) archive_write_fail(state_->writer.get());
}

void TarWriter::add_file(const std::string& path, std::uint64_t size) {
  state_->expect_complete();
  const auto entry = make_entry(path, AE_IFREG, 0644, size);
  archive_entry_set_mtime(entry.get(), state_->time, 0);
  archive_entry_unset_atime(entry.get());
  archive_entry_unset_ctime(entry.get());
  state_->expect(archive_write_header(state_->writer.get(), entry.get()));
  state_->missing = size;
}

void TarWriter::write(std::span<const std::byte> data) {
  if (data.size() > state_->missing)
    throw Error(ErrorKind::bug, fmt::format("writing '{}': an entry got more than its size", state_->file.string()));
  while (!data.empty()) {
    const auto written = archive_write_data(state_->writer.get(), data.data(), data.size());
    state_->expect(written);
    state_->missing -= static_cast<std::uint64_t>(written);
    data = data.subspan(static_cast<std::size_t>(written));
  }
}

void TarWriter::finish() {
  state_->expect_complete();
  state_->expect(archive_write_close(state_->writer.get()));
  state_->writer.reset();
  state_->fd.reset();
}

struct CompressedWriter::State {
  fs::path file;
  WriterPointer writer{archive_write_new(), &archive_write_free};

  void expect(la_ssize_t status) {
    if (status >= ARCHIVE_OK) return;
    const int error = archive_errno(writer.get());
    if (error == ENOSPC || error == EDQUOT) throw_errno("writing", file, error);
    throw Error(ErrorKind::failed, fmt::format("writing '{}': {}", file.string(), archive_error_string(writer.get())));
  }
};

CompressedWriter::CompressedWriter(int fd, fs::path file, Compression compression) : state_(std::make_unique<State>()) {
  auto& state = *state_;
  state.file = std::move(file);
  auto* writer = state.writer.get();
  state.expect(archive_write_set_format_raw(writer));
  if (compression == Compression::gzip) {
    state.expect(archive_write_add_filter_gzip(writer));
    state.expect(archive_write_set_options(writer, "gzip:!timestamp,gzip:compression-level=6"));
  } else if (compression == Compression::zstd) {
    state.expect(archive_write_add_filter_zstd(writer));
    state.expect(archive_write_set_options(writer, "zstd:compression-level=9"));
  }
  state.expect(archive_write_set_bytes_in_last_block(writer, 1));
  state.expect(archive_write_open_fd(writer, fd));
  const auto entry = make_entry("content", AE_IFREG, 0644, 0);
  archive_entry_unset_size(entry.get());
  state.expect(archive_write_header(writer, entry.get()));
}

CompressedWriter::~CompressedWriter() {
  if (state_->writer) archive_write_fail(state_->writer.get());
}

void CompressedWriter::write(std::string_view data) {
  while (!data.empty()) {
    const auto written = archive_write_data(state_->writer.get(), data.data(), data.size());
    state_->expect(written);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

void CompressedWriter::finish() {
  state_->expect(archive_write_close(state_->writer.get()));
  state_->writer.reset();
}

void write_zip(const fs::path& file, const std::vector<ZipFile>& files) {
  std::string bytes;
  const auto append = [](::archive* /*writer*/, void* data, const void* block, size_t length) {
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
    // The first date of the zip format is 1980-01-01.
    archive_entry_set_mtime(entry.get(), 315532800, 0);
    expect(archive_write_header(writer.get(), entry.get()));
    expect(archive_write_data(writer.get(), content.data(), content.size()));
  }
  expect(archive_write_close(writer.get()));
  write_text_atomically(file, bytes);
}

}  // namespace bake::archive
