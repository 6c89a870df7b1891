#include <algorithm>
#include <gtest/gtest.h>
#include <iterator>

#include "bake/base/text.hpp"
#include "matrix/matrix.hpp"

namespace bake::matrix {
namespace {

const Matrix& built_in() {
  static const auto matrix = Matrix::built_in();
  return matrix;
}

Resolution resolve(const std::string& id, const std::string& version, const std::vector<std::string>& sizes,
                   const std::string& kernel = {}, const std::string& ofed = {}) {
  return built_in().resolve({id, version, kernel, sizes, ofed});
}

std::vector<std::string> drivers(const Resolution& resolution) {
  std::vector<std::string> names;
  for (const auto& choice : resolution.choices) names.push_back(choice.inbox ? "inbox" : choice.ofed);
  return names;
}

struct Expected {
  const char *id, *version, *distro;
  std::vector<std::string> cx3, cx5, cx6;
};

const std::vector<Expected>& fifteen() {
  static const std::vector<Expected> rows = [] {
    std::vector<Expected> all;
    for (const auto* id : {"centos", "rhel"}) {
      all.push_back(
          {id,
           "7.4",
           "rhel7.4",
           {"4.9-4.1.7.0", "4.9-5.1.0.0", "inbox"},
           {"5.5-1.0.3.2", "5.4-1.0.3.0", "5.4-3.0.3.0", "4.9-5.1.0.0", "4.9-4.1.7.0", "5.2-2.2.3.0", "inbox"},
           {"5.5-1.0.3.2", "5.4-1.0.3.0", "5.4-3.0.3.0", "4.9-5.1.0.0", "4.9-4.1.7.0", "5.2-2.2.3.0"}});
      all.push_back({id,
                     "7.5",
                     "rhel7.5",
                     {"4.9-4.1.7.0", "4.9-5.1.0.0", "inbox"},
                     {"5.5-1.0.3.2", "5.4-3.0.3.0", "4.9-5.1.0.0", "4.9-4.1.7.0", "5.2-2.2.3.0", "inbox"},
                     {"5.5-1.0.3.2", "5.4-3.0.3.0", "4.9-5.1.0.0", "4.9-4.1.7.0", "5.2-2.2.3.0"}});
      const std::vector<std::string> old_el7{"5.4-1.0.3.0", "5.5-1.0.3.2", "4.9-2.2.6.0", "5.4-3.0.3.0",
                                             "4.9-5.1.0.0", "4.9-4.1.7.0", "5.2-2.2.3.0", "5.2-1.0.4.0",
                                             "5.1-2.4.6.0", "5.1-0.6.6.0", "5.0-2.1.8.0"};
      auto with_inbox = old_el7;
      with_inbox.emplace_back("inbox");
      const std::vector<std::string> cx3{"4.9-4.1.7.0", "4.9-2.2.6.0", "4.9-5.1.0.0", "5.0-2.1.8.0", "inbox"};
      all.push_back({id, "7.6", "rhel7.6", cx3, with_inbox, old_el7});
      all.push_back({id, "7.7", "rhel7.7", cx3, with_inbox, with_inbox});
      auto el81 = with_inbox;
      const std::vector<std::string> doca{"doca-3.2.2-035000", "doca-3.2.1-044000", "doca-3.2.0-125000"};
      el81.insert(el81.begin() + 6, doca.begin(), doca.end());
      all.push_back({id, "8.1", "rhel8.1", cx3, el81, el81});
      std::vector<std::string> el82{"5.5-1.0.3.2", "4.9-2.2.6.0", "5.8-1.1.2.1", "4.9-5.1.0.0",
                                    "4.9-4.1.7.0", "5.2-2.2.3.0", "inbox"};
      el82.insert(el82.begin() + 5, doca.begin(), doca.end());
      all.push_back({id, "8.2", "rhel8.2", {"4.9-4.1.7.0", "4.9-2.2.6.0", "4.9-5.1.0.0", "inbox"}, el82, el82});
    }
    all.push_back({"ubuntu",
                   "16.04",
                   "ubuntu16.04",
                   {"4.9-4.1.7.0"},
                   {"5.5-1.0.3.2", "4.9-4.1.7.0"},
                   {"5.5-1.0.3.2", "4.9-4.1.7.0"}});
    return all;
  }();
  return rows;
}

TEST(MatrixResolve, EnterpriseLinuxAndXenialByCard) {
  ASSERT_EQ(fifteen().size(), 13U);
  for (const auto& row : fifteen()) {
    const auto name = std::string(row.id) + " " + row.version;
    EXPECT_EQ(drivers(resolve(row.id, row.version, {"Standard_NC24rs_v3"})), row.cx3) << name;
    EXPECT_EQ(drivers(resolve(row.id, row.version, {"Standard_HC44rs"})), row.cx5) << name;
    EXPECT_EQ(drivers(resolve(row.id, row.version, {"Standard_HB120rs_v2"})), row.cx6) << name;
  }
}

TEST(MatrixResolve, BionicAndFocalByCard) {
  EXPECT_EQ(drivers(resolve("ubuntu", "18.04", {"Standard_NC24rs_v3"})),
            (std::vector<std::string>{"4.9-6.0.6.0", "4.9-3.1.5.0", "4.9-4.1.7.0", "4.9-2.2.6.0", "4.9-7.1.0.0",
                                      "4.9-5.1.0.0", "5.0-1.0.0.0", "inbox"}));
  EXPECT_EQ(
      drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.4.0-1046-azure")),
      (std::vector<std::string>{"4.9-6.0.6.0", "4.9-4.1.7.0", "4.9-2.2.6.0", "4.9-7.1.0.0", "4.9-5.1.0.0", "inbox"}));
  // The last kernel of Azure's image is 5.15, which the 4.9 line does not support.
  EXPECT_EQ(
      drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"})),
      (std::vector<std::string>{"inbox", "4.9-6.0.6.0", "4.9-4.1.7.0", "4.9-2.2.6.0", "4.9-7.1.0.0", "4.9-5.1.0.0"}));
  for (const auto* version : {"18.04", "20.04"})
    for (const auto* size : {"Standard_HC44rs", "Standard_HB120rs_v2"}) {
      const auto names = drivers(resolve("ubuntu", version, {size}, "5.4.0-1046-azure"));
      ASSERT_GE(names.size(), 10U);
      EXPECT_EQ(names[0], "5.8-2.0.3.0") << version;
      EXPECT_EQ(names[1], "5.8-1.0.1.1") << version;
      EXPECT_EQ(names.back(), "inbox") << version;
    }
}

TEST(MatrixResolve, TheFifteenReleasesHaveTheArchiveOfTheExtension) {
  for (const auto& os : built_in().operating_systems()) {
    if (!os.extension) continue;
    for (const auto& [size, ofed, module] : {std::tuple{"Standard_NC24rs_v3", "4.9-4.1.7.0", "mlx4_core"},
                                             {"Standard_HB60rs", "5.5-1.0.3.2", "mlx5_core"},
                                             {"Standard_HB120rs_v2", "5.5-1.0.3.2", "mlx5_core"}}) {
      const auto choices = resolve(os.id, os.version, {size}).choices;
      std::vector<Choice> installed;
      std::copy_if(choices.begin(), choices.end(), std::back_inserter(installed),
                   [](const Choice& choice) { return choice.tier == Tier::extension; });
      ASSERT_EQ(installed.size(), 1U) << os.name;
      const auto& choice = installed.front();
      EXPECT_EQ(choice.ofed, ofed) << os.name;
      EXPECT_EQ(choice.driver, module) << os.name;
      EXPECT_EQ(choice.distro, os.distro);
      EXPECT_EQ(choice.file_name, "MLNX_OFED_LINUX-" + choice.ofed + "-" + os.distro + "-x86_64.tgz");
      EXPECT_EQ(choice.url, "http://content.mellanox.com/ofed/MLNX_OFED-" + choice.ofed + "/" + choice.file_name);
      EXPECT_TRUE(choice.reasons.at(0).starts_with("the VM extension installs it for CX")) << choice.reasons.at(0);
      EXPECT_EQ(choice.libs, choice.driver == "mlx4_core" ? "mlnx-libs" : "");
      // Only drivers that can be pinned by a public digest, or that support the kernel of Azure's image, precede it.
      for (const auto& other : choices) {
        if (&other - choices.data() >= std::find_if(choices.begin(), choices.end(), [](const Choice& c) {
                                         return c.tier == Tier::extension;
                                       }) - choices.begin())
          break;
        EXPECT_TRUE(!other.sha256.empty() || other.kernel_support < choice.kernel_support || other.inbox) << other.ofed;
      }
    }
  }
}

TEST(MatrixResolve, GivesReasonsAndWarnings) {
  const auto choice = resolve("centos", "7.7", {"Standard_HB120rs_v2"}).choices.at(1);
  EXPECT_EQ(choice.reasons, (std::vector<std::string>{"the VM extension installs it for CX6 on CentOS 7.7",
                                                      "release line 5.5", "drives CX6 (Standard_HB120rs_v2)"}));
  EXPECT_EQ(choice.warnings, (std::vector<std::string>{"unverified: no public source confirms that "
                                                       "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz exists "
                                                       "(Azure/azhpc-extensions@9092b59 InfiniBand/resources.json)"}));
}

TEST(MatrixResolve, RefusesNdrOnOldReleasesAndSuggestsAnother) {
  const auto resolution = resolve("centos", "7.6", {"Standard_HB176rs_v4"});
  EXPECT_TRUE(resolution.choices.empty());
  EXPECT_EQ(
      resolution.refusals,
      (std::vector<std::string>{"Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3, which has no bundle for "
                                "CentOS 7.6; its inbox driver does not drive CX7"}));
  EXPECT_EQ(
      resolution.suggestion,
      "use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which is unverified");
  EXPECT_EQ(resolve("rhel", "7.6", {"Standard_HX176rs"}).suggestion,
            "use Red Hat Enterprise Linux 8.6 with MLNX_OFED 5.8-1.0.1.1");
  EXPECT_EQ(
      resolve("ubuntu", "16.04", {"Standard_HB368rs_v5"}).refusals,
      (std::vector<std::string>{"Standard_HB368rs_v5 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3, which has no bundle for "
                                "Ubuntu 16.04 LTS; it ships no rdma-core"}));
}

TEST(MatrixResolve, SuggestsOnlyReleasesThatMicrosoftDocumentsForTheSize) {
  EXPECT_EQ(resolve("centos", "7.7", {"Standard_ND96isr_H100_v5"}).suggestion,
            "use Ubuntu 20.04 LTS with MLNX_OFED 5.8-2.0.3.0; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which is "
            "unverified");
}

TEST(MatrixResolve, ARuleMayNameARangeOfReleases) {
  const auto warned = [](const std::string& version) {
    for (const auto& choice : resolve("almalinux", version, {"Standard_ND96isr_H100_v5"}).choices)
      for (const auto& warning : choice.warnings)
        if (warning.find("Microsoft documents ND H100 v5 sizes") == 0) return true;
    return false;
  };
  std::vector<std::string> versions;
  for (const auto& os : built_in().operating_systems())
    if (os.id == "almalinux" && warned(os.version)) versions.push_back(os.version);
  EXPECT_EQ(versions, (std::vector<std::string>{"8.3", "8.4", "8.5", "8.6", "9.0", "9.1", "9.2"}));
}

TEST(MatrixResolve, OneImageForSeveralSizesNeedsADriverForAllCards) {
  const auto both = resolve("ubuntu", "18.04", {"Standard_NC24rs_v3", "Standard_HB120rs_v2"});
  ASSERT_FALSE(both.choices.empty());
  EXPECT_EQ(both.choices[0].ofed, "4.9-6.0.6.0");
  EXPECT_EQ(both.choices[0].reasons.at(1), "drives CX3-Pro, CX6 (Standard_NC24rs_v3, Standard_HB120rs_v2)");
  for (const auto& choice : both.choices)
    EXPECT_TRUE(choice.inbox || compare_versions(choice.ofed, "5.1") < 0) << choice.ofed;
  const auto twice = resolve("ubuntu", "18.04", {"Standard_HB120rs_v2", "standard_hb120rs_v2_promo"});
  EXPECT_EQ(drivers(twice), drivers(resolve("ubuntu", "18.04", {"Standard_HB120rs_v2"})));
}

TEST(MatrixResolve, RefusesSizesThatNeedDifferentDrivers) {
  const auto none = resolve("ubuntu", "18.04", {"Standard_NC24rs_v3", "Standard_HB176rs_v4"});
  EXPECT_TRUE(none.choices.empty());
  EXPECT_EQ(none.refusals,
            (std::vector<std::string>{
                "no single driver for Ubuntu 18.04 LTS supports all sizes: Standard_NC24rs_v3 (CX3-Pro) needs "
                "MLNX_OFED <= 5.0-2.1.8.0; Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3"}));
  EXPECT_EQ(none.suggestion,
            "bake one image for Standard_NC24rs_v3 with MLNX_OFED 4.9-6.0.6.0, and another for "
            "Standard_HB176rs_v4 with MLNX_OFED 5.8-2.0.3.0");
}

TEST(MatrixResolve, Cx3ProNeedsAnOldKernel) {
  EXPECT_EQ(drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.15.0-1053-azure")),
            std::vector<std::string>{"inbox"});
  EXPECT_EQ(drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.4.0-1046-azure")).front(), "4.9-6.0.6.0");
  const auto unknown = resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}).choices.at(1);
  EXPECT_EQ(
      unknown.warnings.at(0),
      "the MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer; which kernel boots is "
      "not known yet");
  // Without an inbox driver the refusal names the kernel and the way out.
  const auto xenial = resolve("ubuntu", "16.04", {"Standard_NC24rs_v3"}, "5.15.0-1053-azure");
  EXPECT_EQ(xenial.refusals, (std::vector<std::string>{
                                 "Standard_NC24rs_v3 (CX3-Pro) on Ubuntu 16.04 LTS with kernel 5.15.0-1053-azure: the "
                                 "MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer"}));
  EXPECT_EQ(xenial.suggestion, "boot a kernel older than 5.6, or use the inbox driver");
}

TEST(MatrixResolve, SaysWhereModulesForAnotherKernelComeFrom) {
  const auto notes = [](const std::string& id, const std::string& version, const std::string& kernel) {
    auto all = resolve(id, version, {"Standard_HB60rs"}, kernel).notes;
    std::erase_if(all, [](const auto& note) { return note.find("modules") == std::string::npos; });
    return all;
  };
  EXPECT_EQ(notes("ubuntu", "20.04", "5.4.0-1046-azure"),
            std::vector<std::string>{
                "5.4.0-1046-azure is not the kernel that MLNX_OFED's modules are built for (5.4.0-26-generic): bake "
                "compiles them in the image if the bundle has none for it; that needs its headers, gcc and make, and "
                "the plan lists what is missing"});
  EXPECT_EQ(notes("centos", "7.7", "3.10.0-1062.12.1.el7.x86_64"),
            std::vector<std::string>{
                "3.10.0-1062.12.1.el7.x86_64 is not the kernel that MLNX_OFED's modules are built for "
                "(3.10.0-1062.el7.x86_64): bake uses them if every symbol version matches, which the plan checks"});
  EXPECT_EQ(notes("centos", "7.7", "3.10.0-1062.el7.x86_64"), std::vector<std::string>{});
  EXPECT_EQ(notes("centos", "7.7", ""), std::vector<std::string>{});
  for (const auto& note : resolve("ubuntu", "20.04", {"Standard_HB60rs"}, "5.4.0-1046-azure", "inbox").notes)
    EXPECT_EQ(note.find("compiled"), std::string::npos) << note;
}

TEST(MatrixResolve, KernelsWithBuiltInMlxTakeTheInboxDriver) {
  EXPECT_EQ(drivers(resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "4.15.0-1041-azure")),
            std::vector<std::string>{"inbox"});
  const auto newer = resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "4.15.0-1060-azure");
  EXPECT_EQ(newer.choices.at(0).ofed, "5.8-2.0.3.0");
  EXPECT_TRUE(newer.choices[0].warnings.at(0).starts_with("linux-azure 4.15 kernels may have mlx4_core"));
  EXPECT_EQ(resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "4.15.0-20-generic").choices.at(0).warnings.size(), 0U);
}

