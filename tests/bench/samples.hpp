// Inputs that several benchmarks use.
#pragma once

#include <benchmark/benchmark.h>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/closure_fixture.hpp"
#include "tests/support/genuine_data.hpp"

namespace bake::testing {

/// Ends the program if a benchmark does not measure what its name says: its figure would mislead.
inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::logic_error(what);
}

/// Returns true and skips the benchmark if `path`, which is genuine material, does not exist.
inline bool skip_without(benchmark::State& state, const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) return false;
  state.SkipWithError(fmt::format("skipped: there is no '{}'", path.string()).c_str());
  return true;
}

/// Returns the same bytes in every run, which gzip compresses to about half: blocks of random bytes and of text
/// in turn, because programs and libraries are such a mixture.
inline std::string sample_bytes(std::size_t size) {
  constexpr std::size_t block = 4096;
  std::mt19937 random(20200101);
  std::string bytes;
  bytes.reserve(size + block);
  while (bytes.size() < size) {
    for (std::size_t i = 0; i < block; ++i) bytes += static_cast<char>(random() & 0xFFU);
    while (bytes.size() % (2 * block) != 0) bytes += static_cast<char>('a' + bytes.size() % 26);
  }
  bytes.resize(size);
  return bytes;
}

/// Returns `count` rpms, each with `files` files. Each needs up to ten that are before it in the list.
inline std::vector<TestPackage> sample_packages(const std::string& stem, std::int64_t count, int files) {
  std::vector<TestPackage> list;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto name = fmt::format("{}{}", stem, i);
    TestPackage package{name, "1.0-1"};
    package.provides = {fmt::format("lib{}.so.1()(64bit)", name)};
    for (auto need = i / 2; need < i && need < i / 2 + 10; ++need)
      package.needs.push_back(fmt::format("lib{}{}.so.1()(64bit)", stem, need));
    for (int file = 0; file < files; ++file) package.files.push_back(fmt::format("/usr/share/{}/file{}", name, file));
    list.push_back(std::move(package));
  }
  return list;
}

}  // namespace bake::testing
