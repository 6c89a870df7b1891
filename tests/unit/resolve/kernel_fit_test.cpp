#include "bake/resolve/kernel_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/inspect/kernels.hpp"

namespace bake::resolve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* ga = "3.10.0-1062.el7.x86_64";
constexpr const char* z_stream = "3.10.0-1062.12.1.el7.x86_64";
constexpr const char* azure = "5.4.0-1040-azure";

guest::ModuleFacts module(const std::string& name, const std::string& built,
                          std::map<std::string, std::uint32_t> imports,
                          std::map<std::string, std::uint32_t> exports = {}) {
  guest::ModuleFacts facts;
  facts.name = name;
  facts.path = "/lib/modules/" + built + "/extra/mlnx-ofa_kernel/" + name + ".ko";
  facts.vermagic = built + " SMP mod_unload modversions ";
  facts.imports = std::move(imports);
  facts.exports = std::move(exports);
  return facts;
}

bundle::BundlePackage kmod(const std::string& built = ga) {
  bundle::BundlePackage package;
  package.name = "kmod-mlnx-ofa_kernel";
  package.version = "5.5-OFED.5.5.1.0.3.1.rhel7u7";
  package.built_kernel = built;
  package.modules = {
      module("ib_core", built, {{"module_layout", 0x1000}, {"printk", 0x2000}}, {{"ib_register_device", 0xb0b}}),
      module("mlx5_core", built, {{"module_layout", 0x1000}, {"pci_enable_device", 0x3000}}),
      module("mlx5_ib", built, {{"module_layout", 0x1000}, {"ib_register_device", 0xb0b}})};
  return package;
}

/// What symvers-K says when the kernel takes the modules of kmod(): its own ib_core differs, and does not matter.
const std::string matching_symvers =
    "0x00001000\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\n"
    "0x00002000\tprintk\tvmlinux\tEXPORT_SYMBOL\n"
    "0x00003000\tpci_enable_device\tvmlinux\tEXPORT_SYMBOL\n"
    "0xdeadbeef\tib_register_device\tdrivers/infiniband/core/ib_core\tEXPORT_SYMBOL\n";

bundle::BundlePackage plain(const std::string& name) {
  bundle::BundlePackage package;
  package.name = name;
  package.version = "5.5";
  return package;
}

bundle::BundlePackage dkms(const std::string& name, const std::string& version = "5.5-OFED.5.5.1.0.3.1") {
  auto package = plain(name);
  package.version = version;
  package.dkms_source = true;
  return package;
}

guest::Facts guest_with(const std::string& release) {
  guest::Facts facts;
  guest::Kernel kernel;
  kernel.release = release;
  facts.kernels = {kernel};
  return facts;
}

KernelFit fit(guest::Facts facts, const std::string& release, const std::vector<bundle::BundlePackage>& packages,
              const std::optional<std::string>& symvers = {}, const std::vector<std::string>& extras = {},
              bundle::PackageFormat format = bundle::PackageFormat::rpm, const std::string& vermagic = {}) {
  bundle::Repository repository;
  repository.packages = packages;
  std::vector<std::string> names;
  for (const auto& package : packages) names.push_back(package.name);
  for (auto& kernel : facts.kernels) {
    if (symvers) kernel.symbol_versions = guest::parse_symvers(*symvers);
    kernel.vermagic = vermagic;
  }
  return decide_fit(facts, release, repository, format, names, extras);
}

TEST(NewModules, AreThoseOfThePackagesInTheTransaction) {
  auto with_sources = dkms("mlnx-nvme-dkms");
  with_sources.dkms_modules = {"nvme-core", "nvme"};
  const bundle::Repository repository{
      "flat", "RPMS", true, {kmod(), with_sources, dkms("knem-dkms"), plain("ofed-scripts")}};
  const auto all = new_modules(repository, {"kmod-mlnx-ofa_kernel", "mlnx-nvme-dkms", "knem-dkms", "ofed-scripts"},
                               {"gcc", "kmod-libs", "kmod-lustre", "kernel-devel", "linux-modules-extra-azure"});
  EXPECT_THAT(all.names, ElementsAre("ib_core", "mlx5_core", "mlx5_ib", "nvme", "nvme_core"));
  EXPECT_THAT(all.unreadable, ElementsAre("kmod-lustre", "knem-dkms", "linux-modules-extra-azure"));
  const auto one = new_modules(repository, {"mlnx-nvme-dkms=5.5-OFED.5.5.1.0.3.1"}, {});
  EXPECT_THAT(one.names, ElementsAre("nvme", "nvme_core"));
  EXPECT_THAT(one.unreadable, IsEmpty());
}