TEST(MatrixResolve, WarnsAboutTheSlowBoot) {
  const auto slow = resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "5.4.0-1043-azure");
  std::vector<std::string> warned;
  for (const auto& choice : slow.choices)
    for (const auto& warning : choice.warnings)
      if (warning.find("30 minutes") != std::string::npos) warned.push_back(choice.ofed);
  EXPECT_EQ(warned, (std::vector<std::string>{"5.2-2.2.0.0", "5.2-1.0.4.0"}));
}

TEST(MatrixResolve, RefusesSizesWithoutALinuxDriverByName) {
  EXPECT_EQ(resolve("ubuntu", "18.04", {"Standard_H16r"}).refusals,
            (std::vector<std::string>{"Standard_H16r reaches InfiniBand through NetworkDirect, not SR-IOV: no Linux "
                                      "InfiniBand driver can use it"}));
  EXPECT_EQ(resolve("ubuntu", "22.04", {"Standard_ND128isr_NDR_GB200_v6", "Standard_ND128isr_GB300_v6"}).refusals,
            (std::vector<std::string>{"Standard_ND128isr_NDR_GB200_v6 is an arm64 size: bake makes only x86_64 images",
                                      "Standard_ND128isr_GB300_v6 is an arm64 size: bake makes only x86_64 images"}));
  const auto alike = resolve("rhel", "8.2", {"Standard_ND96is_H100_v5"});
  EXPECT_EQ(alike.refusals, std::vector<std::string>{"Standard_ND96is_H100_v5 has no InfiniBand"});
  EXPECT_EQ(alike.suggestion, "a similar size that works: Standard_ND96isr_H100_v5");
}

