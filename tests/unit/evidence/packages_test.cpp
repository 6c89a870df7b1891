// The packages of a finished image: where each came from.
#include "bake/evidence/packages.hpp"

#include <gtest/gtest.h>

namespace bake::evidence {
namespace {

using resolve::PackageChange;

PackageChange change(const std::string& name, std::size_t payload, const std::string& reason) {
  return {PackageChange::Action::install, name, "1", "amd64", "", "pool/" + name + "_1_amd64.deb", payload, reason};
}

resolve::SelectedDriver driver() {
  resolve::SelectedDriver driver;
  bundle::Bundle bundle;
  bundle.name = "MLNX";
  bundle.repositories = {{"flat", "DEBS", true, {}}};
  driver.bundle = bundle;
  bundle::Extras extras;
  extras.name = "focal";
  driver.extras = {extras};
  return driver;
}

std::vector<std::string> lines_of(const std::vector<ImagePackage>& packages) {
  std::vector<std::string> lines;
  for (const auto& package : packages)
    lines.push_back(package.name + " " + package.version + ": " + package.from +
                    (package.customize ? ", customize" : ""));
  return lines;
}

TEST(ImagePackages, SayWhereTheyCameFrom) {
  plan::Plan plan;
  plan.changes = {change("ofed", 0, "wanted"),
                  change("tcl", 1, "required by ofed"),
                  change("nvtop", 1, "wanted"),
                  change("libnvtop", 1, "required by nvtop"),
                  change("shared", 1, "required by nvtop, ofed"),
                  change("deep", 1, "required by libnvtop"),
                  change("popular", 1, "required by nvtop, x, y and 4 more")};
  plan.changes.push_back({PackageChange::Action::remove, "rdma-core", "28", "amd64", "", "", 0, "obsoleted"});
  std::vector<guest::InstalledPackage> installed{{"bash", "5", "amd64"}, {"from-script", "1", "amd64"}};
  for (const auto& each : plan.changes)
    if (each.action == PackageChange::Action::install) installed.push_back({each.name, "1", "amd64"});
  const auto packages = image_packages(installed, {}, {{"bash", "5", "amd64"}, {"rdma-core", "28", "amd64"}}, plan,
                                       driver(), {"nvtop=1"});
  EXPECT_EQ(lines_of(packages),
            (std::vector<std::string>{
                "bash 5: base", "deep 1: extra packages focal, customize", "from-script 1: a script in the image",
                "libnvtop 1: extra packages focal, customize", "nvtop 1: extra packages focal, customize",
                "ofed 1: bundle MLNX", "popular 1: extra packages focal", "shared 1: extra packages focal",
                "tcl 1: extra packages focal"}));
  EXPECT_EQ(packages.at(5).file, "ofed_1_amd64.deb");
  EXPECT_TRUE(packages.at(5).is_injected());
  EXPECT_FALSE(packages.at(0).is_injected());
}

TEST(ImagePackages, OfTheManifestHaveTheirKeys) {
  ImagePackage base{"bash", "5", "amd64", from_base, false, {}, {}, {}};
  ImagePackage added{"nvtop", "1", "amd64", "extra packages focal", true, "nvtop.deb", "d", "s"};
  const auto json = to_json({base, added});
  EXPECT_EQ(json.dump(),
            R"([{"name":"bash","version":"5","arch":"amd64","from":"base"},)"
            R"({"name":"nvtop","version":"1","arch":"amd64","from":"extra packages focal","customize":true}])");
  EXPECT_EQ(to_json(packages_from(json)), json);
}

TEST(ImagePackages, OfAHostileGuestArePrintable) {
  const auto packages = image_packages({{"a\x1b[2J", "1\n2", "\xff"}}, {}, {}, {}, driver(), {});
  EXPECT_EQ(to_json(packages).dump(),
            R"([{"name":"a\\x1b[2J","version":"1\\x0a2","arch":"\\xff","from":"a script in the image"}])");
}

}  // namespace
}  // namespace bake::evidence
