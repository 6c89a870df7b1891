// DOCA-OFED as the driver of an image: packages of doca-host, and modules for one kernel of doca-kernel-repo.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/resolve/resolve.hpp"
#include "tests/support/error_of.hpp"

namespace bake::resolve {
namespace {

using bundle::Bundle;
using bundle::BundlePackage;
using bundle::PackageFormat;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* boots = "6.8.0-1018-azure";
const std::string kernel_version = "25.10.OFED.25.10.3.1.8.1-1";

/// A deb of the repository below `directory`.
BundlePackage deb(const std::string& directory, const std::string& name, const std::string& version) {
  BundlePackage package;
  package.name = name;
  package.version = version;
  package.arch = "amd64";
  package.file = fmt::format("{}/{}_{}.deb", directory, name, version);
  package.size = 1000;
  package.installed_size = 4000;
  package.dkms_source = name.ends_with("-dkms");
  return package;
}

Bundle bundle_of(const std::string& name, const std::string& version, const std::string& distro,
                 const bundle::DocaRelease& release, const std::vector<BundlePackage>& packages) {
  Bundle bundle;
  bundle.name = name;
  bundle.version = version;
  bundle.distro = distro;
  bundle.arch = "x86_64";
  bundle.layout = "doca";
  bundle.format = PackageFormat::deb;
  bundle.trust.archive_sha256 = name;
  bundle.trust.pin = "command line";
  bundle.directory = "/store/" + name;
  bundle.doca = release;
  bundle.repositories = {{"flat", "repo", true, packages}};
  return bundle;
}

/// Family D1: the driver as DKMS sources, and the packages of the profile ib-minimal.
Bundle doca_host(const std::string& distro = "ubuntu24.04") {
  std::vector<BundlePackage> packages;
  for (const auto* name : {"mlnx-ofed-kernel-dkms", "mlnx-ofed-kernel-utils", "iser-dkms", "isert-dkms", "srp-dkms"})
    packages.push_back(deb("repo", name, kernel_version));
  for (const auto* name : {"libibverbs1", "ibverbs-providers", "librdmacm1", "libibumad3", "rdma-core"})
    packages.push_back(deb("repo", name, "2510.0.11-1"));
  packages.push_back(deb("repo", "mlnx-fw-updater", "25.10-3.1.8.0"));
  return bundle_of("doca-host_3.2.3-019000-25.10-ubuntu2404_amd64", "doca-3.2.3-019000", distro,
                   {"D1", "3.2.3", "019000", "25.10", "25.10-3.1.8.0", ""}, packages);
}

/// Family E: modules for `kernel`.
Bundle doca_kernel_repo(const std::string& kernel, const std::string& ofed = "25.10-3.1.8") {
  std::vector<BundlePackage> packages;
  for (const auto* name : {"mlnx-ofed-kernel-modules", "iser-modules"}) {
    auto package = deb("Modules", name, kernel_version + ".kver." + kernel);
    package.built_kernel = kernel;
    package.modules = {{"mlx5_core",
                        "/lib/modules/" + kernel + "/updates/dkms/mlx5_core.ko",
                        "25.10-3.1.8",
                        kernel + " SMP mod_unload modversions ",
                        {{"printk", 1}},
                        {}}};
    packages.push_back(package);
  }
  packages.push_back(deb("Modules", "mlnx-ofed-kernel-utils", kernel_version + ".1"));
  return bundle_of("doca-kernel-repo-" + kernel, "doca-kernel-" + ofed, "",
                   {"E", "3.2.3", "019000", "25.10", ofed, kernel}, packages);
}

bundle::IndexTexts index_of(const Bundle& bundle) {
  std::string text;
  for (const auto& package : bundle.repositories.at(0).packages)
    text += fmt::format("Package: {}\nVersion: {}\nArchitecture: {}\nFilename: ./{}\nSize: 1\n\n", package.name,
                        package.version, package.arch, package.file);
  return {text};
}

class Doca : public ::testing::Test {
 protected:
  Doca() {
    recipe.name = "image";
    recipe.os = {"ubuntu", "24.04"};
    recipe.vm_sizes = {"Standard_HB120rs_v2"};
    recipe.ofed.profile = "ib-minimal";
    offer.bundles = {doca_host()};
    facts.os = {"ubuntu", "24.04", "Ubuntu 24.04"};
    facts.family = guest::Family::deb;
    facts.arch = "x86_64";
    facts.default_kernel = boots;
    guest::Kernel kernel;
    kernel.release = boots;
    kernel.has_headers = true;
    kernel.vermagic = std::string(boots) + " SMP mod_unload modversions ";
    kernel.symvers = "/lib/modules/x/build/Module.symvers";
    kernel.symbol_versions = guest::SymbolVersions{{"printk", 1}};
    facts.kernels = {kernel};
    facts.programs = {"dkms", "gcc", "make"};
  }

