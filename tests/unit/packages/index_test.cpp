#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/bundle/layout.hpp"
#include "bake/bundle/package_scan.hpp"
#include "bake/guest/module_elf.hpp"
#include "bake/packages/deb_index.hpp"
#include "bake/packages/rpm_header.hpp"
#include "bake/packages/rpm_index.hpp"
#include "tests/support/bundles.hpp"
#include "tests/support/module_key.hpp"

namespace bake::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string digits(std::size_t count) { return std::string(count, 'a'); }

TEST(DebIndex, ReadsPackagesWhateverTheirFieldOrder) {
  const auto packages = parse_packages(
      "Package: libibverbs1\nVersion: 1:50mlnx1-1.49710\nArchitecture: amd64\nInstalled-Size: 2\nsha256: " +
          digits(64) + "\nSHA512: " + digits(128) +
          "\nFilename: ./sub/x.deb\nSize: 17\nDescription: one\n two\n .\n three: four\n\n\n"
          "Filename: y.deb\r\nPackage: y\r\nSize: 1\r\nArchitecture: all\r\nVersion: 2\r\nMD5sum: " +
          digits(32) + "\r\n",
      "Packages");
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(packages[0].name, "libibverbs1");
  EXPECT_EQ(packages[0].version, "1:50mlnx1-1.49710");
  EXPECT_EQ(packages[0].installed_size, 2048U);
  EXPECT_EQ(packages[0].file.file, "sub/x.deb");
  EXPECT_EQ(packages[0].file.size, 17U);
  EXPECT_EQ(packages[0].file.digests.rbegin()->first, DigestAlgorithm::sha512);
  EXPECT_EQ(packages[1].file.file, "y.deb");
  EXPECT_EQ(packages[1].file.digests.rbegin()->first, DigestAlgorithm::md5);
}

TEST(DebIndex, RefusesWhatVouchesForNothing) {
  const auto refusal = [](const std::string& text) {
    return testing::error_of([&] { parse_packages(text, "P"); }).message();
  };
  const std::string good =
      "Package: x\nVersion: 1\nArchitecture: all\nFilename: x.deb\nSize: 1\nSHA256: " + digits(64) + "\n";
  EXPECT_EQ(parse_packages(good, "P").size(), 1U);
  EXPECT_EQ(refusal("Package: x\n"), "reading index 'P': package 1 has no version");
  EXPECT_EQ(refusal(good + "Size: -1\n"), "reading index 'P': the size of 'x' is not a number");
  EXPECT_EQ(refusal(good + "Filename: /etc/x\n"), "reading index 'P': it names a file '/etc/x'");
  EXPECT_EQ(refusal(good + "SHA256: abc\n"), "reading index 'P': 'x' has no digest");
  EXPECT_THAT(parse_packages("", "P"), IsEmpty());
}

TEST(DebIndex, ReleaseListsFilesWithAllTheirDigests) {
  const auto release = parse_release("Suite: 5.5-1.0.3.2\nMD5Sum:\n " + digits(32) + " 10 Packages\n " + digits(32) +
                                         " 153 Release\nSHA256:\n " + digits(64) + " 10 ./Packages\n broken line\n",
                                     "Release");
  EXPECT_EQ(release.suite, "5.5-1.0.3.2");
  ASSERT_EQ(release.files.size(), 1U);
  EXPECT_EQ(release.files[0].digests.size(), 2U);
  EXPECT_NE(release.find("Packages"), nullptr);
  EXPECT_EQ(release.find("Release"), nullptr);
}

TEST(RpmIndex, ReadsRepomdAndPrimary) {
  const auto parts = testing::rpm_bundle();
  const auto files = parse_repomd(parts.files.at("RPMS/repodata/repomd.xml"), "repomd.xml");
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].type, "primary");
  EXPECT_EQ(files[0].file.file, "repodata/primary.xml.gz");
  EXPECT_EQ(files[0].file.size, parts.files.at("RPMS/repodata/primary.xml.gz").size());
  const auto packed = parts.files.at("RPMS/repodata/primary.xml.gz");
  archive::ArchiveReader reader(archive::source_of(packed), archive::ArchiveKind::compressed_file, "primary");
  reader.next();
  const auto packages = parse_primary(reader.read_all(1 << 20), "primary.xml");
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(packages[0].name, "kmod-mlnx-ofa_kernel");
  EXPECT_EQ(packages[0].version, "5.5-OFED.5.5.1.0.3.1.rhel8u2");
  EXPECT_EQ(packages[0].arch, "x86_64");
  EXPECT_EQ(packages[0].file.file, "kmod-mlnx-ofa_kernel-5.5-OFED.5.5.1.0.3.1.rhel8u2.x86_64.rpm");
  EXPECT_EQ(packages[0].file.digests.count(DigestAlgorithm::sha256), 1U);
}