TEST(NewModules, SaysWhoSignedThem) {
  auto package = kmod();
  package.modules.front().signer = "Example vendor";
  auto with_sources = dkms("mlnx-nvme-dkms");
  with_sources.dkms_modules = {"nvme-core"};
  const auto found =
      new_modules({"flat", "RPMS", true, {package, with_sources}}, {"kmod-mlnx-ofa_kernel", "mlnx-nvme-dkms"}, {});
  EXPECT_THAT(found.prebuilt.at("Example vendor"), ElementsAre(package.modules.front().name));
  EXPECT_EQ(found.prebuilt.at("").size(), package.modules.size() - 1);
  EXPECT_THAT(found.built, ElementsAre("nvme_core"));
}

TEST(KernelFit, BuiltForTheKernel) {
  const auto result = fit(guest_with(ga), ga, {kmod(), plain("mlnx-ofa_kernel")});
  EXPECT_EQ(result.kind, FitKind::built_for);
  EXPECT_EQ(result.kernel, ga);
  EXPECT_EQ(result.built_kernel, ga);
  EXPECT_EQ(result.explanation, "modules were built for 3.10.0-1062.el7.x86_64");
}

TEST(KernelFit, ZStreamWithEqualSymbolsTakesWeakUpdates) {
  const auto result = fit(guest_with(z_stream), z_stream, {kmod()}, matching_symvers);
  EXPECT_EQ(result.kind, FitKind::weak_updates);
  EXPECT_EQ(result.built_kernel, ga);
  EXPECT_EQ(result.explanation,
            "modules were built for 3.10.0-1062.el7.x86_64; every symbol they import is the same in "
            "3.10.0-1062.12.1.el7.x86_64");
}

TEST(KernelFit, ZStreamWithChangedSymbolsIsRefusedAndNamesThem) {
  const auto result = fit(guest_with(z_stream), z_stream, {kmod()},
                          "0x00001000\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\n"
                          "0x00002001\tprintk\tvmlinux\tEXPORT_SYMBOL\n");
  EXPECT_EQ(result.kind, FitKind::refused);
  EXPECT_EQ(result.built_kernel, ga);
  EXPECT_EQ(result.explanation,
            "modules of kmod-mlnx-ofa_kernel were built for 3.10.0-1062.el7.x86_64; 2 symbols of "
            "3.10.0-1062.12.1.el7.x86_64 disagree");
  EXPECT_THAT(result.reasons, ElementsAre("ib_core: printk 0x00002000≠0x00002001",
                                          "mlx5_core: pci_enable_device is not in this kernel"));
  EXPECT_THAT(result.remedy, HasSubstr("mlnx_add_kernel_support.sh"));
}

TEST(KernelFit, ASymbolOfTheBundleMustAgreeWithTheBundle) {
  auto package = kmod();
  package.modules[2].imports["ib_register_device"] = 0xdeadbeef;  // as the kernel's own ib_core has it
  EXPECT_THAT(fit(guest_with(z_stream), z_stream, {package}, matching_symvers).reasons,
              ElementsAre("mlx5_ib: ib_register_device 0xdeadbeef≠0x00000b0b"));
}

TEST(KernelFit, ListsTwentySymbolsAndCountsTheRest) {
  auto package = kmod();
  for (int i = 0; i < 30; ++i) package.modules[1].imports["zz_symbol_" + std::to_string(i)] = 1;
  const auto result = fit(guest_with(z_stream), z_stream, {package}, matching_symvers);
  EXPECT_THAT(result.explanation, HasSubstr("30 symbols"));
  ASSERT_EQ(result.reasons.size(), 21U);
  EXPECT_EQ(result.reasons.back(), "and 10 more");
}

TEST(KernelFit, RefusesWithoutSymvers) {
  const auto result = fit(guest_with(z_stream), z_stream, {kmod()});
  EXPECT_EQ(result.kind, FitKind::refused);
  EXPECT_EQ(result.explanation,
            "modules of kmod-mlnx-ofa_kernel were built for 3.10.0-1062.el7.x86_64, and the image has no symvers of "
            "3.10.0-1062.12.1.el7.x86_64 to compare with");
  EXPECT_THAT(result.remedy, HasSubstr("reinstall the kernel package that has "
                                       "/boot/symvers-3.10.0-1062.12.1.el7.x86_64.gz, or install "
                                       "kernel-devel-3.10.0-1062.12.1.el7.x86_64, in the base image; or use a bundle"));
  EXPECT_THAT(result.reasons, ElementsAre("the image has none of /boot/symvers-3.10.0-1062.12.1.el7.x86_64.gz, "
                                          "/lib/modules/3.10.0-1062.12.1.el7.x86_64/symvers.gz and "
                                          "/lib/modules/3.10.0-1062.12.1.el7.x86_64/build/Module.symvers"));
}

