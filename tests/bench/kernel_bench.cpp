// How long it takes to read a kernel's symbols and a module, and to compare them.
#include <benchmark/benchmark.h>

#include "bake/archive/archive.hpp"
#include "bake/base/file.hpp"
#include "bake/inspect/kernels.hpp"
#include "bake/resolve/kernel_fit.hpp"
#include "tests/bench/samples.hpp"

namespace bake::resolve {
namespace {

using testing::require;
using testing::skip_without;

constexpr const char* el83 = "4.18.0-240.1.1.el8_3.x86_64";
constexpr const char* el83_later = "4.18.0-240.15.1.el8_3.x86_64";
constexpr std::uint32_t symbol_count = 20'000;  // a kernel of RHEL 8 has 19,300

std::string symbol_name(std::uint32_t number) { return fmt::format("a_kernel_symbol_{}", number); }
std::uint32_t crc_of(std::uint32_t number) { return number * 2654435761U; }
std::string vermagic_of(const char* kernel) { return fmt::format("{} SMP mod_unload modversions ", kernel); }

std::string unpacked(const std::filesystem::path& file) {
  return archive::unpack(read_text(file), file.filename().string(), std::size_t{16} << 20U);
}

void parse_symvers_of(benchmark::State& state, const std::string& text) {
  std::size_t symbols = 0;
  for (auto _ : state) symbols = guest::parse_symvers(text).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * symbols));
}

void parse_symvers_generated(benchmark::State& state) {
  std::string text;
  for (std::uint32_t i = 0; i < symbol_count; ++i)
    text += fmt::format("{:#010x}\t{}\tvmlinux\tEXPORT_SYMBOL_GPL\n", crc_of(i), symbol_name(i));
  require(guest::parse_symvers(text).size() == symbol_count, "not all symbols were read");
  parse_symvers_of(state, text);
}
BENCHMARK(parse_symvers_generated)->Unit(benchmark::kMillisecond);

void parse_symvers_genuine(benchmark::State& state) {
  const auto file = testing::genuine_data("genuine-kabi") / "symvers" / fmt::format("symvers-{}.gz", el83);
  if (!skip_without(state, file)) parse_symvers_of(state, unpacked(file));
}
BENCHMARK(parse_symvers_genuine)->Unit(benchmark::kMillisecond);

void read_module_genuine(benchmark::State& state) {
  const auto file = testing::genuine_data("genuine-kabi") / "modules" / el83 / "mlx5_ib.ko.xz";
  if (skip_without(state, file)) return;
  const auto bytes = unpacked(file);
  for (auto _ : state) benchmark::DoNotOptimize(guest::read_module(bytes, "/lib/modules/mlx5_ib.ko"));
}
BENCHMARK(read_module_genuine)->Unit(benchmark::kMicrosecond);

/// A module that imports `imports` symbols of the kernel, every 50th of them.
guest::ModuleFacts module_importing(std::uint32_t imports, const std::string& name) {
  guest::ModuleFacts module;
  module.name = name;
  module.path = fmt::format("/lib/modules/{}/extra/{}.ko", el83, name);
  module.vermagic = vermagic_of(el83);
  for (std::uint32_t i = 0; i < imports; ++i) {
    const auto number = i * 50 % symbol_count;
    module.imports.emplace(symbol_name(number), crc_of(number));
  }
  return module;
}

/// A package of `modules` modules that were built for an earlier kernel: the CRC of every import is compared.
void decide_fit_of_kmod(benchmark::State& state) {
  guest::Facts facts;
  facts.kernels.resize(1);
  facts.kernels[0].release = el83_later;
  facts.kernels[0].vermagic = vermagic_of(el83_later);
  auto& symbols = facts.kernels[0].symbol_versions.emplace();
  for (std::uint32_t i = 0; i < symbol_count; ++i) symbols.emplace(symbol_name(i), crc_of(i));
  bundle::Repository repository;
  auto& package = repository.packages.emplace_back();
  package.name = "kmod-mlnx-ofa_kernel";
  package.version = "5.5-1";
  package.built_kernel = el83;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    package.modules.push_back(module_importing(300, fmt::format("mlx_module{}", i)));
  for (auto _ : state) {
    const auto fit = decide_fit(facts, el83_later, repository, bundle::PackageFormat::rpm, {package.name}, {});
    require(fit.kind == FitKind::weak_updates, fit.explanation);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decide_fit_of_kmod)->Arg(20)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bake::resolve