TEST(RpmIndex, RefusesWhatIsNoMetadata) {
  EXPECT_EQ(testing::error_of([] { parse_repomd("", "r"); }).kind(), ErrorKind::untrusted);
  EXPECT_EQ(testing::error_of([] { parse_repomd("<repomd><data", "r"); }).kind(), ErrorKind::untrusted);
  EXPECT_EQ(testing::error_of([] {
              parse_primary("<metadata><package type=\"rpm\"><name>x</name></package></metadata>", "p");
            }).message(),
            "reading index 'p': package 1 'x' lacks its location, size or digest");
}

TEST(RpmHeader, DescribesAPackageThatNoIndexLists) {
  const auto bytes =
      testing::make_rpm("mlnx-ofa_kernel", "5.5", "1", {{"/etc/infiniband/openib.conf", "x"}, {"/a&b", "y"}});
  auto facts = read_rpm(archive::source_of(bytes), signature::KeyRing(), "x.rpm");
  EXPECT_EQ(facts.signature.state, signature::SignatureState::absent);
  facts.package.file = {
      "mlnx-ofa_kernel-5.5-1.x86_64.rpm", bytes.size(), {{DigestAlgorithm::sha256, digest_of(bytes)}}};
  const auto primary = primary_of({facts});
  EXPECT_THAT(primary, HasSubstr(R"x(<rpm:entry name="libc.so.6()(64bit)"/>)x"));
  EXPECT_THAT(primary, HasSubstr(R"(<rpm:entry name="mlnx-tools" flags="GE" epoch="1" ver="5.2" rel="0"/>)"));
  EXPECT_THAT(primary, ::testing::Not(HasSubstr("rpmlib")));
  EXPECT_THAT(primary, HasSubstr("<file>/a&#38;b</file><file>/etc/infiniband/openib.conf</file>"));
  const auto packages = parse_primary(primary, "made");
  ASSERT_EQ(packages.size(), 1U);
  EXPECT_EQ(packages[0].name, "mlnx-ofa_kernel");
  EXPECT_EQ(packages[0].version, "5.5-1");
  EXPECT_EQ(packages[0].installed_size, 4096U);
  EXPECT_EQ(packages[0].file.size, bytes.size());
  EXPECT_EQ(packages[0].file.digests.at(DigestAlgorithm::sha256), digest_of(bytes));
}

TEST(RpmHeader, SignatureCoversThePayloadThroughItsDigest) {
  signature::KeyRing ring;
  ring.add(testing::vendor().public_key(), "keys");
  const testing::Sign sign = [](const std::string& data) { return testing::vendor().sign(data, false); };
  auto bytes = testing::make_rpm("x", "1", "1", {{"/a", "b"}}, sign);
  auto facts = read_rpm(archive::source_of(bytes), ring, "x.rpm");
  EXPECT_EQ(facts.signature.state, signature::SignatureState::good);
  EXPECT_TRUE(facts.payload_signed);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  facts = read_rpm(archive::source_of(bytes), ring, "x.rpm");
  EXPECT_EQ(facts.signature.state, signature::SignatureState::bad);
  EXPECT_EQ(facts.signature.reason, "the payload differs from the digest in the signed header");
  const auto old = testing::make_rpm("x", "1", "1", {{"/a", "b"}}, sign, false);
  facts = read_rpm(archive::source_of(old), ring, "x.rpm");
  EXPECT_EQ(facts.signature.state, signature::SignatureState::refused);
  EXPECT_EQ(facts.signature.reason,
            "the signature covers only the header, and the header has no SHA-256 of the payload");
  EXPECT_FALSE(facts.payload_signed);
}

TEST(RpmHeader, CutShortAnywhereIsRefused) {
  const auto bytes = testing::make_rpm("x", "1", "1");
  const auto payload = bytes.find(
      "\xFD"
      "7zXZ");
  ASSERT_NE(payload, std::string::npos);
  for (std::size_t length = 0; length < payload; length += 7) {
    const auto part = bytes.substr(0, length);
    EXPECT_EQ(testing::error_of([&] { read_rpm(archive::source_of(part), signature::KeyRing(), "x.rpm"); }).kind(),
              ErrorKind::untrusted);
  }
}

