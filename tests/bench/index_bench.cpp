// How long it takes to read the index of a repository, and the header of an rpm.
#include <algorithm>
#include <benchmark/benchmark.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/packages/deb_index.hpp"
#include "bake/packages/rpm_header.hpp"
#include "bake/packages/rpm_index.hpp"
#include "tests/bench/samples.hpp"

namespace bake::bundle {
namespace {

using testing::require;
using testing::skip_without;
namespace fs = std::filesystem;

void count(benchmark::State& state, std::size_t bytes, std::size_t packages) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * packages));
}

/// A paragraph with the fields of the vendor's own.
std::string sample_paragraph(std::int64_t number) {
  const auto name = fmt::format("package{}", number);
  return fmt::format(
      "Package: {0}\nArchitecture: amd64\nVersion: 1.0-1.49710\nPriority: extra\nSection: libs\n"
      "Maintainer: A Name <name@example.com>\nInstalled-Size: 1393\n"
      "Depends: libc6 (>= 2.14), libgcc-s1 (>= 3.0), libstdc++6 (>= 5.2), libibverbs1 (>= 1.1.2)\n"
      "Filename: ./{0}_1.0-1.49710_amd64.deb\nSize: 234316\nMD5sum: {1}\nSHA1: {2}\nSHA256: {3}\nSHA512: {4}\n"
      "Description: The package number {5}\n It is described in a paragraph of several lines,\n"
      " as those of the vendor are.\n .\n This is the last of them.\n\n",
      name, digest_of(name, DigestAlgorithm::md5), digest_of(name, DigestAlgorithm::sha1), digest_of(name),
      digest_of(name, DigestAlgorithm::sha512), number);
}

void parse_packages_of(benchmark::State& state, const std::string& text, std::size_t packages) {
  for (auto _ : state) require(parse_packages(text, "Packages").size() == packages, "not all packages were read");
  count(state, text.size(), packages);
}

void parse_packages_generated(benchmark::State& state) {
  std::string text;
  for (std::int64_t i = 0; i < state.range(0); ++i) text += sample_paragraph(i);
  parse_packages_of(state, text, static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(parse_packages_generated)->Arg(100)->Arg(5000)->Unit(benchmark::kMicrosecond);

void parse_packages_genuine(benchmark::State& state) {
  const auto file = testing::genuine_data("mlnx-ofed-4.9-7.1.0.0-ubuntu") / "DEBS/UPSTREAM_LIBS/Packages";
  if (skip_without(state, file)) return;
  const auto text = read_text(file);
  parse_packages_of(state, text, parse_packages(text, "Packages").size());
}
BENCHMARK(parse_packages_genuine)->Unit(benchmark::kMicrosecond);

void parse_primary_of(benchmark::State& state, const std::string& text, std::size_t packages) {
  for (auto _ : state) require(parse_primary(text, "primary.xml").size() == packages, "not all packages were read");
  count(state, text.size(), packages);
}

void parse_primary_generated(benchmark::State& state) {
  // A solver needs no sizes, so that the text for its tests has none; an index without them is refused.
  const auto text = replace_all(testing::primary_xml(testing::sample_packages("package", state.range(0), 20)),
                                "<location", "<size package=\"234316\" installed=\"1393000\"/><location");
  parse_primary_of(state, text, static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(parse_primary_generated)->Arg(100)->Arg(5000)->Unit(benchmark::kMicrosecond);

/// The packages of RHEL 8 that are smaller than 1 MiB: they are enough, and quick to read.
std::vector<fs::path> small_rpms(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& file : entries_of(directory))
    if (file.extension() == ".rpm" && fs::file_size(file) < (1U << 20U)) files.push_back(file);
  return files;
}

RpmFacts facts_of(const fs::path& file) {
  const auto bytes = read_text(file);
  auto facts = read_rpm(archive::source_of(bytes), signature::KeyRing(), file.filename().string());
  facts.package.file = {file.filename().string(), bytes.size(), {{DigestAlgorithm::sha256, digest_of(bytes)}}};
  return facts;
}

/// Of headers, as the store makes it for the solver.
void parse_primary_genuine(benchmark::State& state) {
  const auto directory = testing::genuine_data("el8-rpms");
  if (skip_without(state, directory)) return;
  static const auto packages = [&] {  // once: the program calls this function several times
    std::vector<RpmFacts> facts;
    for (const auto& file : small_rpms(directory)) facts.push_back(facts_of(file));
    return facts;
  }();
  parse_primary_of(state, primary_of(packages), packages.size());
}
BENCHMARK(parse_primary_genuine)->Unit(benchmark::kMicrosecond);

/// The whole file is read, with its payload.
void read_rpm_genuine(benchmark::State& state) {
  const auto directory = testing::genuine_data("el8-rpms");
  if (skip_without(state, directory)) return;
  const auto files = small_rpms(directory);
  require(!files.empty(), "there are no small packages");
  const auto bytes = read_text(*std::max_element(
      files.begin(), files.end(), [](const auto& a, const auto& b) { return fs::file_size(a) < fs::file_size(b); }));
  const signature::KeyRing ring;
  for (auto _ : state) benchmark::DoNotOptimize(read_rpm(archive::source_of(bytes), ring, "package.rpm"));
  count(state, bytes.size(), 1);
}
BENCHMARK(read_rpm_genuine)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bake::bundle
