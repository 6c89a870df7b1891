#include <algorithm>
#include <gtest/gtest.h>

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
      const std::vector<std::string> old_el7{"5.5-1.0.3.2", "5.4-1.0.3.0", "4.9-2.2.6.0", "5.4-3.0.3.0",
                                             "4.9-5.1.0.0", "4.9-4.1.7.0", "5.2-2.2.3.0", "5.2-1.0.4.0",
                                             "5.1-2.4.6.0", "5.1-0.6.6.0", "5.0-2.1.8.0"};
      auto with_inbox = old_el7;
      with_inbox.emplace_back("inbox");
      const std::vector<std::string> cx3{"4.9-4.1.7.0", "4.9-2.2.6.0", "4.9-5.1.0.0", "5.0-2.1.8.0", "inbox"};
      all.push_back({id, "7.6", "rhel7.6", cx3, with_inbox, old_el7});
      all.push_back({id, "7.7", "rhel7.7", cx3, with_inbox, with_inbox});
      all.push_back({id, "8.1", "rhel8.1", cx3, with_inbox, with_inbox});
      const std::vector<std::string> el82{"5.5-1.0.3.2", "4.9-2.2.6.0", "5.8-1.1.2.1", "4.9-5.1.0.0",
                                          "4.9-4.1.7.0", "5.2-2.2.3.0", "inbox"};
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
            (std::vector<std::string>{"4.9-4.1.7.0", "4.9-6.0.6.0", "4.9-3.1.5.0", "4.9-2.2.6.0", "4.9-7.1.0.0",
                                      "4.9-5.1.0.0", "5.0-1.0.0.0", "inbox"}));
  EXPECT_EQ(
      drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"})),
      (std::vector<std::string>{"4.9-4.1.7.0", "4.9-6.0.6.0", "4.9-2.2.6.0", "4.9-7.1.0.0", "4.9-5.1.0.0", "inbox"}));
  for (const auto* version : {"18.04", "20.04"})
    for (const auto* size : {"Standard_HC44rs", "Standard_HB120rs_v2"}) {
      const auto names = drivers(resolve("ubuntu", version, {size}));
      ASSERT_GE(names.size(), 10U);
      EXPECT_EQ(names[0], "5.5-1.0.3.2") << version;
      EXPECT_EQ(names[1], "5.8-2.0.3.0") << version;
      EXPECT_EQ(names[2], "5.8-1.0.1.1") << version;
      EXPECT_EQ(names.back(), "inbox") << version;
    }
}

TEST(MatrixResolve, FirstChoiceOfTheFifteenIsTheExtensions) {
  for (const auto& os : built_in().operating_systems()) {
    if (!os.extension) continue;
    for (const auto& [size, ofed, module] : {std::tuple{"Standard_NC24rs_v3", "4.9-4.1.7.0", "mlx4_core"},
                                             {"Standard_HB60rs", "5.5-1.0.3.2", "mlx5_core"},
                                             {"Standard_HB120rs_v2", "5.5-1.0.3.2", "mlx5_core"}}) {
      const auto choice = resolve(os.id, os.version, {size}).choices.at(0);
      EXPECT_EQ(choice.ofed, ofed) << os.name;
      EXPECT_EQ(choice.driver, module) << os.name;
      EXPECT_EQ(choice.distro, os.distro);
      EXPECT_EQ(choice.file_name, "MLNX_OFED_LINUX-" + choice.ofed + "-" + os.distro + "-x86_64.tgz");
      EXPECT_EQ(choice.url, "http://content.mellanox.com/ofed/MLNX_OFED-" + choice.ofed + "/" + choice.file_name);
      EXPECT_TRUE(choice.reasons.at(0).starts_with("the VM extension installs it for CX")) << choice.reasons.at(0);
      EXPECT_EQ(choice.libs, choice.driver == "mlx4_core" ? "mlnx-libs" : "");
    }
  }
}

