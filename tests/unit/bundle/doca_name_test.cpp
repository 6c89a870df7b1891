// What the names and versions of DOCA-Host's outer packages state.
#include "bake/bundle/doca_name.hpp"

#include <gtest/gtest.h>

#include "bake/bundle/vendor_keys.hpp"
#include "tests/support/error_of.hpp"

namespace bake::bundle {
namespace {

constexpr auto deb = PackageFormat::deb;
constexpr auto rpm = PackageFormat::rpm;

Error refusal_of(const OuterHeader& header) {
  return error_of([&] { identify_outer(header); });
}

TEST(DocaName, OfADeb) {
  const auto identity = identify_outer({deb, "doca-host", "3.2.3-019000-25.10-ubuntu2404", "amd64"});
  EXPECT_EQ(identity.name, "doca-host_3.2.3-019000-25.10-ubuntu2404_amd64");
  EXPECT_EQ(identity.version, "doca-3.2.3-019000");
  EXPECT_EQ(identity.distro, "ubuntu24.04");
  EXPECT_EQ(identity.arch, "x86_64");
  EXPECT_EQ(identity.release, (DocaRelease{"D1", "3.2.3", "019000", "25.10", "25.10", ""}));
}

TEST(DocaName, OfAnRpm) {
  const auto identity = identify_outer({rpm, "doca-host", "3.1.0-091000_25.07_rhel96", "x86_64"});
  EXPECT_EQ(identity.name, "doca-host-3.1.0-091000_25.07_rhel96.x86_64");
  EXPECT_EQ(identity.version, "doca-3.1.0-091000");
  EXPECT_EQ(identity.distro, "rhel9.6");
  EXPECT_EQ(identity.release, (DocaRelease{"", "3.1.0", "091000", "25.07", "25.07", ""}));
}

TEST(DocaName, BuildsOfOneVersionAreDifferentReleases) {
  const auto version_of = [](const std::string& version) {
    return identify_outer({deb, "doca-host", version, "amd64"}).version;
  };
  EXPECT_EQ(version_of("3.2.1-044000-25.10-ubuntu2404"), "doca-3.2.1-044000");
  EXPECT_EQ(version_of("3.2.1-044413-25.10-ubuntu2404"), "doca-3.2.1-044413");
}

TEST(DocaName, OfAKernelRepository) {
  const auto from_deb =
      identify_outer({deb, "doca-kernel-repo-25.04-0.6.1.0-6.8.0.63.generic", "25.04.0.6.1.0", "amd64"});
  EXPECT_EQ(from_deb.version, "doca-kernel-25.04-0.6.1.0");
  EXPECT_EQ(from_deb.dotted_kernel, "6.8.0.63.generic");
  EXPECT_EQ(from_deb.distro, "");
  EXPECT_EQ(from_deb.release, (DocaRelease{"E", "", "", "25.04", "25.04-0.6.1.0", ""}));
  const auto from_rpm =
      identify_outer({rpm, "doca-kernel-repo", "25.01.0.6.0.0-1.kver.5.14.0.503.26.1.el9.5.x86.64", "x86_64"});
  EXPECT_EQ(from_rpm.version, "doca-kernel-25.01-0.6.0.0");
  EXPECT_EQ(from_rpm.dotted_kernel, "5.14.0.503.26.1.el9.5.x86.64");
  EXPECT_EQ(identify_outer({rpm, "doca-kernel-repo", "25.01.0.6.0.0-1", "x86_64"}).dotted_kernel, "");
}

TEST(DocaName, OlderPackagesAreRecognisedAndRefused) {
  const std::string hint =
      "use the MLNX_OFED_LINUX bundle of the same release, or a doca-host package of DOCA 2.7 or later";
  const auto old = refusal_of({rpm, "doca-host-repo-rhel86", "2.5.0-0.0.1.23.10.1.1.9.0", "x86_64"});
  EXPECT_EQ(old.kind(), ErrorKind::config);
  EXPECT_EQ(old.message(),
            "reading bundle 'doca-host-repo-rhel86-2.5.0-0.0.1.23.10.1.1.9.0.x86_64': recognised: a doca-host-repo "
            "package of DOCA 2.6 or earlier, which bake does not read");
  EXPECT_EQ(old.hint(), hint);
  EXPECT_EQ(refusal_of({deb, "doca-host", "2.6.0-001000-24.01-ubuntu2204", "amd64"}).hint(), hint);
}

TEST(DocaName, Arm64IsRefused) {
  const auto error = refusal_of({deb, "doca-host", "3.1.0-091513-25.07-ubuntu2404", "arm64"});
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_EQ(error.message(),
            "reading bundle 'doca-host_3.1.0-091513-25.07-ubuntu2404_arm64': it is for arm64: bake makes only x86_64 "
            "images");
  EXPECT_EQ(error.hint(), "take the x86_64 package of the same release");
}

TEST(DocaName, OtherVersionsAreRefused) {
  for (const auto* version : {"3.2.3", "3.2.3-019000", "3.2.3-019000-25.10", "3.2.3-019000-25.10-", "3.2-1-25.10-rhel9",
                              "3.2.3-x-25.10-rhel9", "3.2.3-019000-25.10-rhel9-2", "-019000-25.10-rhel9"}) {
    const auto error = refusal_of({deb, "doca-host", version, "amd64"});
    EXPECT_EQ(error.kind(), ErrorKind::config) << version;
    EXPECT_EQ(error.message(), "reading bundle 'doca-host_" + std::string(version) + "_amd64': its version '" +
                                   version + "' is not <DOCA>-<build>-<YY.MM>-<distribution>");
  }
  EXPECT_EQ(refusal_of({rpm, "doca-host", "3.2.1-1", "x86_64"}).message(),
            "reading bundle 'doca-host-3.2.1-1.x86_64': its version '3.2.1-1' is not "
            "<DOCA>-<build>_<YY.MM>_<distribution>");
  EXPECT_EQ(refusal_of({deb, "doca-host", "3.2.3-019000-25.10-ubuntu2404\x1b", "amd64"}).kind(), ErrorKind::untrusted);
  EXPECT_EQ(refusal_of({deb, "doca-kernel-repo-x", "25.04", "amd64"}).kind(), ErrorKind::config);
  EXPECT_EQ(refusal_of({deb, "doca-host", "3.2.3-019000-25.10-ubuntu2404", "riscv64"}).kind(), ErrorKind::config);
}

TEST(DocaName, ShortNamesOfDistributions) {
  const std::map<std::string, std::string> names{{"ubuntu2404", "ubuntu24.04"},
                                                 {"rhel87", "rhel8.7"},
                                                 {"rhel810", "rhel8.10"},
                                                 {"rhel8", "rhel8"},
                                                 {"rhel10", "rhel10"},
                                                 {"rhel100", "rhel10.0"},
                                                 {"ol96", "ol9.6"},
                                                 {"debian125", "debian12.5"},
                                                 {"debian13", "debian13"},
                                                 {"sles15sp5", "sles15sp5"},
                                                 {"openeuler2403", "openeuler24.03"},
                                                 {"alinux32", "alinux3.2"},
                                                 {"other7", "other7"}};
  for (const auto& [osid, distro] : names) EXPECT_EQ(distro_of_osid(osid), distro);
}

TEST(DocaName, OfFiles) {
  EXPECT_EQ(outer_header_of_file_name("doca-host_3.2.3-019000-25.10-ubuntu2404_amd64.deb"),
            (OuterHeader{deb, "doca-host", "3.2.3-019000-25.10-ubuntu2404", "amd64"}));
  EXPECT_EQ(outer_header_of_file_name("doca-host-3.2.2-035000_25.10_rhel9.x86_64.rpm"),
            (OuterHeader{rpm, "doca-host", "3.2.2-035000_25.10_rhel9", "x86_64"}));
  for (const auto* name :
       {"doca-host.deb", "doca-host_3.2.3_amd64.deb.1", "x.rpm", "rdma-core_1_amd64.deb", "a.rpm", "-.rpm", "--.x.rpm"})
    EXPECT_EQ(outer_header_of_file_name(name), std::nullopt) << name;
}

TEST(VendorKeys, AreKnownByFingerprint) {
  EXPECT_EQ(known_vendor_key("70454E6BF5D9C2D3B78709E8DC726C5E41B9CC50"),
            "NVIDIA DOCA Host, made 2026-01-20, signs deb repositories");
  EXPECT_EQ(known_vendor_key("DC726C5E41B9CC50"), known_vendor_key("70454E6BF5D9C2D3B78709E8DC726C5E41B9CC50"));
  EXPECT_EQ(known_vendor_key("41B9CC50"), "");
  EXPECT_EQ(known_vendor_key(""), "");
  EXPECT_EQ(hint_about_key("0123456789ABCDEF", true),
            "trust the key if it is the vendor's; bake does not know the fingerprint of NVIDIA's key of 2026 for DOCA "
            "rpms");
  EXPECT_EQ(hint_about_key("0123456789ABCDEF", false), "trust the key if it is the vendor's");
}

}  // namespace
}  // namespace bake::bundle
