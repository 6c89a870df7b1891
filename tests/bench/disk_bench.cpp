// How long it takes to copy a disk and to compute digests.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <span>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"
#include "bake/disk/copy.hpp"
#include "bake/disk/digest.hpp"
#include "bake/disk/source.hpp"
#include "tests/bench/samples.hpp"

namespace bake {
namespace {

constexpr std::uint64_t data_size = 32 * mebibyte;
constexpr std::uint64_t disk_size = 8 * data_size;

void write_text_at(const std::filesystem::path& file, std::uint64_t offset, std::string_view text) {
  write_at(open_file(file, O_WRONLY | O_CREAT), std::as_bytes(std::span(text.data(), text.size())), offset, file);
}

/// The files that are measured. They are in memory: the speed of a disk says nothing about this code, and a reflink
/// would take the place of the copy.
class Files {
 public:
  Files() {
    write_text_at(dense(), 0, testing::sample_bytes(data_size));
    const auto piece = testing::sample_bytes(mebibyte);
    for (std::uint64_t offset = 0; offset < disk_size; offset += disk_size / data_size * mebibyte)
      write_text_at(sparse(), offset, piece);
    write_text_at(sparse(), 510, "\x55\xaa");  // a boot signature: other files are not taken for disks
    std::filesystem::resize_file(sparse(), disk_size);
  }

  /// A file without holes.
  [[nodiscard]] std::filesystem::path dense() const { return directory_.path() / "dense"; }
  /// A raw disk: 1 MiB of data, then a hole of 7 MiB, and so on.
  [[nodiscard]] std::filesystem::path sparse() const { return directory_.path() / "sparse.raw"; }
  [[nodiscard]] std::filesystem::path copy() const { return directory_.path() / "copy.raw"; }

 private:
  TemporaryDirectory directory_{"/dev/shm"};
};

const Files& files() {
  static const Files made;
  return made;
}

std::int64_t total(const benchmark::State& state, std::uint64_t bytes) {
  return static_cast<std::int64_t>(state.iterations() * bytes);
}

/// Counts the bytes of the data, without holes.
void copy_sparse_disk(benchmark::State& state) {
  const auto source = probe_source(files().sparse());
  SilentProgress progress;
  for (auto _ : state) copy_to_raw(source, files().copy(), progress);
  testing::require(space_needed(probe_source(files().copy())) == data_size, "the copy is not as sparse as the disk");
  state.SetBytesProcessed(total(state, data_size));
}
BENCHMARK(copy_sparse_disk)->Unit(benchmark::kMillisecond);

void digest_file(benchmark::State& state, DigestAlgorithm algorithm) {
  const auto file = files().dense();
  for (auto _ : state) benchmark::DoNotOptimize(digest_of_file(file, algorithm));
  state.SetBytesProcessed(total(state, data_size));
}
BENCHMARK_CAPTURE(digest_file, sha256, DigestAlgorithm::sha256)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(digest_file, sha512, DigestAlgorithm::sha512)->Unit(benchmark::kMillisecond);

/// Counts the bytes of the whole disk: the zeros of holes are hashed too, but not read.
void digest_sparse_disk(benchmark::State& state) {
  const auto disk = files().sparse();
  for (auto _ : state) benchmark::DoNotOptimize(digest_of_disk(disk));
  state.SetBytesProcessed(total(state, disk_size));
}
BENCHMARK(digest_sparse_disk)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bake