TEST(KernelFit, ModulesWithoutSymbolVersionsLoadIntoTheirKernelOnly) {
  auto package = kmod();
  package.modules[1].vermagic = std::string(ga) + " SMP mod_unload ";
  EXPECT_THAT(fit(guest_with(z_stream), z_stream, {package}, matching_symvers).reasons,
              ElementsAre("mlx5_core: has no symbol versions, so it loads into 3.10.0-1062.el7.x86_64 only"));
  // A directory named after the kernel does not make modules fit it.
  auto relabelled = kmod();
  relabelled.built_kernel = z_stream;
  const auto result = fit(guest_with(z_stream), z_stream, {relabelled});
  EXPECT_EQ(result.kind, FitKind::refused);
  EXPECT_EQ(result.built_kernel, ga);
}

TEST(KernelFit, BuiltInDriversAreRefused) {
  auto facts = guest_with("4.15.0-1041-azure");
  facts.kernels[0].builtin_rdma = {"mlx5_core", "mlx4_core"};
  facts.kernels[0].has_headers = true;
  facts.programs = {"gcc", "make", "dkms"};
  const auto old = fit(facts, "4.15.0-1041-azure", {dkms("mlnx-ofed-kernel-dkms", "4.9-OFED.4.9.4.1.7.1")}, {}, {},
                       bundle::PackageFormat::deb);
  EXPECT_EQ(old.kind, FitKind::refused);
  EXPECT_EQ(old.explanation,
            "mlx4_core, mlx5_core are built into 4.15.0-1041-azure, and a module cannot replace a built-in driver");
  EXPECT_THAT(old.reasons, ElementsAre("built in: mlx4_core", "built in: mlx5_core"));
  EXPECT_EQ(old.remedy,
            "use the kernel's own driver ('ofed: inbox'), or a base image whose kernel has the driver as modules");

  // Releases from 5.0 on carry no mlx4: a built-in mlx4_core is none of their business.
  facts.kernels[0].builtin_rdma = {"mlx4_core"};
  EXPECT_EQ(fit(facts, "4.15.0-1041-azure", {dkms("mlnx-ofed-kernel-dkms")}, {}, {}, bundle::PackageFormat::deb).kind,
            FitKind::needs_build);
  auto rpm = guest_with(ga);
  rpm.kernels[0].builtin_rdma = {"ib_core"};
  EXPECT_EQ(fit(rpm, ga, {kmod()}).explanation,
            "ib_core is built into 3.10.0-1062.el7.x86_64, and a module cannot replace a built-in driver");
}

TEST(KernelFit, DkmsNeedsHeadersAndTools) {
  auto facts = guest_with(azure);
  const auto packages = {dkms("mlnx-ofed-kernel-dkms"), dkms("iser-dkms"), plain("mlnx-ofed-kernel-utils")};
  const auto refused = fit(facts, azure, packages, {}, {}, bundle::PackageFormat::deb);
  EXPECT_EQ(refused.kind, FitKind::refused);
  EXPECT_EQ(refused.explanation,
            "iser-dkms, mlnx-ofed-kernel-dkms must be built for 5.4.0-1040-azure, and the image lacks dkms, gcc, make, "
            "linux-headers-5.4.0-1040-azure");
  EXPECT_THAT(refused.reasons,
              ElementsAre("missing: dkms", "missing: gcc", "missing: make", "missing: linux-headers-5.4.0-1040-azure"));
  EXPECT_THAT(refused.remedy, HasSubstr("add the missing packages to the store's extra packages"));
  EXPECT_EQ(refused.remedies, (std::vector<Remedy>{{Remedy::Action::add_extras}}));
  EXPECT_THAT(refused.missing, ElementsAre("dkms", "gcc", "make", "linux-headers-5.4.0-1040-azure", "libc6-dev"));

  facts.programs = {"gcc", "make"};
  facts.packages.packages = {{"dkms", "2.8.1-5ubuntu1", "all"}};
  EXPECT_THAT(fit(facts, azure, packages, {}, {}, bundle::PackageFormat::deb).reasons,
              ElementsAre("missing: linux-headers-5.4.0-1040-azure"));
  // Headers of another kernel do not help.
  EXPECT_EQ(fit(facts, azure, packages, {}, {"linux-headers-5.4.0-26-generic"}, bundle::PackageFormat::deb).kind,
            FitKind::refused);
  const auto built = fit(facts, azure, packages, {}, {"linux-headers-5.4.0-1040-azure"}, bundle::PackageFormat::deb);
  EXPECT_EQ(built.kind, FitKind::needs_build);
  EXPECT_EQ(built.explanation,
            "iser-dkms, mlnx-ofed-kernel-dkms will be built for 5.4.0-1040-azure in the image with DKMS");
  facts.kernels[0].has_headers = true;
  EXPECT_EQ(fit(facts, azure, packages, {}, {}, bundle::PackageFormat::deb).kind, FitKind::needs_build);
}