  SelectedDriver select() { return select_driver(recipe, matrix, offer); }

  Resolution answer() {
    const auto driver = select();
    std::vector<bundle::IndexTexts> texts{index_of(*driver.bundle)};
    for (const auto& kernel_bundle : driver.kernel_bundles) texts.push_back(index_of(kernel_bundle));
    return resolve(recipe, driver, facts, matrix, texts);
  }

  const matrix::Matrix matrix = matrix::Matrix::built_in();
  recipe::Recipe recipe;
  Offer offer;
  guest::Facts facts;
};

std::vector<std::string> files_of(const Resolution& resolution) {
  std::vector<std::string> files;
  for (const auto& change : resolution.closure.changes)
    files.push_back(fmt::format("{}{}:{}", change.payload, change.kernel_bundle ? " for the kernel" : "", change.name));
  return files;
}

TEST_F(Doca, IsChosenWhereTheStoreHasIt) {
  const auto driver = select();
  EXPECT_EQ(driver.choice.ofed, "doca-3.2.3-019000");
  EXPECT_EQ(driver.choice.tier, matrix::Tier::doca);
  EXPECT_EQ(driver.choice.sha256.size(), 64U);
  EXPECT_EQ(driver.bundle->name, "doca-host_3.2.3-019000-25.10-ubuntu2404_amd64");
}

TEST_F(Doca, ModulesThatWereCompiledBeforeAreUsed) {
  bundle::BuiltModules modules;
  modules.name = "x";
  modules.id = "id";
  modules.kernel = facts.default_kernel;
  modules.arch = "x86_64";
  modules.distro = "ubuntu24.04";
  modules.vermagic = facts.kernels.at(0).vermagic;
  for (auto& package : offer.bundles.at(0).repositories.at(0).packages) package.sha256 = "digest of " + package.name;
  const auto driver = select();
  for (const auto& package : driver.packages()->packages)
    if (package.dkms_source) modules.sources.push_back({package.name, package.version, package.sha256});
  offer.built_modules = {modules};
  offer.built_modules[0].kernel = "6.8.0-1-azure";
  EXPECT_FALSE(answer().built_modules);
  offer.built_modules.push_back(modules);
  const auto used = answer().built_modules;
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, "id");
  EXPECT_EQ(used->payload, 2U);
  EXPECT_EQ(answer().fit.kind, FitKind::needs_build);
  offer.built_modules[1].vermagic = "of another build";
  EXPECT_FALSE(answer().built_modules);
  offer.built_modules[1] = modules;
  offer.built_modules[1].sources[0].sha256 = "of another package";
  EXPECT_FALSE(answer().built_modules);
  offer.built_modules.assign(9, modules);
  EXPECT_THROW(select(), Error);
}

TEST_F(Doca, IsCompiledWithDkms) {
  const auto resolution = answer();
  EXPECT_THAT(resolution.matrix_problems, IsEmpty());
  EXPECT_THAT(resolution.closure.problems, IsEmpty());
  EXPECT_EQ(resolution.fit.kind, FitKind::needs_build);
  EXPECT_THAT(files_of(resolution), ElementsAre("0:ibverbs-providers", "0:libibumad3", "0:libibverbs1", "0:librdmacm1",
                                                "0:mlnx-ofed-kernel-dkms", "0:mlnx-ofed-kernel-utils", "0:rdma-core"));
}

TEST_F(Doca, TakesTheModulesOfADocaKernelRepoForTheKernel) {
  offer.bundles.push_back(doca_kernel_repo("6.8.0-1020-azure"));
  offer.bundles.push_back(doca_kernel_repo(boots));
  recipe.ofed.profile = "basic";
  facts.programs.clear();  // nothing is compiled
  const auto resolution = answer();
  EXPECT_THAT(resolution.closure.problems, IsEmpty());
  EXPECT_EQ(resolution.fit.kind, FitKind::built_for) << resolution.fit.explanation;
  EXPECT_EQ(resolution.module_version, "25.10-3.1.8");
  EXPECT_EQ(resolution.extra_payloads, 2U);
  EXPECT_THAT(files_of(resolution),
              ElementsAre("0:ibverbs-providers", "2 for the kernel:iser-modules", "0:libibumad3", "0:libibverbs1",
                          "0:librdmacm1", "2 for the kernel:mlnx-ofed-kernel-modules",
                          "2 for the kernel:mlnx-ofed-kernel-utils", "0:rdma-core"));
}

TEST_F(Doca, NamesTheKernelsOfADocaKernelRepoThatDoesNotFit) {
  offer.bundles.push_back(doca_kernel_repo("6.8.0-1020-azure"));
  facts.programs.clear();
  const auto fit = answer().fit;
  EXPECT_FALSE(fit.ok());
  EXPECT_THAT(fit.missing, ElementsAre("dkms", "gcc", "make", "libc6-dev"));
  EXPECT_THAT(fit.reasons, Contains("doca-kernel-repo-6.8.0-1020-azure has modules for 6.8.0-1020-azure, not for "
                                    "6.8.0-1018-azure"));
}

TEST_F(Doca, AModuleWhoseSymbolsDisagreeIsRefused) {
  offer.bundles.push_back(doca_kernel_repo(boots));
  facts.kernels[0].symbol_versions = guest::SymbolVersions{{"printk", 2}};
  const auto fit = answer().fit;
  EXPECT_FALSE(fit.ok());
  EXPECT_THAT(fit.reasons, Contains("mlx5_core: printk 0x00000001≠0x00000002"));
}

TEST_F(Doca, OnlyModulesOfTheSameReleaseAndOfTheKernelOfTheRecipeAreAttached) {
  offer.bundles.push_back(doca_kernel_repo(boots, "25.10-1.7.1"));
  offer.bundles.push_back(doca_kernel_repo("6.8.0-1020-azure"));
  auto other = doca_kernel_repo(boots);
  other.distro = "rhel9";
  offer.bundles.push_back(other);
  EXPECT_EQ(select().kernel_bundles.size(), 1U);
  EXPECT_EQ(select().payloads().size(), 2U);
  recipe.kernel = boots;
  EXPECT_THAT(select().kernel_bundles, IsEmpty());
}

TEST_F(Doca, APackageForEachMinorReleaseFits) {
  auto bundle = doca_host("rhel9");
  bundle.format = PackageFormat::rpm;
  bundle.version = "doca-3.2.2-035000";
  offer.bundles = {bundle};
  recipe.os = {"rhel", "9.4"};
  recipe.ofed.choice = recipe::OfedChoice::version;
  recipe.ofed.version = "doca-3.2.2-035000";
  const auto driver = select();
  EXPECT_EQ(driver.choice.distro, "rhel9");
  EXPECT_EQ(driver.choice.file_name, "doca-host-3.2.2-035000_25.10_rhel9.x86_64.rpm");
  EXPECT_EQ(driver.choice.warnings.empty(), false);  // the row of the release is unverified
}

TEST_F(Doca, AReleaseThatTheMatrixDoesNotListIsUsedFromTheStore) {
  auto bundle = doca_host();
  bundle.version = "doca-3.9.0-012000";
  offer.bundles = {bundle};
  const auto driver = select();
  EXPECT_EQ(driver.choice.ofed, "doca-3.9.0-012000");
  EXPECT_EQ(driver.choice.file_name, "doca-host_3.9.0-012000-*-ubuntu2404_amd64.deb");
  EXPECT_THAT(driver.choice.warnings,
              Contains("the matrix does not list DOCA-OFED 3.9.0-012000: the rows of line doca apply"));
}

TEST_F(Doca, ABuildForAnotherMachineIsRefused) {
  recipe.ofed.choice = recipe::OfedChoice::version;
  recipe.ofed.version = "doca-2.10.0-093512";
  const auto error = error_of([&] { select(); });
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_THAT(error.message(),
              HasSubstr("DOCA-OFED 2.10.0-093512 is for arm64 machines: bake makes only x86_64 images"));
}

TEST_F(Doca, ItsOwnDkmsIsNotUsed) {
  offer.bundles[0].repositories[0].packages.push_back(deb("repo", "dkms", "9:1.0-1"));
  recipe.ofed.packages = {"dkms"};
  EXPECT_THAT(answer().closure.problems, ::testing::SizeIs(1));
}

TEST_F(Doca, APinOfTheRecipeDoesNotCoverTheModules) {
  offer.bundles.push_back(doca_kernel_repo(boots));
  EXPECT_EQ(answer().kernel_bundle, "doca-kernel-repo-6.8.0-1018-azure");
  EXPECT_EQ(answer().distro, "ubuntu24.04");
}

TEST_F(Doca, ADocaKernelRepoAloneIsNotADriver) {
  offer.bundles = {doca_kernel_repo(boots)};
  EXPECT_EQ(error_of([&] { select(); }).kind(), ErrorKind::incompatible);
}

}  // namespace
}  // namespace bake::resolve