TEST(MatrixResolve, SaysWhyAndWhatToWatch) {
  const auto choice = resolve("centos", "7.7", {"Standard_HB120rs_v2"}).choices.at(0);
  EXPECT_EQ(choice.reasons, (std::vector<std::string>{"the VM extension installs it for CX6 on CentOS 7.7",
                                                      "release line 5.5", "drives CX6 (Standard_HB120rs_v2)"}));
  EXPECT_EQ(choice.warnings, (std::vector<std::string>{"unverified: nobody has confirmed that "
                                                       "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz exists "
                                                       "(Azure/azhpc-extensions@9092b59 InfiniBand/resources.json)"}));
}

TEST(MatrixResolve, RefusesNdrOnOldReleasesAndNamesWhatWorks) {
  const auto resolution = resolve("centos", "7.6", {"Standard_HB176rs_v4"});
  EXPECT_TRUE(resolution.choices.empty());
  EXPECT_EQ(
      resolution.refusals,
      (std::vector<std::string>{"Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3, which has no bundle for "
                                "CentOS 7.6; its inbox driver does not drive CX7"}));
  EXPECT_EQ(
      resolution.nearest,
      "use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which nobody has "
      "confirmed");
  EXPECT_EQ(resolve("rhel", "7.6", {"Standard_HX176rs"}).nearest,
            "use Red Hat Enterprise Linux 8.6 with MLNX_OFED 5.8-1.0.1.1");
  EXPECT_EQ(
      resolve("ubuntu", "16.04", {"Standard_HB368rs_v5"}).refusals,
      (std::vector<std::string>{"Standard_HB368rs_v5 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3, which has no bundle for "
                                "Ubuntu 16.04 LTS; it ships no rdma-core"}));
}

