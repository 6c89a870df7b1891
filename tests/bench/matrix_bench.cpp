// How long the matrix takes to read and to answer.
#include <benchmark/benchmark.h>

#include "matrix/generators.hpp"
#include "matrix/matrix.hpp"

namespace {

using bake::matrix::Matrix;

/// One answer: a common one, and the dearest, a refusal that looks through all releases for the nearest that works.
void matrix_resolve(benchmark::State& state, const char* version, const char* size) {
  const auto matrix = Matrix::built_in();
  for (auto _ : state) benchmark::DoNotOptimize(matrix.resolve({"centos", version, "", {size}, ""}));
}
BENCHMARK_CAPTURE(matrix_resolve, choices, "7.7", "Standard_HB120rs_v2")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(matrix_resolve, refusal, "7.6", "Standard_HB176rs_v4")->Unit(benchmark::kMicrosecond);

/// Every release with every size.
void matrix_resolve_whole_table(benchmark::State& state) {
  const auto matrix = Matrix::built_in();
  std::size_t queries = 0;
  for (auto _ : state)
    for (const auto& os : matrix.operating_systems())
      for (const auto& size : matrix.sizes()) {
        benchmark::DoNotOptimize(matrix.resolve({os.id, os.version, "", {size.name}, ""}));
        ++queries;
      }
  state.SetItemsProcessed(static_cast<std::int64_t>(queries));
}
BENCHMARK(matrix_resolve_whole_table)->Unit(benchmark::kMillisecond);

/// All YAML files: what the first use of the matrix costs.
void matrix_read_rows(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Matrix::check({}));
}
BENCHMARK(matrix_read_rows)->Unit(benchmark::kMillisecond);

void matrix_html_page(benchmark::State& state) {
  const auto matrix = Matrix::built_in();
  for (auto _ : state) benchmark::DoNotOptimize(bake::matrix::html_page(matrix));
}
BENCHMARK(matrix_html_page)->Unit(benchmark::kMillisecond);

}  // namespace