TEST(MatrixResolve, UnknownNamesGetTheClosestKnownOnes) {
  try {
    resolve("centos", "7.7", {"Standard_HB120v2"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::incompatible);
    EXPECT_EQ(error.message(), "resolving VM size 'Standard_HB120v2': the matrix does not know it");
    EXPECT_EQ(error.hint(), "similar names: Standard_HB120rs_v2, Standard_HB120rs_v3, Standard_HB60rs");
  }
  try {
    resolve("centos", "7.7", {"hb120rs_v22"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "resolving VM size 'hb120rs_v22': the matrix does not know it");
    EXPECT_EQ(error.hint(), "similar names: Standard_HB120rs_v2, Standard_HB120rs_v3, Standard_HB176rs_v4");
  }
  try {
    resolve("centos", "7.3", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "resolving release 'centos 7.3': the matrix does not know it");
    EXPECT_EQ(error.hint(), "similar names: centos 7.4, centos 7.5, centos 7.6");
  }
  EXPECT_THROW(resolve("debian", "12", {}), Error);
}

TEST(MatrixResolve, ANewerReleaseIsNotATypingError) {
  try {
    resolve("rhel", "10.0", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::incompatible);
    EXPECT_EQ(error.message(), "resolving release 'rhel 10.0': it is newer than the releases that bake supports");
    EXPECT_EQ(error.hint(), "the newest is rhel 9.6");
  }
}

TEST(MatrixResolve, DocaComesAfterTheLongTermLinesOfMlnxOfed) {
  const auto resolution = resolve("almalinux", "9.4", {"Standard_HB176rs_v4"});
  const auto names = drivers(resolution);
  const auto doca = std::find(names.begin(), names.end(), "doca-3.2.2-035000");
  ASSERT_NE(doca, names.end());
  EXPECT_EQ((doca - 1)->rfind("24.10-", 0) == 0 || (doca - 1)->rfind("23.10-", 0) == 0, true) << *(doca - 1);
  const auto& choice = resolution.choices[static_cast<std::size_t>(doca - names.begin())];
  EXPECT_EQ(choice.tier, Tier::doca);
  EXPECT_EQ(choice.file_name, "doca-host-3.2.2-035000_25.10_rhel9.x86_64.rpm");
  EXPECT_EQ(choice.distro, "rhel9");
  EXPECT_EQ(choice.reasons,
            (std::vector<std::string>{
                "long-term support line DOCA 3.2", "has the driver release 25.10",
                "contains only module sources: bake compiles them in the image, or installs the modules of a "
                "doca-kernel-repo package for the kernel",
                "drives CX7 (Standard_HB176rs_v4)", "the SHA-256 of its archive is public"}));
}

TEST(MatrixResolve, DocaForOlderMinorReleasesIsDoubted) {
  for (const auto& choice : resolve("rhel", "8.6", {"Standard_HB176rs_v4"}).choices)
    EXPECT_EQ(choice.rule_warns && choice.warnings.front().starts_with("NVIDIA's build manifest of DOCA 3.2 names"),
              choice.ofed.starts_with("doca-3.2"))
        << choice.ofed;
}

// "5.5" is newer than "doca-3.2.2" for a comparison of texts: a bound of a rule counts for one product only.
TEST(MatrixResolve, RulesAboutReleasesOfMlnxOfedDoNotConcernDoca) {
  const auto names = drivers(resolve("ubuntu", "22.04", {"Standard_HB176rs_v4"}));
  EXPECT_NE(std::find(names.begin(), names.end(), "doca-3.2.1-044000"), names.end());
}

TEST(MatrixResolve, SaysWhichReleaseAnEndOfLifeBelongsTo) {
  EXPECT_EQ(resolve("centos", "8.2", {}).notes.at(1), "CentOS 8.2: end of life 2021-12-31");
  EXPECT_EQ(resolve("rhel", "8.2", {}).notes.at(1),
            "Red Hat Enterprise Linux 8.2: end of life 2029-05-31 (of release 8 as a whole)");
}

TEST(MatrixResolve, RebuildsUseTheBundlesOfRhel) {
  const auto choice = resolve("rocky", "8.6", {"Standard_HB176rs_v4"}).choices.at(0);
  EXPECT_EQ(choice.file_name, "MLNX_OFED_LINUX-5.8-1.0.1.1-rhel8.6-x86_64.tgz");
  EXPECT_EQ(choice.distro, "rhel8.6");
  EXPECT_EQ(choice.sha256, "f340317047cc815b0f41c3f3c52d2d83ddc7d81b29d9fff91abb859850f77945");
  EXPECT_EQ(choice.warnings, std::vector<std::string>{"unverified: the row of Rocky Linux 8.6"});
}

TEST(MatrixResolve, AnUnlistedReleaseGetsTheRowsOfItsLine) {
  const auto listed = resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "5.8-3.0.7.0");
  const auto named = std::find_if(listed.choices.begin(), listed.choices.end(),
                                  [](const auto& choice) { return choice.ofed == "5.8-3.0.7.0"; });
  ASSERT_NE(named, listed.choices.end());
  EXPECT_EQ(named->warnings.at(0), "the matrix does not list MLNX_OFED 5.8-3.0.7.0: the rows of line 5.8 apply");
  EXPECT_EQ(named->file_name, "MLNX_OFED_LINUX-5.8-3.0.7.0-rhel8.6-x86_64.tgz");
  // A line that does not drive the card stays refused, and so does an unknown line.
  const auto old = drivers(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "5.4-9.9.9.9"));
  EXPECT_EQ(std::count(old.begin(), old.end(), "5.4-9.9.9.9"), 0);
  const auto strange = drivers(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "99.1-1.0.0.0"));
  EXPECT_EQ(std::count(strange.begin(), strange.end(), "99.1-1.0.0.0"), 0);
  const auto elsewhere = resolve("centos", "7.6", {"Standard_HB60rs"}, "", "4.9-7.1.0.0");
  EXPECT_EQ(std::find_if(elsewhere.choices.begin(), elsewhere.choices.end(),
                         [](const auto& choice) { return choice.ofed == "4.9-7.1.0.0"; })
                ->warnings.at(0),
            "the matrix lists no bundle of MLNX_OFED 4.9-7.1.0.0 for CentOS 7.6");
}