TEST(Layout, NamesAreParsed) {
  EXPECT_EQ(parse_bundle_name("MLNX_OFED_LINUX-4.9-4.1.7.0-rhel7.6-x86_64"),
            (BundleName{"4.9-4.1.7.0", "rhel7.6", "x86_64", false}));
  EXPECT_EQ(parse_bundle_name("MLNX_OFED_LINUX-5.5-1.0.3.2-rhel8.2-x86_64-ext"),
            (BundleName{"5.5-1.0.3.2", "rhel8.2", "x86_64", true}));
  EXPECT_EQ(parse_bundle_name("MLNX_OFED_LINUX-23.10-2.1.3.1-201-rhel8.10-aarch64"),
            (BundleName{"23.10-2.1.3.1-201", "rhel8.10", "aarch64", false}));
  for (const auto* name : {"mlnx-en-5.5-1.0.3.2-rhel8.2-x86_64", "MLNX_OFED_LINUX-5.5", "MLNX_OFED_LINUX-a-b-c-d", "",
                           "MLNX_OFED_LINUX----"})
    EXPECT_EQ(parse_bundle_name(name), std::nullopt) << name;
}

TEST(Layout, FamiliesAreFoundByTheirIndexes) {
  const std::string top = "top";
  auto layout = find_layout({"DEBS/Packages", "DEBS/x.deb"}, top);
  EXPECT_EQ(layout.family, "flat");
  EXPECT_THAT(layout.places, ElementsAre(RepositoryPlace{"flat", "DEBS", "DEBS/Packages", true}));

  layout = find_layout({"RPMS/COMMON/x.rpm", "RPMS/MLNX_LIBS/repodata/repomd.xml",
                        "RPMS/UPSTREAM_LIBS/repodata/repomd.xml", "RPMS_UPSTREAM_LIBS/repodata/repomd.xml"},
                       top);
  EXPECT_EQ(layout.family, "split");
  EXPECT_EQ(layout.format, PackageFormat::rpm);
  EXPECT_THAT(
      layout.places,
      ElementsAre(
          RepositoryPlace{"upstream-libs", "RPMS/UPSTREAM_LIBS", "RPMS/UPSTREAM_LIBS/repodata/repomd.xml", true},
          RepositoryPlace{"mlnx-libs", "RPMS/MLNX_LIBS", "RPMS/MLNX_LIBS/repodata/repomd.xml", true},
          RepositoryPlace{"upstream-libs", "RPMS_UPSTREAM_LIBS", "RPMS_UPSTREAM_LIBS/repodata/repomd.xml", false}));

  layout = find_layout({"DEBS/COMMON/x.deb", "DEBS/MLNX_LIBS/Packages.gz", "DEBS_UPSTREAM_LIBS/Packages"}, top);
  EXPECT_THAT(layout.places,
              ElementsAre(RepositoryPlace{"mlnx-libs", "DEBS/MLNX_LIBS", "DEBS/MLNX_LIBS/Packages.gz", true},
                          RepositoryPlace{"upstream-libs", "DEBS_UPSTREAM_LIBS", "DEBS_UPSTREAM_LIBS/Packages", true}));

  layout = find_layout({"RPMS/x.rpm", "RPMS/sub/y.rpm"}, top);
  EXPECT_THAT(layout.places, ElementsAre(RepositoryPlace{"flat", "RPMS", "", true}));
  EXPECT_EQ(testing::error_of([&] { find_layout({"DEBS/sub/x.deb"}, top); }).message(),
            "reading bundle 'top': no packages below DEBS");
}

TEST(ModuleElf, ReadsModinfoVersionsAndExports) {
  const auto facts =
      guest::read_module(testing::fake_module(), "/lib/modules/3.10.0-957.el7.x86_64/extra/mlx5_core.ko");
  EXPECT_EQ(facts.name, "mlx5_core");
  EXPECT_EQ(facts.version, "5.5-1.0.3");
  EXPECT_EQ(facts.vermagic, "3.10.0-957.el7.x86_64 SMP mod_unload modversions ");
  EXPECT_EQ(facts.imports,
            (std::map<std::string, std::uint32_t>{{"module_layout", 0x12345678}, {"printk", 0xdeadbeef}}));
  EXPECT_EQ(facts.exports, (std::map<std::string, std::uint32_t>{{"mlx5_core_create", 0xcafebabe}}));
  EXPECT_EQ(facts.signer, "");
}

TEST(ModuleElf, NamesTheSigner) {
  const auto bytes = testing::signed_by(testing::vendor_key(), testing::fake_module());
  const auto facts = guest::read_module(bytes, "/lib/modules/3.10.0-957.el7.x86_64/extra/mlx5_core.ko");
  EXPECT_EQ(facts.name, "mlx5_core");
  EXPECT_EQ(facts.signer, "Example vendor");
  EXPECT_EQ(guest::read_module(testing::fake_module() + "~Module signature appended~\n", "x.ko").signer,
            "a damaged signature");
}

