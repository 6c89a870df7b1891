// The built-in rows: the fifteen releases of the VM extension, and properties of every row.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <tuple>

#include "matrix/matrix.hpp"

namespace bake::matrix {
namespace {

const Matrix& built_in() {
  static const auto matrix = Matrix::built_in();
  return matrix;
}

TEST(MatrixRows, TheFifteenReleasesOfTheExtension) {
  std::vector<std::string> rows;
  for (const auto& os : built_in().operating_systems()) {
    if (!os.extension) continue;
    rows.push_back(os.id + " " + os.version + " " + os.family + " " + os.distro + " " + os.ga_kernel + " " +
                   (os.kernel_pins.empty() ? "-" : os.kernel_pins.front()) + " " + os.inbox_key + " " + os.end_of_life);
  }
  const std::vector<std::string> expected{
      "centos 7.4 rpm rhel7.4 3.10.0-693.el7.x86_64 3.10.0-693.21.1.el7.x86_64 el7.4 2024-06-30",
      "centos 7.5 rpm rhel7.5 3.10.0-862.el7.x86_64 3.10.0-862.11.6.el7.x86_64 el7.4 2024-06-30",
      "centos 7.6 rpm rhel7.6 3.10.0-957.el7.x86_64 3.10.0-957.27.2.el7.x86_64 el7.4 2024-06-30",
      "centos 7.7 rpm rhel7.7 3.10.0-1062.el7.x86_64 - el7.7 2024-06-30",
      "centos 8.1 rpm rhel8.1 4.18.0-147.el8.x86_64 - el8 2021-12-31",
      "centos 8.2 rpm rhel8.2 4.18.0-193.el8.x86_64 - el8 2021-12-31",
      "rhel 7.4 rpm rhel7.4 3.10.0-693.el7.x86_64 3.10.0-693.21.1.el7.x86_64 el7.4 2024-06-30",
      "rhel 7.5 rpm rhel7.5 3.10.0-862.el7.x86_64 3.10.0-862.11.6.el7.x86_64 el7.4 2024-06-30",
      "rhel 7.6 rpm rhel7.6 3.10.0-957.el7.x86_64 3.10.0-957.27.2.el7.x86_64 el7.4 2024-06-30",
      "rhel 7.7 rpm rhel7.7 3.10.0-1062.el7.x86_64 - el7.7 2024-06-30",
      "rhel 8.1 rpm rhel8.1 4.18.0-147.el8.x86_64 - el8 2029-05-31",
      "rhel 8.2 rpm rhel8.2 4.18.0-193.el8.x86_64 - el8 2029-05-31",
      "ubuntu 16.04 deb ubuntu16.04 4.4.0-22-generic -  2021-04-30",
      "ubuntu 18.04 deb ubuntu18.04 4.15.0-20-generic - ubuntu18.04 2023-05-31",
      "ubuntu 20.04 deb ubuntu20.04 5.4.0-26-generic - ubuntu20.04 2025-05-31",
  };
  EXPECT_EQ(rows, expected);
}

TEST(MatrixRows, BeyondTheExtension) {
  std::set<std::string> names;
  for (const auto& os : built_in().operating_systems()) names.insert(os.id + " " + os.version);
  for (const auto* name :
       {"centos 7.8", "centos 7.9", "centos 8.3", "centos 8.5", "rhel 7.9", "rhel 8.3", "rhel 8.10", "rhel 9.0",
        "rhel 9.6", "almalinux 8.7", "almalinux 9.4", "rocky 8.10", "rocky 9.6", "ubuntu 22.04", "ubuntu 24.04"})
    EXPECT_TRUE(names.contains(name)) << name;
  std::set<std::string> lines;
  for (const auto& release : built_in().ofed_releases()) lines.insert(release.line);
  for (const auto* line : {"4.9", "5.0", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "23.04",
                           "23.07", "23.10", "24.01", "24.04", "24.10", "doca"})
    EXPECT_TRUE(lines.contains(line)) << line;
}

TEST(MatrixRows, NoRowWithoutASource) {
  ASSERT_EQ(built_in().counts().size(), 9U);
  for (const auto& count : built_in().counts()) {
    EXPECT_GT(count.rows, 0U) << count.topic;
    EXPECT_EQ(count.without_source, 0U) << count.topic;
  }
  EXPECT_EQ(Matrix::check({}), std::vector<Problem>{});
}

TEST(MatrixRows, EveryPublicDigestIsThere) {
  std::size_t ofed = 0, doca = 0;
  for (const auto& bundle : built_in().bundles())
    if (!bundle.sha256.empty()) ++(bundle.ofed.starts_with("doca-") ? doca : ofed);
  EXPECT_EQ(ofed, 83U);  // 80 of azhpc-images, two more for SLES, one of unknown origin
  EXPECT_EQ(doca, 32U);
  const auto* bundle =
      built_in().find_bundle_by_sha256("CA56DDF53A22192D2C91D1C410DB686A8F8FAF339020CFE44AB0C664E63C8B99");
  ASSERT_NE(bundle, nullptr);
  EXPECT_EQ(bundle->file, "MLNX_OFED_LINUX-4.9-6.0.6.0-ubuntu18.04-x86_64.tgz");
  EXPECT_EQ(bundle->provenance.source,
            "Azure/azhpc-images@0e347e0d ubuntu/ubuntu-18.x/ubuntu-18.04-LTS-hpc/install_mellanoxofed.sh");
  EXPECT_EQ(built_in().find_bundle_by_sha256(""), nullptr);
}

TEST(MatrixRows, SizesAreFoundAsPeopleWriteThem) {
  const auto* size = built_in().find_size("Standard_HB120rs_v2");
  ASSERT_NE(size, nullptr);
  EXPECT_EQ(size->generation, "CX6");
  EXPECT_EQ(size->hcas, 1U);
  EXPECT_EQ(size->transport, "sriov");
  EXPECT_EQ(size->vm_generations, (std::vector<int>{1, 2}));
  EXPECT_EQ(built_in().find_size("standard_hb120RS_V2"), size);
  EXPECT_EQ(built_in().find_size("HB120rs_v2"), size);
  EXPECT_EQ(built_in().find_size("Standard_HB120rs_v2_Promo"), size);
  EXPECT_EQ(built_in().find_size("Standard_HB120rs"), nullptr);
  EXPECT_EQ(built_in().find_size("Standard_H16r_Promo")->transport, "networkdirect");
  EXPECT_EQ(built_in().find_size("Standard_ND96is_H200_v5")->transport, "none");
  EXPECT_EQ(built_in().find_size("Standard_HB368rs_v5")->hcas, 4U);
  EXPECT_EQ(built_in().find_size("Standard_ND128isr_GB300_v6")->arch, "aarch64");
  EXPECT_EQ(built_in().find_size("Standard_ND96isr_MI300X_v5")->hcas, 8U);
}

TEST(MatrixRows, ReleasesAreFoundByAlias) {
  const auto* centos = built_in().find_os("centos", "7.7");
  ASSERT_NE(centos, nullptr);
  EXPECT_EQ(built_in().find_os("CentOS", "7.7.1908"), centos);
  EXPECT_EQ(built_in().find_os("ubuntu", "focal"), built_in().find_os("ubuntu", "20.04"));
  EXPECT_EQ(built_in().find_os("centos", "7.3"), nullptr);
  EXPECT_EQ(built_in().find_os("rocky", "8.10")->distro, "rhel8.10");
}

TEST(MatrixRows, SizesHaveACardThatAPciRowKnowsOrNone) {
  std::set<std::string> generations;
  for (const auto& device : built_in().pci_devices()) generations.insert(device.generation);
  for (const auto& size : built_in().sizes())
    EXPECT_EQ(generations.contains(size.generation), size.transport == "sriov") << size.name;
}

TEST(MatrixRows, SizesThatAzureRetires) {
  const std::map<std::string, std::string> dates{
      {"Standard_H16mr", "2022-08-31"},  {"Standard_NC24r", "2023-08-31"},      {"Standard_NC24rs_v2", "2023-08-31"},
      {"Standard_ND24rs", "2023-08-31"}, {"Standard_HB60-15rs", "2024-08-31"},  {"Standard_NC24rs_v3", "2025-09-30"},
      {"Standard_HC44rs", "2027-05-31"}, {"Standard_HB120rs_v2", "2027-05-31"}, {"Standard_HB120rs_v3", ""},
      {"Standard_ND96isr_MI300X_v5", ""}};
  for (const auto& [name, date] : dates) EXPECT_EQ(built_in().find_size(name)->retires, date) << name;
}

/// The rules that apply to a guest: "refuse agent-crashes-on-centos".
std::vector<std::string> package_rules(const GuestPackages& packages) {
  std::vector<std::string> applied;
  for (const auto& finding : built_in().package_rules(packages))
    applied.push_back((finding.effect == Effect::refuse ? "refuse " : "warn ") + finding.rule);
  return applied;
}

using Lines = std::vector<std::string>;

TEST(MatrixPackageRules, AgentsThatBreakIpoibAreRefused) {
  for (const auto* version : {"2.9.1.1", "2.10.0.8", "2.11.1.4", "2.11.1.12"})
    EXPECT_EQ(package_rules({"ubuntu", "20.04", version, ""}), Lines{"refuse agent-breaks-ipoib"}) << version;
  for (const auto* version : {"2.4.0.2", "2.7.3.0", "2.9.0.4", "2.12.0.2", "2.13.1.1", ""})
    EXPECT_EQ(package_rules({"ubuntu", "20.04", version, ""}), Lines{}) << version;
  EXPECT_EQ(package_rules({"ubuntu", "20.04", "2.2.45", ""}), Lines{"warn agent-too-old"});
}

TEST(MatrixPackageRules, OldAgentsThatRestartForeverOnCentosAreRefused) {
  const Lines crashes{"refuse agent-crashes-on-centos", "warn agent-too-old"};
  for (const auto* version : {"2.2.2", "2.2.17", "2.2.18", "2.2.34", "2.2.35", "2.2.35.1"})
    EXPECT_EQ(package_rules({"centos", "7.7", version, ""}), crashes) << version;
  for (const auto* version : {"2.2.36", "2.2.45", "2.4.0.1"})
    EXPECT_EQ(package_rules({"centos", "7.7", version, ""}), Lines{"warn agent-too-old"}) << version;
  // RHEL gets the agent's base handler, which does not fail.
  EXPECT_EQ(package_rules({"rhel", "7.7", "2.2.18", ""}), Lines{"warn agent-too-old"});
  EXPECT_EQ(package_rules({"ubuntu", "18.04", "2.2.18", ""}), Lines{"warn agent-too-old"});
}

TEST(MatrixPackageRules, RulesAboutRdmaInTheAgentNeedEnableRdma) {
  GuestPackages packages{"centos", "7.7", "2.2.18", ""};
  packages.enable_rdma = false;
  EXPECT_EQ(package_rules(packages), Lines{});
  packages.agent = "2.10.0.8";
  EXPECT_EQ(package_rules(packages), Lines{});
}

TEST(MatrixPackageRules, AgentsThatWaitForIb0WarnWhereUdevRenamesInterfaces) {
  const auto rules_for = [](const std::string& version) {
    GuestPackages packages{"ubuntu", "20.04", version, ""};
    packages.udev_renames_interfaces = true;
    return package_rules(packages);
  };
  for (const auto* version : {"2.4.0.2", "2.9.0.4"}) EXPECT_EQ(rules_for(version), Lines{"warn agent-needs-ib0"});
  EXPECT_EQ(rules_for("2.9.1.1"), Lines{"refuse agent-breaks-ipoib"});
  EXPECT_EQ(rules_for("2.12.0.2"), Lines{});
}

TEST(MatrixPackageRules, RemediesNameOnlyAgentsWithoutEitherBug) {
  for (const auto* version : {"2.2.18", "2.2.45", "2.9.1.1", "2.11.1.12"})
    for (const auto& finding : built_in().package_rules({"centos", "7.7", version, ""})) {
      EXPECT_NE(finding.remedy.find("2.12.0.2"), std::string::npos) << finding.remedy;
      EXPECT_EQ(finding.remedy.find("2.9.0.4"), std::string::npos) << finding.remedy;
      EXPECT_NE(finding.message, "");
      EXPECT_NE(finding.source, "");
    }
}

TEST(MatrixPackageRules, CloudInitThatDoesNotConfigureTheNetworkDoesNotStop) {
  GuestPackages packages{"ubuntu", "18.04", "", "19.4"};
  packages.cloud_init_network = false;
  EXPECT_EQ(package_rules(packages), Lines{});
}

TEST(MatrixPackageRules, CloudInitThatStopsAtADuplicateMacWarns) {
  for (const auto* version : {"18.4", "18.5-6.el7.centos", "19.4-33-gbb4131a2-0ubuntu1~18.04.1", "21.4", "22.1",
                              "22.1-14-g2e17a0d6-0ubuntu1~22.04.5"})
    EXPECT_EQ(package_rules({"ubuntu", "18.04", "", version}), Lines{"warn cloud-init-duplicate-mac"}) << version;
  for (const auto* version : {"", "0.7.9-24.el7.centos", "18.2", "18.3", "22.2", "22.2-0ubuntu1~20.04.3", "23.4.4"})
    EXPECT_EQ(package_rules({"ubuntu", "18.04", "", version}), Lines{}) << version;
  const auto finding = built_in().package_rules({"centos", "7.7", "", "18.5"}).at(0);
  EXPECT_NE(finding.source.find("canonical/cloud-init/issues/3660"), std::string::npos);
  EXPECT_NE(finding.source.find("canonical/cloud-init/pull/1411"), std::string::npos);
}

TEST(MatrixRows, SizesThatOtherToolsNameAreKnown) {
  for (const auto& [name, card, hcas] : {std::tuple{"Standard_ND96isrf_H100_v5", "CX7", 8U},
                                         {"standard_nd92isr_h100_v5", "CX7", 8U},
                                         {"standard_nd100isr_h100_v5", "CX7", 8U},
                                         {"standard_nd96amsr_v4", "CX6", 8U},
                                         {"Standard_ND128isr_VR200_v6", "CX8", 4U}}) {
    const auto* size = built_in().find_size(name);
    ASSERT_NE(size, nullptr) << name;
    EXPECT_EQ(size->generation, card) << name;
    EXPECT_EQ(size->hcas, hcas) << name;
    EXPECT_EQ(size->vm_generations, std::vector<int>{2}) << name;
    EXPECT_NE(size->provenance.source, "") << name;
  }
  EXPECT_EQ(built_in().find_size("Standard_ND128isr_VR200_v6")->arch, "aarch64");
}

TEST(MatrixRows, Hbv5SizesAreConfirmedAsGeneration2) {
  std::size_t count = 0;
  for (const auto& size : built_in().sizes()) {
    if (size.family != "HBv5") continue;
    ++count;
    EXPECT_EQ(size.vm_generations, std::vector<int>{2}) << size.name;
    EXPECT_FALSE(size.provenance.unverified) << size.name;
  }
  EXPECT_EQ(count, 8U);
}

TEST(MatrixRows, DigestIsStable) {
  EXPECT_EQ(built_in().digest().size(), 64U);
  EXPECT_EQ(built_in().digest(), Matrix::load({}).digest());
}

}  // namespace
}  // namespace bake::matrix