TEST(MatrixResolve, NamesNoReleaseThatMicrosoftDoesNotDocumentForTheSize) {
  EXPECT_EQ(
      resolve("centos", "7.7", {"Standard_ND96isr_H100_v5"}).nearest,
      "use Ubuntu 20.04 LTS with MLNX_OFED 5.8-2.0.3.0; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which nobody has "
      "confirmed");
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

TEST(MatrixResolve, OneImageForSeveralSizesIsTheIntersection) {
  const auto both = resolve("ubuntu", "18.04", {"Standard_NC24rs_v3", "Standard_HB120rs_v2"});
  ASSERT_FALSE(both.choices.empty());
  EXPECT_EQ(both.choices[0].ofed, "4.9-4.1.7.0");
  EXPECT_EQ(both.choices[0].reasons.at(2), "drives CX3-Pro, CX6 (Standard_NC24rs_v3, Standard_HB120rs_v2)");
  for (const auto& choice : both.choices)
    EXPECT_TRUE(choice.inbox || compare_versions(choice.ofed, "5.1") < 0) << choice.ofed;
  const auto twice = resolve("ubuntu", "18.04", {"Standard_HB120rs_v2", "standard_hb120rs_v2_promo"});
  EXPECT_EQ(drivers(twice), drivers(resolve("ubuntu", "18.04", {"Standard_HB120rs_v2"})));
}

TEST(MatrixResolve, EmptyIntersectionSaysWhy) {
  const auto none = resolve("ubuntu", "18.04", {"Standard_NC24rs_v3", "Standard_HB176rs_v4"});
  EXPECT_TRUE(none.choices.empty());
  EXPECT_EQ(none.refusals,
            (std::vector<std::string>{
                "no one driver for Ubuntu 18.04 LTS serves all sizes: Standard_NC24rs_v3 (CX3-Pro) needs "
                "MLNX_OFED <= 5.0-2.1.8.0; Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3"}));
  EXPECT_EQ(none.nearest,
            "bake one image for Standard_NC24rs_v3 with MLNX_OFED 4.9-4.1.7.0, and another for "
            "Standard_HB176rs_v4 with MLNX_OFED 5.8-2.0.3.0");
}

TEST(MatrixResolve, Cx3ProNeedsAnOldKernel) {
  EXPECT_EQ(drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.15.0-1053-azure")),
            std::vector<std::string>{"inbox"});
  EXPECT_EQ(drivers(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.4.0-1046-azure")).front(), "4.9-4.1.7.0");
  const auto unknown = resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}).choices.at(0);
  EXPECT_EQ(
      unknown.warnings.at(0),
      "the MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer; which kernel boots is "
      "not known yet");
  // Without a driver of its own the refusal names the kernel and the way out.
  const auto xenial = resolve("ubuntu", "16.04", {"Standard_NC24rs_v3"}, "5.15.0-1053-azure");
  EXPECT_EQ(xenial.refusals, (std::vector<std::string>{
                                 "Standard_NC24rs_v3 (CX3-Pro) on Ubuntu 16.04 LTS with kernel 5.15.0-1053-azure: the "
                                 "MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer"}));
  EXPECT_EQ(xenial.nearest, "boot a kernel older than 5.6, or take the inbox driver");
}

TEST(MatrixResolve, SaysWhereModulesForAnotherKernelComeFrom) {
  const auto notes = [](const std::string& id, const std::string& version, const std::string& kernel) {
    auto all = resolve(id, version, {"Standard_HB60rs"}, kernel).notes;
    std::erase_if(all, [](const auto& note) { return note.find("modules") == std::string::npos; });
    return all;
  };
  EXPECT_EQ(notes("ubuntu", "20.04", "5.4.0-1046-azure"),
            std::vector<std::string>{
                "5.4.0-1046-azure is not the kernel that MLNX_OFED's modules are built for (5.4.0-26-generic): unless "
                "the bundle has some for it, they are compiled in the image, which needs its headers, gcc and make; "
                "'bake plan' says what is missing"});
  EXPECT_EQ(notes("centos", "7.7", "3.10.0-1062.12.1.el7.x86_64"),
            std::vector<std::string>{
                "3.10.0-1062.12.1.el7.x86_64 is not the kernel that MLNX_OFED's modules are built for "
                "(3.10.0-1062.el7.x86_64): they are taken where every symbol version agrees, which 'bake plan' finds "
                "out"});
  EXPECT_EQ(notes("centos", "7.7", "3.10.0-1062.el7.x86_64"), std::vector<std::string>{});
  EXPECT_EQ(notes("centos", "7.7", ""), std::vector<std::string>{});
  for (const auto& note : resolve("ubuntu", "20.04", {"Standard_HB60rs"}, "5.4.0-1046-azure", "inbox").notes)
    EXPECT_EQ(note.find("compiled"), std::string::npos) << note;
}

TEST(MatrixResolve, KernelsWithBuiltInMlxTakeTheInboxDriver) {
  EXPECT_EQ(drivers(resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "4.15.0-1041-azure")),
            std::vector<std::string>{"inbox"});
  const auto newer = resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "4.15.0-1060-azure");
  EXPECT_EQ(newer.choices.at(0).ofed, "5.5-1.0.3.2");
  EXPECT_TRUE(newer.choices[0].warnings.at(0).starts_with("linux-azure 4.15 kernels may have mlx4_core"));
  EXPECT_EQ(resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "4.15.0-20-generic").choices.at(0).warnings.size(), 1U);
}

TEST(MatrixResolve, WarnsOfTheSlowBoot) {
  const auto slow = resolve("ubuntu", "18.04", {"Standard_HB60rs"}, "5.4.0-1043-azure");
  std::vector<std::string> warned;
  for (const auto& choice : slow.choices)
    for (const auto& warning : choice.warnings)
      if (warning.find("30 minutes") != std::string::npos) warned.push_back(choice.ofed);
  EXPECT_EQ(warned, (std::vector<std::string>{"5.2-2.2.0.0", "5.2-1.0.4.0"}));
}

TEST(MatrixResolve, RefusesSizesNoLinuxDriverServesByName) {
  EXPECT_EQ(resolve("ubuntu", "18.04", {"Standard_H16r"}).refusals,
            (std::vector<std::string>{"Standard_H16r reaches InfiniBand through NetworkDirect, not SR-IOV: no Linux "
                                      "InfiniBand driver can use it"}));
  EXPECT_EQ(resolve("ubuntu", "22.04", {"Standard_ND128isr_NDR_GB200_v6", "Standard_ND128isr_GB300_v6"}).refusals,
            (std::vector<std::string>{"Standard_ND128isr_NDR_GB200_v6 is an arm64 size: bake makes x86_64 images only",
                                      "Standard_ND128isr_GB300_v6 is an arm64 size: bake makes x86_64 images only"}));
  const auto alike = resolve("rhel", "8.2", {"Standard_ND96is_H100_v5"});
  EXPECT_EQ(alike.refusals, std::vector<std::string>{"Standard_ND96is_H100_v5 has no InfiniBand"});
  EXPECT_EQ(alike.nearest, "the nearest size that would work is Standard_ND96isr_H100_v5");
}