TEST(MatrixResolve, ReleasesInTheStoreRankWithTheOthers) {
  const auto listed = drivers(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}));
  const auto stored =
      built_in().resolve({"rhel",
                          "8.6",
                          "",
                          {"Standard_HB176rs_v4"},
                          "5.8-3.0.7.0",
                          {"5.9-9.9.9.9", "5.8-3.0.7.0", "5.5-9.9.9.9", "99.1-1.0.0.0", "5.8-1.0.1.1"}});
  const auto names = drivers(stored);
  EXPECT_EQ(names.size(), listed.size() + 2);
  const auto place = [&](const char* version) {
    return std::find(names.begin(), names.end(), version) - names.begin();
  };
  EXPECT_LT(place("5.8-1.0.1.1"), place("5.8-3.0.7.0"));
  EXPECT_LT(place("5.8-3.0.7.0"), place("5.9-9.9.9.9"));
  EXPECT_LT(place("5.9-9.9.9.9"), static_cast<std::ptrdiff_t>(names.size()));
  EXPECT_EQ(stored.requested_refusals, std::vector<std::string>{});
}

TEST(MatrixResolve, SaysWhyTheRequestedReleaseIsNotAChoice) {
  using Texts = std::vector<std::string>;
  const auto ndr = resolve("ubuntu", "20.04", {"Standard_HB176rs_v4"}, "", "5.5-1.0.3.2");
  EXPECT_FALSE(ndr.choices.empty());
  EXPECT_EQ(
      ndr.requested_refusals,
      (Texts{"MLNX_OFED 5.5-1.0.3.2 drives CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)",
             "ConnectX-7 (NDR) needs MLNX_OFED 5.6-1.0.3.3 or newer; with an older one the link comes up as SDR"}));
  EXPECT_EQ(ndr.requested_remedies, Texts{"use the 5.8, 23.10 or 24.10 LTS line"});
  const auto fdr = resolve("ubuntu", "20.04", {"Standard_NC24rs_v3", "HB120rs_v2"}, "", "5.5-1.0.3.2");
  EXPECT_EQ(fdr.requested_refusals,
            (Texts{"MLNX_OFED 5.5-1.0.3.2 drives CX4, CX5, CX6, not CX3-Pro (Standard_NC24rs_v3)",
                   "MLNX_OFED 5.1-0.6.6.0 and newer do not drive ConnectX-3 Pro"}));
  EXPECT_EQ(fdr.requested_remedies, Texts{"use the 4.9 LTS line"});
  // It drives the card, and a rule is against it.
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.15.0-1053-azure", "4.9-4.1.7.0").requested_refusals,
            Texts{"the MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer"});
  // A release that fits, and a query without a release, give no refusals.
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB120rs_v2"}, "", "5.5-1.0.3.2").requested_refusals, Texts{});
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB176rs_v4"}).requested_refusals, Texts{});
}

