// Packages of DOCA-Host as bundles of the store.
#include "tests/support/doca.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/bundle/module_sources.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::store {
namespace {

using namespace bake::testing;

using bundle::DocaRelease;
using bundle::ModuleSource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DocaStore : public StoreTest {
 protected:
  std::filesystem::path file_of(const DocaParts& parts) const { return write(parts.file_name(), parts.bytes()); }
  AddResult add_pinned(const DocaParts& parts, bool with_ring = false) {
    const auto file = file_of(parts);
    auto options = pinned(file);
    if (with_ring) options.keyrings = trusting().keyrings;
    return store.add(file, options, progress);
  }
};

std::vector<std::string> names_of(const bundle::Bundle& bundle) {
  std::vector<std::string> names;
  for (const auto& package : bundle.repositories.at(0).packages) names.push_back(package.name);
  return names;
}

TEST_F(DocaStore, AddsADeb) {
  const auto parts = doca_deb();
  const auto file = file_of(parts);
  const auto result = store.add(file, trusting(), progress);
  EXPECT_THAT(result.warnings, IsEmpty());
  const auto bundle = store.get("doca-host_3.2.3-019000-25.10-ubuntu2404_amd64");
  EXPECT_EQ(bundle.id(), digest_of_file(file));
  EXPECT_EQ(bundle.version, "doca-3.2.3-019000");
  EXPECT_EQ(bundle.distro, "ubuntu24.04");
  EXPECT_EQ(bundle.arch, "x86_64");
  EXPECT_EQ(bundle.layout, "doca");
  EXPECT_EQ(bundle.format, bundle::PackageFormat::deb);
  EXPECT_EQ(bundle.doca, (DocaRelease{"D1", "3.2.3", "019000", "25.10", "25.10-3.1.8.0", ""}));
  EXPECT_EQ(bundle.trust.signer, vendor().fingerprint());
  EXPECT_EQ(bundle.trust.pin, "");
  ASSERT_EQ(bundle.repositories.size(), 1U);
  EXPECT_EQ(bundle.repositories[0].directory, parts.directory);
  EXPECT_TRUE(bundle.repositories[0].indexed);
  EXPECT_THAT(names_of(bundle), ElementsAre("mlnx-fw-updater", "mlnx-ofed-kernel-dkms", "rdma-core"));
  EXPECT_EQ(bundle.repositories[0].packages[2].file, parts.directory + "/pool/rdma-core_2510.0.11-1_amd64.deb");
  EXPECT_THAT(module_sources(bundle), ElementsAre(ModuleSource{"dkms", ""}));
  EXPECT_EQ(Store::index_texts(bundle, bundle.repositories[0]).packages, parts.files.at(parts.directory + "/Packages"));
  EXPECT_THAT(store.verify(bundle, trusting(), progress).decision.problems, IsEmpty());
}

TEST_F(DocaStore, AddsAnRpmWithBuiltModules) {
  const auto parts = doca_rpm_with_kmods();
  const auto result = add_pinned(parts);
  const auto& bundle = result.bundle;
  EXPECT_EQ(bundle.name, "doca-host-3.1.0-091000_25.07_rhel96.x86_64");
  EXPECT_EQ(bundle.version, "doca-3.1.0-091000");
  EXPECT_EQ(bundle.distro, "rhel9.6");
  EXPECT_EQ(bundle.format, bundle::PackageFormat::rpm);
  EXPECT_EQ(bundle.doca, (DocaRelease{"D2", "3.1.0", "091000", "25.07", "25.07-0.9.7", ""}));
  EXPECT_THAT(names_of(bundle), ElementsAre("doca-extra", "kmod-mlnx-ofa_kernel", "ofed-scripts"));
  EXPECT_THAT(module_sources(bundle), ElementsAre(ModuleSource{"kmp", "5.14.0-570.12.1.el9_6.x86_64"}));
  EXPECT_EQ(bundle.trust.pin, "command line");
  EXPECT_THAT(store.verify(bundle, pinned(file_of(parts)), progress).decision.problems, IsEmpty());
}

TEST_F(DocaStore, AddsAnRpmWithDkmsSources) {
  const auto bundle = add_pinned(doca_rpm_with_dkms()).bundle;
  EXPECT_EQ(bundle.version, "doca-3.2.2-035000");
  EXPECT_EQ(bundle.distro, "rhel9");
  EXPECT_EQ(bundle.doca, (DocaRelease{"D3", "3.2.2", "035000", "25.10", "25.10-2.4.1", ""}));
  EXPECT_THAT(module_sources(bundle), ElementsAre(ModuleSource{"dkms", ""}));
}

TEST_F(DocaStore, AddsModulesForOneKernel) {
  const auto rpm = add_pinned(doca_kernel_rpm()).bundle;
  EXPECT_EQ(rpm.name, "doca-kernel-repo-25.01.0.6.0.0-1.kver.5.14.0.503.26.1.el9.5.x86.64.x86_64");
  EXPECT_EQ(rpm.version, "doca-kernel-25.01-0.6.0.0");
  EXPECT_EQ(rpm.distro, "rhel9.5");
  EXPECT_EQ(rpm.doca, (DocaRelease{"E", "2.10.0", "", "25.01", "25.01-0.6.0.0", "5.14.0-503.26.1.el9_5.x86_64"}));
  EXPECT_THAT(module_sources(rpm), ElementsAre(ModuleSource{"prebuilt", "5.14.0-503.26.1.el9_5.x86_64"}));
  const auto deb = add_pinned(doca_kernel_deb()).bundle;
  EXPECT_EQ(deb.version, "doca-kernel-25.04-0.6.1.0");
  EXPECT_EQ(deb.distro, "");
  EXPECT_EQ(deb.doca, (DocaRelease{"E", "3.0.0", "058000", "25.04", "25.04-0.6.1.0", "6.8.0-63-generic"}));
  EXPECT_THAT(module_sources(deb), ElementsAre(ModuleSource{"prebuilt", "6.8.0-63-generic"}));
  EXPECT_EQ(deb.repositories[0].packages[1].name, "xpmem");
  EXPECT_EQ(deb.repositories[0].packages[1].modules.size(), 1U);  // its name does not say that it has modules
}

TEST_F(DocaStore, EveryCompressionIsRead) {
  std::set<std::string> indexes;
  for (auto parts : {doca_deb(), doca_rpm_with_kmods()})
    for (const auto compression : {Compression::none, Compression::gzip, Compression::xz, Compression::zstd}) {
      parts.compression = compression;
      indexes.insert(add_pinned(parts).bundle.repositories[0].index_sha256);
    }
  EXPECT_EQ(indexes.size(), 2U);
  EXPECT_EQ(store.list().size(), 8U);
}

TEST_F(DocaStore, TheFileMayHaveAnyName) {
  const auto parts = doca_deb();
  const auto bundle = store.add(write("download.bin", parts.bytes()), trusting(), progress).bundle;
  EXPECT_EQ(bundle.name, parts.stem());
}

TEST_F(DocaStore, ReleasesAreToldApartByTheirBuild) {
  add_pinned(doca_deb());
  auto parts = doca_deb();
  parts.version = "3.2.3-019413-25.10-ubuntu2404";
  const auto before = parts.directory;
  parts.directory = "usr/share/doca-host-" + parts.version + "/repo";
  std::map<std::string, std::string> moved;
  for (auto& [path, content] : parts.files)
    moved[path.starts_with(before) ? parts.directory + path.substr(before.size()) : path] = content;
  moved["etc/apt/sources.list.d/doca.list"] = "deb file:/" + parts.directory + " ./\n";
  parts.files = moved;
  add_pinned(parts);
  EXPECT_EQ(store.find("doca-3.2.3-019000", "ubuntu24.04", "x86_64")->doca->build, "019000");
  EXPECT_EQ(store.find("doca-3.2.3-019413", "ubuntu24.04", "x86_64")->doca->build, "019413");
}

TEST_F(DocaStore, TheIndexMayBeInADirectoryBelow) {
  auto parts = doca_deb();
  for (const auto* file : {"/Packages", "/Release", "/Release.gpg", "/InRelease"})
    parts.files.erase(parts.directory + file);
  index_pool(parts, "main/");
  sign_pool(parts, vendor(), "main/");
  parts.files["etc/apt/sources.list.d/doca.list"] = "deb file:/" + parts.directory + " main/\n";
  const auto bundle = store.add(file_of(parts), trusting(), progress).bundle;
  EXPECT_EQ(bundle.repositories[0].directory, parts.directory);
  EXPECT_EQ(bundle.repositories[0].packages.size(), 3U);
  EXPECT_EQ(bundle.trust.signer, vendor().fingerprint());
}

TEST_F(DocaStore, TheRepositoryIsFoundWithoutAList) {
  auto parts = doca_deb();
  parts.files.erase("etc/apt/sources.list.d/doca.list");
  EXPECT_EQ(store.add(file_of(parts), trusting(), progress).bundle.repositories[0].directory, parts.directory);
}

TEST_F(DocaStore, EitherSignatureOfTheIndexIsEnough) {
  for (const auto* missing : {"/Release.gpg", "/InRelease"}) {
    auto parts = doca_deb();
    parts.files.erase(parts.directory + missing);
    EXPECT_EQ(store.add(file_of(parts), trusting(), progress).bundle.trust.signer, vendor().fingerprint()) << missing;
  }
}

TEST_F(DocaStore, AKeyInThePackageIsShownAndVouchesForNothing) {
  auto parts = doca_deb();
  parts.files["usr/share/keyrings/doca.gpg"] = stranger().public_key(false);
  parts.files["etc/apt/sources.list.d/doca.list"] =
      "deb [signed-by=/usr/share/keyrings/doca.gpg] file:/" + parts.directory + " ./\n";
  sign_pool(parts, stranger());
  const auto file = file_of(parts);
  const auto result = store.verify_archive(file, trusting(), progress);
  ASSERT_EQ(result.report.shipped_keys.size(), 1U);
  EXPECT_EQ(result.report.shipped_keys[0].file, "usr/share/keyrings/doca.gpg");
  EXPECT_EQ(result.report.shipped_keys[0].fingerprint, stranger().fingerprint());
  EXPECT_FALSE(result.report.declares_trust);
  ASSERT_FALSE(result.decision.problems.empty());
  EXPECT_THAT(result.decision.problems[0].message, HasSubstr("which is not in your key ring"));
  EXPECT_EQ(result.decision.problems[0].hint,
            "trust the key if it is the vendor's; usr/share/keyrings/doca.gpg has key " + stranger().fingerprint());
}

TEST_F(DocaStore, TrustedYesIsNoReasonToTrust) {
  auto parts = doca_deb();
  for (const auto* file : {"/Release", "/Release.gpg", "/InRelease"}) parts.files.erase(parts.directory + file);
  const auto result = store.verify_archive(file_of(parts), trusting(), progress);
  EXPECT_TRUE(result.report.declares_trust);
  ASSERT_EQ(result.decision.problems.size(), 1U);
  EXPECT_EQ(result.decision.problems[0].message, "not signed");
}

TEST_F(DocaStore, APinIsEnoughForPackagesOnly) {
  auto parts = doca_deb();
  for (const auto* file : {"/Release", "/Release.gpg", "/InRelease"}) parts.files.erase(parts.directory + file);
  const auto result = add_pinned(parts, true);
  EXPECT_EQ(result.bundle.trust.signer, "");
  EXPECT_EQ(result.bundle.trust.pin, "command line");
  EXPECT_THAT(result.bundle.trust.overridden, IsEmpty());
  EXPECT_THAT(result.warnings,
              ElementsAre("'doca-host_3.2.3-019000-25.10-ubuntu2404_amd64': only the pin vouches for files without a "
                          "signature by a trusted key: " +
                          parts.directory + "/Release"));
  const auto problems = store.verify(result.bundle, trusting(), progress).decision.problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "only the recorded pin vouches for it, which cannot be compared with the payload");
}

