// The kernel fit of genuine kernels and modules: symvers of CentOS 7 and RHEL 8, the kernel's own mlx5_ib and
// hv_netvsc, and a kmod package of a vendor. They are not in git; without them these tests are skipped. zcat, modprobe
// --dump-modversions and awk give the numbers below.
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ostream>

#include "bake/archive/archive.hpp"
#include "bake/base/file.hpp"
#include "bake/bundle/package_scan.hpp"
#include "bake/inspect/kernels.hpp"
#include "bake/resolve/kernel_fit.hpp"
#include "tests/support/genuine_data.hpp"

namespace bake::resolve {
namespace {

using guest::SymbolVersions;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* el83 = "4.18.0-240.1.1.el8_3.x86_64";
constexpr const char* el83_later = "4.18.0-240.15.1.el8_3.x86_64";

/// How the symbols of two kernels differ.
struct Difference {
  std::size_t common = 0, changed = 0, gone = 0, added = 0;

  friend bool operator==(const Difference&, const Difference&) = default;
};

void PrintTo(const Difference& difference, std::ostream* out) {
  *out << difference.common << " in both, " << difference.changed << " changed, " << difference.gone << " gone, "
       << difference.added << " added";
}

class GenuineKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(directory()))
      GTEST_SKIP() << "the genuine symbol versions and modules are not in " << directory();
  }

  static std::filesystem::path directory() { return testing::genuine_data("genuine-kabi"); }

  static std::string unpacked(const std::filesystem::path& file) {
    return archive::unpack(read_text(file), file.filename(), std::size_t{16} << 20U);
  }

  static SymbolVersions symbols_of(const std::string& kernel) {
    return guest::parse_symvers(unpacked(directory() / "symvers" / ("symvers-" + kernel + ".gz")));
  }

  static Difference difference(const std::string& before, const std::string& after) {
    const auto old_symbols = symbols_of(before);
    const auto new_symbols = symbols_of(after);
    Difference found;
    for (const auto& [symbol, crc] : old_symbols) {
      const auto same = new_symbols.find(symbol);
      if (same == new_symbols.end()) continue;
      ++found.common;
      if (same->second != crc) ++found.changed;
    }
    found.gone = old_symbols.size() - found.common;
    found.added = new_symbols.size() - found.common;
    return found;
  }

  static guest::ModuleFacts module_of(const std::string& kernel, const std::string& name) {
    const auto file = name + ".ko.xz";
    return guest::read_module(unpacked(directory() / "modules" / kernel / file),
                              "/lib/modules/" + kernel + "/extra/" + file);
  }

  /// The fit of `packages` with `kernel`, whose symbols are the genuine ones.
  static KernelFit fit(const std::string& kernel, const std::vector<bundle::BundlePackage>& packages) {
    guest::Facts facts;
    facts.kernels.resize(1);
    facts.kernels[0].release = kernel;
    facts.kernels[0].symbol_versions = symbols_of(kernel);
    bundle::Repository repository;
    repository.packages = packages;
    std::vector<std::string> names;
    for (const auto& package : packages) names.push_back(package.name);
    return decide_fit(facts, kernel, repository, bundle::PackageFormat::rpm, names, {});
  }

  /// A kmod package with the module `name` that was built for `built`.
  static bundle::BundlePackage kmod(const std::string& built, const std::string& name) {
    bundle::BundlePackage package;
    package.name = "kmod-" + name;
    package.version = "1";
    package.built_kernel = built;
    package.modules = {module_of(built, name)};
    return package;
  }

  /// The package kmod-rhino of a vendor of telephony cards, built for 3.10.0-229.14.1. Its dahdi symbols come from
  /// another package.
  static bundle::BundlePackage kmod_rhino() {
    const auto bytes = read_text(directory() / "kmod/kmod-rhino-0.99.7-0.x86_64.rpm");
    auto content =
        bundle::scan_kernel_content(archive::source_of(bytes), bundle::PackageFormat::rpm, "kmod-rhino-0.99.7-0");
    bundle::BundlePackage package;
    package.name = "kmod-rhino";
    package.version = "0.99.7-0";
    package.built_kernel = content.built_kernel;
    package.modules = std::move(content.modules);
    return package;
  }
};

TEST_F(GenuineKernels, EverySymbolOfATableIsRead) {
  const std::vector<std::pair<std::string, std::size_t>> counts{{"3.10.0-229.4.2.el7.x86_64", 13463},
                                                                {"3.10.0-514.el7.x86_64", 15321},
                                                                {"3.10.0-957.5.1.el7.x86_64", 17135},
                                                                {"3.10.0-957.27.2.el7.x86_64", 17144},
                                                                {el83, 19298},
                                                                {el83_later, 19302}};
  for (const auto& [kernel, count] : counts) EXPECT_EQ(symbols_of(kernel).size(), count) << kernel;
}

TEST_F(GenuineKernels, AMinorUpdateChangesFewSymbolsAndAMinorReleaseMany) {
  EXPECT_EQ(difference(el83, el83_later), (Difference{19297, 28, 1, 5}));
  EXPECT_EQ(difference("3.10.0-957.5.1.el7.x86_64", "3.10.0-957.27.2.el7.x86_64"), (Difference{17134, 544, 1, 10}));
  EXPECT_EQ(difference("3.10.0-514.el7.x86_64", "3.10.0-957.5.1.el7.x86_64"), (Difference{14940, 5627, 381, 2195}));
}