TEST(MatrixResolve, SaysWhyAnUnlistedReleaseIsNotAChoice) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(
      resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "5.5-9.9.9.9").requested_refusals,
      (Texts{"the matrix does not list MLNX_OFED 5.5-9.9.9.9: the rows of line 5.5 apply",
             "MLNX_OFED 5.5-9.9.9.9 drives CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)",
             "ConnectX-7 (NDR) needs MLNX_OFED 5.6-1.0.3.3 or newer; with an older one the link comes up as SDR"}));
  EXPECT_EQ(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "99.1-1.0.0.0").requested_refusals,
            Texts{"the matrix lists neither MLNX_OFED 99.1-1.0.0.0 nor another release of its line"});
  EXPECT_EQ(resolve("ubuntu", "24.04", {"Standard_HB176rs_v4"}, "", "doca-2.10.0-093512").requested_refusals,
            Texts{"DOCA-OFED 2.10.0-093512 is for arm64 machines: bake makes only x86_64 images"});
}

TEST(MatrixResolve, SaysWhyTheInboxDriverIsNotAChoice) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB176rs_v4"}, "", "inbox").requested_refusals,
            Texts{"the inbox driver of Ubuntu 20.04 LTS drives CX3-Pro, CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)"});
  EXPECT_EQ(resolve("ubuntu", "16.04", {"Standard_HB60rs"}, "", "inbox").requested_refusals,
            Texts{"Ubuntu 16.04 LTS ships no rdma-core"});
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB120rs_v2"}, "", "inbox").requested_refusals, Texts{});
}