TEST_F(DocaStore, AnUnsignedPackageCanBeAddedAgainAfterAKeyIsTrusted) {
  const auto parts = doca_rpm_with_dkms();
  add_pinned(parts);
  const auto again = add_pinned(parts, true);
  EXPECT_TRUE(again.already_there);
  EXPECT_EQ(again.bundle.trust.pin, "command line");
}

TEST_F(DocaStore, APinIsEnoughForAnUnsignedMember) {
  const auto parts = doca_rpm_with_kmods();
  const auto result = add_pinned(parts, true);
  EXPECT_EQ(result.bundle.trust.signer, "");
  EXPECT_THAT(result.warnings,
              ElementsAre("'doca-host-3.1.0-091000_25.07_rhel96.x86_64': only the pin vouches for files without a "
                          "signature by a trusted key: " +
                          parts.directory + "/Packages/doca-extra-0.1.7-1.el9.x86_64.rpm"));
  EXPECT_EQ(store.verify(result.bundle, trusting(), progress).decision.problems.size(), 1U);
}

TEST_F(DocaStore, ASignedIndexIsEnoughForAnUnsignedMember) {
  auto parts = doca_rpm_with_kmods();
  const auto repomd = parts.directory + "/repodata/repomd.xml";
  parts.files[repomd + ".asc"] = vendor().sign(parts.files.at(repomd));
  const auto result = store.add(file_of(parts), trusting(), progress);
  EXPECT_EQ(result.bundle.trust.signer, vendor().fingerprint());
  EXPECT_EQ(result.bundle.trust.pin, "");
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_THAT(result.warnings[0], HasSubstr("the signed index vouches for files without a signature by a trusted key"));
}

