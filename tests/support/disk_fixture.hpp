#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/disk/footer.hpp"
#include "tests/support/error_of.hpp"

namespace bake {

constexpr auto test_uuid = "01234567-89ab-5cde-8f01-23456789abcd";
constexpr std::int64_t test_time = 1700000000;

/// Small sparse disk images in a temporary directory.
class DiskTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path at(std::string_view name) const { return directory_.path() / name; }

  static void put(const std::filesystem::path& file, std::uint64_t offset, std::string_view bytes) {
    write_at(open_file(file, O_WRONLY | O_CREAT), std::as_bytes(std::span(bytes.data(), bytes.size())), offset, file);
  }

  static std::string get(const std::filesystem::path& file, std::uint64_t offset, std::size_t length) {
    std::string bytes(length, '\0');
    bytes.resize(read_at(open_file(file, O_RDONLY), std::as_writable_bytes(std::span(bytes)), offset, file));
    return bytes;
  }

  /// A raw disk of `size` bytes with a boot signature, no partitions, and the words "some data" 40000 bytes in.
  [[nodiscard]] std::filesystem::path raw_disk(std::string_view name, std::uint64_t size) const {
    const auto file = at(name);
    put(file, 510, "\x55\xaa");
    std::filesystem::resize_file(file, size);
    if (size > 40100) put(file, 40000, "some data");
    return file;
  }

  static void append_footer(const std::filesystem::path& file, const VhdFooter& footer) {
    const auto bytes = serialize(footer);
    put(file, std::filesystem::file_size(file), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  /// A fixed VHD over raw_disk; `change` edits the footer before it is written (with a correct checksum).
  [[nodiscard]] std::filesystem::path fixed_vhd(
      std::string_view name, std::uint64_t size,
      const std::function<void(VhdFooter&)>& change = [](VhdFooter&) {}) const {
    const auto file = raw_disk(name, size);
    auto footer = make_fixed_footer(round_up_to_mib(size), test_time, test_uuid);
    footer.current_size = size;
    change(footer);
    append_footer(file, footer);
    return file;
  }

  static std::uint64_t allocated(const std::filesystem::path& file) {
    struct stat info {};
    EXPECT_EQ(::stat(file.c_str(), &info), 0);
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace bake