TEST(MatrixResolve, UnknownNamesGetTheClosestKnownOnes) {
  try {
    resolve("centos", "7.7", {"Standard_HB120v2"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::incompatible);
    EXPECT_EQ(error.message(), "resolving VM size 'Standard_HB120v2': the matrix does not know it");
    EXPECT_EQ(error.hint(), "the closest it knows: Standard_HB120rs_v2, Standard_HB60rs, Standard_HB120rs_v3");
  }
  try {
    resolve("centos", "7.7", {"hb120rs_v22"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "resolving VM size 'hb120rs_v22': the matrix does not know it");
    EXPECT_EQ(error.hint(), "the closest it knows: Standard_HB120rs_v2, Standard_HB120rs_v3, Standard_HB120-96rs_v2");
  }
  try {
    resolve("centos", "7.3", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "resolving release 'centos 7.3': the matrix does not know it");
    EXPECT_EQ(error.hint(), "the closest it knows: centos 7.4, centos 7.5, centos 7.6");
  }
  EXPECT_THROW(resolve("debian", "12", {}), Error);
}

TEST(MatrixResolve, DocaIsRecognisedButNotChosen) {
  const auto resolution = resolve("almalinux", "9.4", {"Standard_HB176rs_v4"});
  for (const auto& choice : resolution.choices) EXPECT_FALSE(choice.ofed.starts_with("doca")) << choice.ofed;
  EXPECT_EQ(resolution.notes.back(),
            "DOCA-OFED (doca-host-3.2.2-035000_25.10_rhel9.x86_64.rpm) would drive it: recognised, not yet bakeable");
}

TEST(MatrixResolve, SaysWhoseEndOfLifeItKnows) {
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

TEST(MatrixResolve, ABundleInHandIsJudgedByItsLine) {
  const auto held = resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "5.8-3.0.7.0");
  const auto named = std::find_if(held.choices.begin(), held.choices.end(),
                                  [](const auto& choice) { return choice.ofed == "5.8-3.0.7.0"; });
  ASSERT_NE(named, held.choices.end());
  EXPECT_EQ(named->warnings.at(0), "the matrix does not list MLNX_OFED 5.8-3.0.7.0: judged as its line 5.8");
  EXPECT_EQ(named->file_name, "MLNX_OFED_LINUX-5.8-3.0.7.0-rhel8.6-x86_64.tgz");
  // A line that does not drive the card stays refused, and so does a line nobody knows.
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

TEST(MatrixResolve, ReleasesInHandRankWithTheOthers) {
  const auto listed = drivers(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}));
  const auto held = built_in().resolve({"rhel",
                                        "8.6",
                                        "",
                                        {"Standard_HB176rs_v4"},
                                        "5.8-3.0.7.0",
                                        {"5.9-9.9.9.9", "5.8-3.0.7.0", "5.5-9.9.9.9", "99.1-1.0.0.0", "5.8-1.0.1.1"}});
  const auto names = drivers(held);
  EXPECT_EQ(names.size(), listed.size() + 2);
  const auto place = [&](const char* version) {
    return std::find(names.begin(), names.end(), version) - names.begin();
  };
  EXPECT_LT(place("5.8-1.0.1.1"), place("5.8-3.0.7.0"));
  EXPECT_LT(place("5.8-3.0.7.0"), place("5.9-9.9.9.9"));
  EXPECT_LT(place("5.9-9.9.9.9"), static_cast<std::ptrdiff_t>(names.size()));
  EXPECT_EQ(held.asked_refusals, std::vector<std::string>{});
}

TEST(MatrixResolve, SaysWhyTheReleaseThatWasAskedForIsNotAmongTheChoices) {
  using Texts = std::vector<std::string>;
  const auto ndr = resolve("ubuntu", "20.04", {"Standard_HB176rs_v4"}, "", "5.5-1.0.3.2");
  EXPECT_FALSE(ndr.choices.empty());
  EXPECT_EQ(
      ndr.asked_refusals,
      (Texts{"MLNX_OFED 5.5-1.0.3.2 drives CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)",
             "ConnectX-7 (NDR) needs MLNX_OFED 5.6-1.0.3.3 or newer; with an older one the link comes up as SDR"}));
  EXPECT_EQ(ndr.asked_remedies, Texts{"use the 5.8, 23.10 or 24.10 LTS line"});
  const auto fdr = resolve("ubuntu", "20.04", {"Standard_NC24rs_v3", "HB120rs_v2"}, "", "5.5-1.0.3.2");
  EXPECT_EQ(fdr.asked_refusals, (Texts{"MLNX_OFED 5.5-1.0.3.2 drives CX4, CX5, CX6, not CX3-Pro (Standard_NC24rs_v3)",
                                       "MLNX_OFED 5.1-0.6.6.0 and newer do not drive ConnectX-3 Pro"}));
  EXPECT_EQ(fdr.asked_remedies, Texts{"use the 4.9 LTS line"});
  // It drives the card, and a rule is against it.
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_NC24rs_v3"}, "5.15.0-1053-azure", "4.9-4.1.7.0").asked_refusals,
            Texts{"the MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer"});
  // What fits, and what nobody asked for, leaves nothing to explain.
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB120rs_v2"}, "", "5.5-1.0.3.2").asked_refusals, Texts{});
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB176rs_v4"}).asked_refusals, Texts{});
}