TEST_F(DocaStore, SignaturesOfAllMembersAreEnough) {
  auto parts = doca_rpm_with_kmods();
  parts.files.erase(parts.directory + "/Packages/doca-extra-0.1.7-1.el9.x86_64.rpm");
  index_packages(parts);
  const auto result = store.add(file_of(parts), trusting(), progress);
  EXPECT_EQ(result.bundle.trust.signer, vendor().fingerprint());
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST_F(DocaStore, WhatIsOutsideOfTheRepositoryIsNotKept) {
  auto parts = doca_deb();
  parts.more.push_back({.path = "./usr/share/doc/doca-host/link", .type = 'l', .target = "/etc/passwd"});
  const auto bundle = store.add(file_of(parts), trusting(), progress).bundle;
  const auto payload = read_text(bundle.payload());
  EXPECT_EQ(payload.find("passwd"), std::string::npos);
  EXPECT_EQ(payload.find("copyright"), std::string::npos);
  EXPECT_NE(payload.find("rdma-core_2510.0.11-1_amd64.deb"), std::string::npos);
}

TEST_F(DocaStore, TheDescriptionSurvivesTheStore) {
  const auto added = add_pinned(doca_kernel_rpm()).bundle;
  const auto stored = store.get(added.name);
  EXPECT_EQ(bundle::to_json(stored), bundle::to_json(added));
  auto file = stored.directory / "bundle.json";
  write_text_atomically(file, replace_all(read_text(file), "25.01-0.6.0.0", "25.01-9.9.9.9"));
  const auto problems = store.verify(store.get(added.name), {}, progress).decision.problems;
  ASSERT_FALSE(problems.empty());
  EXPECT_THAT(problems[0].message, HasSubstr("its version is 'doca-kernel-25.01-9.9.9.9', the payload's is"));
  EXPECT_EQ(problems[1].message, "its DOCA release differs from the payload's in 'ofed'");
}

}  // namespace
}  // namespace bake::store