TEST(MatrixResolve, WithoutASizeEverythingOfTheReleaseIsListed) {
  const auto resolution = resolve("ubuntu", "20.04", {});
  EXPECT_EQ(resolution.notes.front(), "no VM size is named, so no card is checked");
  EXPECT_GT(resolution.choices.size(), 15U);
}

/// The places of releases of one line among the choices.
std::vector<std::size_t> places_of(const Resolution& resolution, const std::string& line) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < resolution.choices.size(); ++i)
    if (resolution.choices[i].ofed.starts_with(line + "-")) places.push_back(i);
  return places;
}

TEST(MatrixResolveKernel, ALineThatSupportsTheKernelRanksFirst) {
  for (const auto* kernel : {"", "6.8.0-1041-azure"}) {
    const auto resolution = resolve("ubuntu", "22.04", {"Standard_HB176rs_v4"}, kernel);
    const auto& first = resolution.choices.at(0);
    EXPECT_EQ(first.ofed, "24.10-3.2.5.0") << kernel;
    EXPECT_EQ(first.kernel_support, KernelSupport::supported);
    EXPECT_EQ(first.reasons.back(),
              "supports kernel 6.8: NVIDIA names kernels up to 6.11 for MLNX_OFED 24.10-3.2.5.0 "
              "(Mellanox/doca-driver-build@445df1e8 "
              "release_manifests/24.10-LTS25.07.yaml)");
    // All that supports the kernel, then all that is not known, then all that does not support it.
    std::vector<KernelSupport> order;
    for (const auto& choice : resolution.choices)
      if (!choice.inbox) order.push_back(choice.kernel_support);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    for (const auto place : places_of(resolution, "5.8"))
      EXPECT_EQ(resolution.choices[place].kernel_support, KernelSupport::unsupported);
    EXPECT_FALSE(places_of(resolution, "5.8").empty());
  }
}

