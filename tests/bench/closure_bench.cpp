// How long the dependency closure takes. Figures to compare, never a gate. With an argument, the index (a deb Packages
// file) and the status file it names are measured too: closure_bench PACKAGES STATUS.
#include <benchmark/benchmark.h>
#include <filesystem>

#include "bake/base/file.hpp"
#include "bake/resolve/profile.hpp"
#include "tests/support/closure_fixture.hpp"

namespace bake::testing {
namespace {

std::vector<TestPackage> packages(const std::string& stem, int count, int files) {
  std::vector<TestPackage> list;
  for (int i = 0; i < count; ++i) {
    const auto name = stem + std::to_string(i);
    TestPackage package{name, "1.0-1"};
    package.provides = {"lib" + name + ".so.1()(64bit)"};
    for (int need = i / 2; need < i && need < i / 2 + 10; ++need)
      package.needs.push_back("lib" + stem + std::to_string(need) + ".so.1()(64bit)");
    for (int file = 0; file < files; ++file)
      package.files.push_back("/usr/share/" + name + "/file" + std::to_string(file));
    list.push_back(std::move(package));
  }
  return list;
}

/// `state.range(0)` installed packages of 100 files each, a bundle of 110 packages.
void closure_rpm(benchmark::State& state) {
  Question question;
  question.dump = rpm_dump(packages("base", static_cast<int>(state.range(0)), 100));
  question.bundle = packages("vendor", 110, 0);
  question.bundle[0].needs = {"libbase1.so.1()(64bit)", "/usr/share/base1/file7"};
  for (auto _ : state) {
    const auto closure = ask(question, {"vendor109"});
    if (!closure.ok() || closure.changes.empty()) state.SkipWithError("no closure");
  }
}
BENCHMARK(closure_rpm)->Arg(150)->Arg(500)->Arg(1500)->Unit(benchmark::kMillisecond);

void closure_genuine(benchmark::State& state, const std::string& index_file, const std::string& status_file) {
  const auto index = read_text(index_file);
  const auto status = read_text(status_file);
  const auto wanted =
      resolve::packages_of("hpc", repository_of_index(index, "DEBS"), bundle::PackageFormat::deb, "5.4.0-26-generic")
          .names;
  std::size_t answers = 0;
  for (auto _ : state) {
    const auto closure = ask_deb(status, index, wanted);
    answers = closure.changes.size() + closure.problems.size();
  }
  state.counters["answers"] = static_cast<double>(answers);
}

}  // namespace
}  // namespace bake::testing

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (count == 3) {
    const std::string index = arguments[1];
    const std::string status = arguments[2];
    benchmark::RegisterBenchmark("closure_genuine", bake::testing::closure_genuine, index, status)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
