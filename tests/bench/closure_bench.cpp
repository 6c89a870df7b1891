// How long the dependency closure takes.
#include <benchmark/benchmark.h>

#include "bake/base/file.hpp"
#include "bake/resolve/profile.hpp"
#include "tests/bench/samples.hpp"

namespace bake::resolve {
namespace {

using namespace bake::testing;

/// Measures solve() with one source; `installed` is the number of packages in the guest.
void solve_with(benchmark::State& state, const guest::Facts& facts, const PackageSource& source,
                const std::vector<std::string>& wanted, std::int64_t installed) {
  for (auto _ : state) {
    const auto closure = solve(facts, {source}, wanted, {"mlnx-fw-updater"});
    require(closure.ok() && !closure.changes.empty(), "there is no closure");
  }
  const auto packages = installed + static_cast<std::int64_t>(source.repository->packages.size());
  state.SetItemsProcessed(state.iterations() * packages);
}

/// `state.range(0)` installed packages of 100 files each, a bundle of 110 packages.
void closure_rpm(benchmark::State& state) {
  auto bundle = sample_packages("vendor", 110, 0);
  bundle[0].needs = {"libbase1.so.1()(64bit)", "/usr/share/base1/file7"};
  const auto repository = repository_of(bundle, "RPMS");
  guest::Facts facts;
  facts.family = guest::Family::rpm;
  facts.arch = "x86_64";
  facts.packages.dump = rpm_dump(sample_packages("base", state.range(0), 100));
  solve_with(state, facts, {0, &repository, bundle::PackageFormat::rpm, primary_xml(bundle), ""}, {"vendor109"},
             state.range(0));
}
BENCHMARK(closure_rpm)->Arg(150)->Arg(500)->Arg(1500)->Unit(benchmark::kMillisecond);

std::string status_of(const std::string& name, const std::string& version, const std::string& depends) {
  return fmt::format("Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n{}\n", name, version,
                     depends);
}

/// A dpkg database: what the vendor's legacy stack needs of the distribution, and `count` other packages.
std::string deb_status(std::int64_t count) {
  std::string text;
  for (const auto* package : {"adduser 3.118", "coreutils 8.30", "dkms 2.8.1", "grep 3.4", "kmod 27", "libc6 2.31",
                              "libglib2.0-0 2.64", "libnl-3-200 3.4.0", "libnl-route-3-200 3.4.0", "libnuma1 2.0.12",
                              "lsof 4.93.2", "make 4.2.1", "pciutils 3.6.4", "procps 3.3.16"}) {
    const auto words = split_words(package);
    text += status_of(words[0], words[1], "");
  }
  for (std::int64_t i = 0; i < count; ++i)
    text += status_of(fmt::format("other{}", i), "1.0-1", fmt::format("Depends: libc6 (>= 2.14), other{}\n", i / 2));
  return text;
}

/// The genuine index of a bundle, and `state.range(0)` installed packages.
void closure_deb_genuine(benchmark::State& state) {
  const std::string directory = "DEBS/MLNX_LIBS";
  const auto file = genuine_data("mlnx-ofed-4.9-7.1.0.0-ubuntu") / directory / "Packages";
  if (skip_without(state, file)) return;
  const auto index = read_text(file);
  const auto repository = repository_of_index(index, directory);
  const auto profile = packages_of("ib-minimal", repository, bundle::PackageFormat::deb, "5.4.0-26-generic");
  guest::Facts facts;
  facts.family = guest::Family::deb;
  facts.arch = "x86_64";
  facts.packages.dump = deb_status(state.range(0));
  solve_with(state, facts, {0, &repository, bundle::PackageFormat::deb, index, ""}, profile.names, state.range(0));
}
BENCHMARK(closure_deb_genuine)->Arg(600)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bake::resolve