TEST(MatrixResolveKernel, WarnsOnlyAboutTheKernelThatIsNamed) {
  const std::string limit =
      "the newest kernel that NVIDIA names for it is 5.15 "
      "(https://docs.nvidia.com/networking/display/mlnxofedv585112lts/General+Support), and ";
  const auto named = resolve("ubuntu", "22.04", {"Standard_HB176rs_v4"}, "6.8.0-1041-azure");
  const auto& old_line = named.choices.at(places_of(named, "5.8").at(0));
  EXPECT_NE(std::find(old_line.warnings.begin(), old_line.warnings.end(), limit + "6.8.0-1041-azure is newer"),
            old_line.warnings.end());
  const auto assumed = resolve("ubuntu", "22.04", {"Standard_HB176rs_v4"});
  const auto& same_line = assumed.choices.at(places_of(assumed, "5.8").at(0));
  EXPECT_EQ(same_line.reasons.back(), limit + "6.8.0-1062-azure is newer");
  for (const auto& warning : same_line.warnings) EXPECT_EQ(warning.find("newest kernel"), std::string::npos) << warning;
  EXPECT_NE(std::find(assumed.notes.begin(), assumed.notes.end(),
                      "Ubuntu 22.04 LTS: no kernel is named, so the order assumes 6.8.0-1062-azure, the kernel of "
                      "Azure's current image"),
            assumed.notes.end());
}

