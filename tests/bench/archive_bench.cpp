// How long it takes to read a bundle's archive.
#include <benchmark/benchmark.h>
#include <span>

#include "bake/archive/archive.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "tests/bench/samples.hpp"

namespace bake::archive {
namespace {

using testing::require;

constexpr std::size_t member_count = 64;
constexpr std::size_t member_size = std::size_t{256} << 10U;

/// The bytes of a tar archive with `option` of tar(1): --gzip, or --no-auto-compress for none.
std::string make_tar(const std::string& option) {
  const TemporaryDirectory directory;
  const auto tree = directory.path() / "MLNX_OFED_LINUX";
  std::filesystem::create_directory(tree);
  for (std::size_t i = 0; i < member_count; ++i)
    write_text_atomically(tree / fmt::format("package{}.rpm", i), testing::sample_bytes(member_size));
  const auto file = directory.path() / "bundle";
  const auto made = run_program({"tar", "--create", option, "--file", file.string(), "--directory",
                                 directory.path().string(), "MLNX_OFED_LINUX"});
  require(made.status == 0, made.err);
  return read_text(file);
}

/// Reads every byte of every file.
void read_archive(benchmark::State& state, const char* option) {
  const auto bytes = make_tar(option);
  std::vector<std::byte> buffer(std::size_t{64} << 10U);
  std::size_t unpacked = 0;
  for (auto _ : state) {
    ArchiveReader reader(source_of(bytes), ArchiveKind::bundle, "bundle.tgz");
    unpacked = 0;
    while (reader.next())
      while (const auto count = reader.read(buffer)) unpacked += count;
  }
  require(unpacked == member_count * member_size, "not all members were read");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * unpacked));
}
BENCHMARK_CAPTURE(read_archive, tar_gz, "--gzip")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_archive, tar, "--no-auto-compress")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bake::archive