TEST(KernelFit, ABuildTakesWhatItNeedsFromTheExtraPackages) {
  auto facts = guest_with(azure);
  facts.programs = {"make"};
  bundle::Repository repository;
  repository.packages = {dkms("mlnx-ofed-kernel-dkms"), plain("libibverbs1")};
  const std::vector<std::string> offered{
      "gcc", "libc6-dev", "make", "dkms", "lsof", "linux-headers-5.4.0-1040-azure", "linux-headers-5.4.0-26-generic"};
  const auto needed = [&](const std::vector<std::string>& names) {
    return packages_for_build(facts, azure, repository, bundle::PackageFormat::deb, names, offered);
  };
  EXPECT_THAT(needed({"mlnx-ofed-kernel-dkms"}),
              ElementsAre("dkms", "gcc", "linux-headers-5.4.0-1040-azure", "libc6-dev"));
  EXPECT_THAT(needed({"libibverbs1"}), ElementsAre());
  facts.kernels[0].has_headers = true;
  facts.packages.packages = {{"libc6-dev", "2.31", "amd64"}};
  EXPECT_THAT(needed({"mlnx-ofed-kernel-dkms"}), ElementsAre("dkms", "gcc"));
}

TEST(KernelFit, PrebuiltDebsServeTheirKernelOnly) {
  auto package = kmod("5.4.0-26-generic");
  package.name = "mlnx-ofed-kernel-modules";
  EXPECT_EQ(fit(guest_with("5.4.0-26-generic"), "5.4.0-26-generic", {package}, {}, {}, bundle::PackageFormat::deb).kind,
            FitKind::built_for);
  const auto refused = fit(guest_with(azure), azure, {package}, matching_symvers, {}, bundle::PackageFormat::deb);
  EXPECT_EQ(refused.kind, FitKind::refused);
  EXPECT_EQ(refused.explanation,
            "modules of mlnx-ofed-kernel-modules were built for 5.4.0-26-generic, not for 5.4.0-1040-azure");
  EXPECT_THAT(refused.reasons,
              ElementsAre("only kmod-* packages can be used with another kernel than the one they were built for"));
  // The same for rpm packages that are not kernel module packages.
  EXPECT_EQ(fit(guest_with(azure), azure, {package}, matching_symvers).kind, FitKind::refused);
}

TEST(KernelFit, TheWorstOfSeveralVerdictsCounts) {
  auto facts = guest_with(azure);
  auto package = kmod(azure);
  package.name = "mlnx-ofed-kernel-modules";
  EXPECT_THAT(fit(facts, azure, {package, dkms("knem-dkms")}, {}, {}, bundle::PackageFormat::deb).explanation,
              HasSubstr("knem-dkms must be built"));
  facts.programs = {"gcc", "make", "dkms"};
  facts.kernels[0].has_headers = true;
  const auto built = fit(facts, azure, {package, dkms("knem-dkms")}, {}, {}, bundle::PackageFormat::deb);
  EXPECT_EQ(built.kind, FitKind::needs_build);
  EXPECT_EQ(built.explanation,
            "knem-dkms will be built for 5.4.0-1040-azure in the image with DKMS; the other modules were built for "
            "5.4.0-1040-azure");
}