TEST(MatrixResolveKernel, TheFirstKernelOfAReleaseIsSupportedByItsBundles) {
  for (const auto& choice : resolve("ubuntu", "22.04", {"Standard_HB176rs_v4"}, "5.15.0-1074-azure").choices)
    EXPECT_EQ(choice.kernel_support, KernelSupport::supported) << choice.ofed;
  for (const auto& choice : resolve("almalinux", "8.10", {"Standard_HB176rs_v4"}, "4.18.0-553.el8_10.x86_64").choices)
    EXPECT_EQ(choice.kernel_support, KernelSupport::supported) << choice.ofed;
}

TEST(MatrixResolveKernel, ANewerLineSupportsTheKernelsOfOlderLines) {
  const auto resolution = resolve("ubuntu", "18.04", {"Standard_HB120rs_v2"}, "5.4.0-1046-azure");
  for (const auto place : places_of(resolution, "5.5")) {
    const auto& choice = resolution.choices[place];
    EXPECT_EQ(choice.kernel_support, KernelSupport::supported);
    EXPECT_NE(choice.reasons.back().find("NVIDIA names kernels up to 5.6 for MLNX_OFED 5."), std::string::npos)
        << choice.reasons.back();
  }
  // No source says so about 5.15.
  const auto later = resolve("ubuntu", "20.04", {"Standard_HB120rs_v2"}, "5.15.0-1089-azure");
  for (const auto place : places_of(later, "5.5"))
    EXPECT_EQ(later.choices[place].kernel_support, KernelSupport::unknown);
  EXPECT_FALSE(places_of(later, "5.5").empty());
}

TEST(MatrixResolveKernel, AKernelNewerThanEveryBundleLeavesTheInboxDriverFirst) {
  const auto newest = resolve("ubuntu", "24.04", {"Standard_HB176rs_v4"}, "7.1.0-1008-azure");
  EXPECT_TRUE(newest.choices.at(0).inbox);
  EXPECT_EQ(newest.choices.at(1).kernel_support, KernelSupport::unsupported);
  EXPECT_EQ(resolve("ubuntu", "24.04", {"Standard_HB176rs_v4"}, "7.0.0-1008-azure").choices.at(0).ofed,
            "doca-3.2.3-019000");
  EXPECT_EQ(resolve("ubuntu", "24.04", {"Standard_HB176rs_v4"}, "6.8.0-1018-azure").choices.at(0).ofed,
            "24.10-3.2.5.0");
}

TEST(MatrixResolve, PrefersArchivesWithAPublicDigestInLongTermLines) {
  const auto first = resolve("centos", "7.7", {"Standard_HB120rs_v2"}).choices.at(0);
  EXPECT_EQ(first.ofed, "5.4-1.0.3.0");
  EXPECT_EQ(first.sha256.size(), 64U);
  EXPECT_TRUE(first.verified);
  EXPECT_EQ(first.tier, Tier::long_term);
  EXPECT_EQ(first.warnings, std::vector<std::string>{});
  // Without such an archive, the archive of the VM extension stays first.
  const auto without = resolve("centos", "7.4", {"Standard_HB120rs_v2"}).choices.at(0);
  EXPECT_EQ(without.ofed, "5.5-1.0.3.2");
  EXPECT_EQ(without.tier, Tier::extension);
  EXPECT_FALSE(without.verified);
}

TEST(MatrixResolve, IsDeterministic) {
  for (const auto& os : built_in().operating_systems()) {
    const auto first = resolve(os.id, os.version, {"Standard_HB120rs_v3"});
    const auto second = resolve(os.id, os.version, {"Standard_HB120rs_v3"});
    EXPECT_EQ(drivers(first), drivers(second));
    EXPECT_EQ(first.suggestion, second.suggestion);
  }
}

}  // namespace
}  // namespace bake::matrix