TEST_F(GenuineKernels, ModulesImportWhatModprobeSays) {
  for (const std::string kernel : {el83, el83_later})
    for (const auto& [name, count] :
         std::vector<std::pair<std::string, std::size_t>>{{"mlx5_ib", 338}, {"hv_netvsc", 204}}) {
      SCOPED_TRACE(kernel + " " + name);
      const auto module = module_of(kernel, name);
      EXPECT_EQ(module.name, name);
      EXPECT_EQ(module.vermagic, kernel + " SMP mod_unload modversions ");
      EXPECT_EQ(module.imports.size(), count);
      const auto said = read_text(directory() / "modules" / kernel / (name + ".ko.xz.modversions.txt"));
      EXPECT_EQ(module.imports, guest::parse_symvers(said));
    }
}

TEST_F(GenuineKernels, AModuleFitsTheKernelThatItWasBuiltFor) {
  EXPECT_EQ(fit(el83, {kmod(el83, "mlx5_ib"), kmod(el83, "hv_netvsc")}).kind, FitKind::built_for);
  EXPECT_EQ(fit(el83_later, {kmod(el83_later, "hv_netvsc")}).kind, FitKind::built_for);
}

TEST_F(GenuineKernels, MlxIbFitsTheOtherKernelThroughWeakUpdates) {
  const auto later = fit(el83_later, {kmod(el83, "mlx5_ib")});
  EXPECT_EQ(later.kind, FitKind::weak_updates);
  EXPECT_EQ(later.built_kernel, el83);
  EXPECT_THAT(later.reasons, IsEmpty());
  EXPECT_EQ(fit(el83, {kmod(el83_later, "mlx5_ib")}).kind, FitKind::weak_updates);
}

TEST_F(GenuineKernels, HvNetvscIsRefusedBecauseOfOneSymbol) {
  const auto later = fit(el83_later, {kmod(el83, "hv_netvsc")});
  EXPECT_EQ(later.kind, FitKind::refused);
  EXPECT_EQ(later.explanation,
            "modules of kmod-hv_netvsc were built for 4.18.0-240.1.1.el8_3.x86_64; 1 symbol of "
            "4.18.0-240.15.1.el8_3.x86_64 disagrees");
  EXPECT_THAT(later.reasons, ElementsAre("hv_netvsc: perf_trace_run_bpf_submit 0x0cf7cda1≠0x56e27f14"));
  EXPECT_THAT(fit(el83, {kmod(el83_later, "hv_netvsc")}).reasons,
              ElementsAre("hv_netvsc: perf_trace_run_bpf_submit 0x56e27f14≠0x0cf7cda1"));
}

TEST_F(GenuineKernels, AVendorsPackageIsReadAndRefusedWithoutItsDependency) {
  const auto package = kmod_rhino();
  EXPECT_EQ(package.built_kernel, "3.10.0-229.14.1.el7.x86_64");
  std::map<std::string, std::size_t> imports;
  for (const auto& module : package.modules) imports[module.name] = module.imports.size();
  EXPECT_EQ(imports, (std::map<std::string, std::size_t>{{"r1t1", 61}, {"rcbfx", 53}, {"rxt1", 59}}));
  for (const auto* kernel : {"3.10.0-229.4.2.el7.x86_64", "3.10.0-514.el7.x86_64", "3.10.0-957.27.2.el7.x86_64"}) {
    const auto refused = fit(kernel, {package});
    EXPECT_EQ(refused.kind, FitKind::refused);
    EXPECT_EQ(refused.explanation,
              std::string("modules of kmod-rhino were built for 3.10.0-229.14.1.el7.x86_64; 29 symbols of ") + kernel +
                  " disagree");
    ASSERT_EQ(refused.reasons.size(), 21U);
    EXPECT_EQ(refused.reasons.front(), "r1t1: _dahdi_ec_span is not in this kernel");
    EXPECT_EQ(refused.reasons.back(), "and 9 more");
  }
}

// The symbols of the kernel that it imports did not change from 7.1 to 7.6.
TEST_F(GenuineKernels, AVendorsPackageFitsLaterReleasesWithItsDependency) {
  const auto package = kmod_rhino();
  auto dahdi = package;
  dahdi.name = "kmod-dahdi";
  dahdi.modules.resize(1);
  dahdi.modules[0].name = "dahdi";
  const auto layout = dahdi.modules[0].imports.at("module_layout");
  dahdi.modules[0].imports = {{"module_layout", layout}};
  for (const auto& module : package.modules)
    for (const auto& [symbol, crc] : module.imports)
      if (symbol.find("dahdi_") != std::string::npos) dahdi.modules[0].exports[symbol] = crc;
  for (const auto* kernel : {"3.10.0-229.4.2.el7.x86_64", "3.10.0-514.el7.x86_64", "3.10.0-957.5.1.el7.x86_64",
                             "3.10.0-957.27.2.el7.x86_64"})
    EXPECT_EQ(fit(kernel, {package, dahdi}).kind, FitKind::weak_updates) << kernel;
}

}  // namespace
}  // namespace bake::resolve