TEST(ModuleElf, SurvivesEveryTruncation) {
  const auto whole = testing::fake_module();
  for (std::size_t length = 0; length < whole.size(); length += 13) {
    try {
      guest::read_module(whole.substr(0, length), "x.ko");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::untrusted);
    }
  }
  EXPECT_EQ(testing::error_of([] { guest::read_module("text", "x.ko"); }).message(),
            "reading kernel module 'x.ko': not a 64-bit ELF object");
}

TEST(ModuleElf, KnowsModulePaths) {
  EXPECT_TRUE(guest::is_module_path("/lib/modules/K/extra/a.ko.xz"));
  EXPECT_FALSE(guest::is_module_path("/usr/share/a.ko.txt"));
  EXPECT_EQ(guest::kernel_of_path("/lib/modules/4.18.0-193.el8.x86_64/extra/a.ko"), "4.18.0-193.el8.x86_64");
  EXPECT_EQ(guest::kernel_of_path("/usr/lib/modules/K/a.ko"), "K");
  EXPECT_EQ(guest::kernel_of_path("/usr/mylib/modules/K/a.ko"), "");
}

TEST(PackageScan, FindsModulesOfBothKinds) {
  const std::map<std::string, std::string> files{{"/lib/modules/K/updates/mlx5_core.ko", testing::fake_module()},
                                                 {"/usr/src/ofa-1/dkms.conf", "BUILT_MODULE_NAME=mlx5-core\n"},
                                                 {"/usr/src/ofa-1/deep/dkms.conf", "x"}};
  const auto deb = testing::make_deb("x", "1", "amd64", files);
  const auto rpm = testing::make_rpm("x", "1", "1", files);
  for (const auto& [bytes, format] : {std::pair{&deb, PackageFormat::deb}, std::pair{&rpm, PackageFormat::rpm}}) {
    const auto content = scan_kernel_content(archive::source_of(*bytes), format, "x");
    EXPECT_EQ(content.built_kernel, "K");
    EXPECT_TRUE(content.dkms_source);
    EXPECT_EQ(content.dkms_modules, std::vector<std::string>{"mlx5-core"});
    ASSERT_EQ(content.modules.size(), 1U);
    EXPECT_EQ(content.modules[0].name, "mlx5_core");
    EXPECT_EQ(content.modules[0].path, "/lib/modules/K/updates/mlx5_core.ko");
  }
  EXPECT_THAT(read_control(archive::source_of(deb), "x"), HasSubstr("Package: x\n"));
}

// Both forms of mlnx-nvme's dkms.conf (MLNX_OFED 4.9 and 5.5).
TEST(PackageScan, ReadsTheNamesOfModulesFromDkmsConf) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(modules_of_dkms_conf("PACKAGE_NAME=\"mlnx-nvme\"\nBUILT_MODULE_NAME[0]=\"nvme-core\"\n"
                                 "BUILT_MODULE_LOCATION[0]=\"./host/\"\nBUILT_MODULE_NAME[1]=nvme\n"),
            (Names{"nvme-core", "nvme"}));
  EXPECT_EQ(modules_of_dkms_conf("BUILT_MODULE_NAME=()\nif is_conf_set CONFIG_NVME_TARGET; then\n"
                                 "\tBUILT_MODULE_NAME+=(\"nvmet\")\nfi\n"),
            Names{"nvmet"});
  EXPECT_EQ(modules_of_dkms_conf("PACKAGE_NAME='knem'\n"), Names{"knem"});
  EXPECT_EQ(modules_of_dkms_conf("BUILT_MODULE_NAME[0]=nvme\nBUILT_MODULE_NAME[1]=$name\n"), Names{});
  EXPECT_EQ(modules_of_dkms_conf("x"), Names{});
}

TEST(PackageScan, RefusesDamagedPackages) {
  const auto deb = testing::make_deb("x", "1", "amd64");
  EXPECT_EQ(testing::error_of([&] { scan_kernel_content(archive::source_of(deb), PackageFormat::rpm, "x"); }).kind(),
            ErrorKind::untrusted);
  EXPECT_EQ(testing::error_of([&] {
              scan_kernel_content(archive::source_of("!<arch>\n"), PackageFormat::deb, "x");
            }).message(),
            "reading package 'x': it has no data.tar");
}

}  // namespace
}  // namespace bake::bundle