TEST(MatrixResolve, SaysWhyAReleaseThatNoTableListsIsNotAmongTheChoices) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(
      resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "5.5-9.9.9.9").asked_refusals,
      (Texts{"the matrix does not list MLNX_OFED 5.5-9.9.9.9: judged as its line 5.5",
             "MLNX_OFED 5.5-9.9.9.9 drives CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)",
             "ConnectX-7 (NDR) needs MLNX_OFED 5.6-1.0.3.3 or newer; with an older one the link comes up as SDR"}));
  EXPECT_EQ(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "99.1-1.0.0.0").asked_refusals,
            Texts{"the matrix lists neither MLNX_OFED 99.1-1.0.0.0 nor another release of its line"});
  EXPECT_EQ(resolve("rhel", "8.6", {"Standard_HB176rs_v4"}, "", "doca-3.2.1-044000").asked_refusals,
            Texts{"doca-3.2.1-044000 is recognised, not yet bakeable"});
}

TEST(MatrixResolve, SaysWhyTheInboxDriverIsNotAmongTheChoices) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB176rs_v4"}, "", "inbox").asked_refusals,
            Texts{"the inbox driver of Ubuntu 20.04 LTS drives CX3-Pro, CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)"});
  EXPECT_EQ(resolve("ubuntu", "16.04", {"Standard_HB60rs"}, "", "inbox").asked_refusals,
            Texts{"Ubuntu 16.04 LTS ships no rdma-core"});
  EXPECT_EQ(resolve("ubuntu", "20.04", {"Standard_HB120rs_v2"}, "", "inbox").asked_refusals, Texts{});
}

TEST(MatrixResolve, WithoutASizeEverythingOfTheReleaseIsListed) {
  const auto resolution = resolve("ubuntu", "20.04", {});
  EXPECT_EQ(resolution.notes.front(), "no VM size is named, so no card is checked");
  EXPECT_GT(resolution.choices.size(), 15U);
}

TEST(MatrixResolve, IsDeterministic) {
  for (const auto& os : built_in().operating_systems()) {
    const auto first = resolve(os.id, os.version, {"Standard_HB120rs_v3"});
    const auto second = resolve(os.id, os.version, {"Standard_HB120rs_v3"});
    EXPECT_EQ(drivers(first), drivers(second));
    EXPECT_EQ(first.nearest, second.nearest);
  }
}

}  // namespace
}  // namespace bake::matrix