TEST(KernelFit, OnlyPackagesThatAreInstalledCount) {
  bundle::Repository repository;
  repository.packages = {kmod("3.10.0-957.el7.x86_64"), plain("libibverbs")};
  const auto result = decide_fit(guest_with(ga), ga, repository, bundle::PackageFormat::rpm, {"libibverbs"}, {});
  EXPECT_EQ(result.kind, FitKind::user_space_only);
  EXPECT_EQ(result.explanation, "no kernel modules are installed: the kernel keeps its own");
  // Of two packages of one name, the version that was asked for.
  auto other = kmod(ga);
  other.version = "2";
  repository.packages.push_back(other);
  EXPECT_EQ(decide_fit(guest_with(ga), ga, repository, bundle::PackageFormat::rpm, {"kmod-mlnx-ofa_kernel=2"}, {}).kind,
            FitKind::built_for);
}

TEST(KernelFit, KernelsThatAreNotThere) {
  const auto result = fit(guest_with(ga), z_stream, {kmod()});
  EXPECT_EQ(result.kind, FitKind::refused);
  EXPECT_EQ(result.explanation, "the image has no kernel 3.10.0-1062.12.1.el7.x86_64");
  EXPECT_EQ(result.remedy, "kernels of the image: 3.10.0-1062.el7.x86_64");
  EXPECT_EQ(inbox_fit(guest_with(ga), z_stream).kind, FitKind::refused);
  EXPECT_EQ(inbox_fit(guest_with(ga), ga).kind, FitKind::inbox);
  EXPECT_EQ(inbox_fit(guest_with(ga), ga).explanation,
            "the distribution's own driver comes with 3.10.0-1062.el7.x86_64");
}

TEST(KernelFit, ComparesWhatTheModuleLoaderCompares) {
  const auto with = [](const std::string& vermagic) {
    return fit(guest_with(ga), ga, {kmod()}, {}, {}, bundle::PackageFormat::rpm, vermagic);
  };
  EXPECT_EQ(with("").kind, FitKind::built_for) << "nothing to compare with";
  EXPECT_EQ(with("3.10.0-1062.el7.x86_64 SMP mod_unload modversions ").kind, FitKind::built_for);
  const auto refused = with("3.10.0-1062.el7.x86_64 SMP preempt mod_unload modversions ");
  EXPECT_EQ(refused.kind, FitKind::refused);
  EXPECT_THAT(refused.explanation, HasSubstr("their vermagic flags differ"));
  EXPECT_THAT(refused.reasons,
              ElementsAre("ib_core: 'SMP mod_unload modversions', the kernel's own modules: 'SMP preempt mod_unload "
                          "modversions'",
                          "mlx5_core: 'SMP mod_unload modversions', the kernel's own modules: 'SMP preempt mod_unload "
                          "modversions'",
                          "mlx5_ib: 'SMP mod_unload modversions', the kernel's own modules: 'SMP preempt mod_unload "
                          "modversions'"));
}

TEST(KernelFit, EqualSymbolsDoNotExcuseOtherFlags) {
  const auto with = [](const std::string& vermagic) {
    return fit(guest_with(z_stream), z_stream, {kmod()}, matching_symvers, {}, bundle::PackageFormat::rpm, vermagic);
  };
  EXPECT_EQ(with("3.10.0-1062.12.1.el7.x86_64 SMP mod_unload modversions").kind, FitKind::weak_updates);
  EXPECT_EQ(with("3.10.0-1062.12.1.el7.x86_64 SMP mod_unload modversions retpoline").kind, FitKind::refused);
}

TEST(KernelFit, AModuleBuiltForThisKernelWhoseSymbolsDisagreeIsRefused) {
  auto package = kmod();
  package.built_kernel = z_stream;
  for (auto& module : package.modules) module.vermagic = std::string(z_stream) + " SMP mod_unload modversions";
  EXPECT_EQ(fit(guest_with(z_stream), z_stream, {package}, matching_symvers).kind, FitKind::built_for);
  EXPECT_EQ(fit(guest_with(z_stream), z_stream, {package}).kind, FitKind::built_for);
  const auto refused = fit(guest_with(z_stream), z_stream, {package}, "0x00000001\tother\tvmlinux\tEXPORT_SYMBOL\n");
  EXPECT_EQ(refused.kind, FitKind::refused);
  EXPECT_THAT(refused.reasons, ::testing::Contains(::testing::HasSubstr("is not in this kernel")));
}

TEST(KernelFit, SymversThatCannotBeReadAreNotIgnored) {
  auto facts = guest_with(ga);
  facts.kernels.front().symvers = std::string("/boot/symvers-") + ga + ".gz";
  EXPECT_EQ(fit(facts, ga, {kmod()}).explanation,
            std::string("/boot/symvers-") + ga + ".gz cannot be read, so no symbol versions can be compared");
}

}  // namespace
}  // namespace bake::resolve
