// `bake bundle wanted` in process. It reads no base, and starts no appliance.
#include <gtest/gtest.h>
#include <sstream>

#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::cli {
namespace {

struct Result {
  int status = 0;
  std::string out, err;
};

class BundleWanted : public testing::StoreTest {
 protected:
  BundleWanted() {
    recipe("focal", "ubuntu 20.04", "5.5-1.0.3.2");
    recipe("focal-too", "ubuntu 20.04", "5.5-1.0.3.2");
    recipe("alma", "almalinux 8.10", "24.10-3.2.5.0");
    recipe("inbox", "ubuntu 20.04", "inbox");
    write("fleet.yaml", "schema: bake/fleet/v1\nimages: [focal.yaml, focal-too.yaml, alma.yaml, inbox.yaml]\n");
  }

  void recipe(const std::string& name, const std::string& os, const std::string& ofed) const {
    write(name + ".yaml",
          "schema: bake/v1\nbase: base.raw\nos: " + os + "\nvm_sizes: [Standard_HB120rs_v2]\nofed: " + ofed + "\n");
  }

  Result wanted(const std::string& file, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments{"--store", store.directory().string(), "bundle", "wanted",
                                       (scratch.path() / file).string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::ostringstream out, err;
    Result result;
    result.status = run(arguments, out, err);
    result.out = replace_all(out.str(), " --store " + store.directory().string(), "");
    result.err = err.str();
    return result;
  }
};

TEST_F(BundleWanted, ListsEachArchiveOfAFleetOnce) {
  const auto result = wanted("fleet.yaml");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(
      result.out,
      "2 of 2 archives are missing\n"
      "recipes without a kernel: the kernel of Azure's current image is assumed; write 'kernel: RELEASE' if the base "
      "boots another one\n"
      "archives without a public sha256 need the vendor's key first: bake bundle trust KEYFILE\n"
      "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz\n"
      "  for     focal, focal-too\n"
      "  url     http://content.mellanox.com/ofed/MLNX_OFED-5.5-1.0.3.2/"
      "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz\n"
      "  sha256  not public\n"
      "  warning unverified: no public source confirms that MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz exists "
      "(Azure/azhpc-extensions@9092b59 InfiniBand/resources.json)\n"
      "  then    bake bundle add MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz\n"
      "MLNX_OFED_LINUX-24.10-3.2.5.0-rhel8.10-x86_64.tgz\n"
      "  for     alma\n"
      "  url     not public: look for this name on NVIDIA's download page (README)\n"
      "  sha256  not public\n"
      "  warning unverified: no public source confirms that MLNX_OFED_LINUX-24.10-3.2.5.0-rhel8.10-x86_64.tgz exists "
      "(https://docs.nvidia.com/networking/display/MLNXOFEDv24103250LTS)\n"
      "  then    bake bundle add MLNX_OFED_LINUX-24.10-3.2.5.0-rhel8.10-x86_64.tgz\n");
}

TEST_F(BundleWanted, SaysWhatTheStoreHas) {
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, trusting(), progress);
  const auto result = wanted("focal.yaml");
  EXPECT_EQ(result.out,
            "0 of 1 archive is missing\n"
            "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz\n  for     focal\n  the store has it\n");
}

TEST_F(BundleWanted, IsOneDocument) {
  const auto document = nlohmann::json::parse(wanted("fleet.yaml", {"--json"}).out);
  EXPECT_EQ(document.at("missing"), 2);
  EXPECT_EQ(document.at("bundles").at(0).at("recipes"), (std::vector<std::string>{"focal", "focal-too"}));
  EXPECT_EQ(document.at("bundles").at(1).at("file"), "MLNX_OFED_LINUX-24.10-3.2.5.0-rhel8.10-x86_64.tgz");
  EXPECT_EQ(document.at("bundles").at(1).at("in_store"), false);
}

TEST_F(BundleWanted, TheInboxDriverNeedsNoArchive) {
  EXPECT_EQ(wanted("inbox.yaml").out, "no archive is needed: the recipes use the distribution's own driver\n");
}

TEST_F(BundleWanted, ThePinOfTheRecipeComesFirst) {
  const std::string pin(64, 'a');
  recipe("alma", "almalinux 8.10", "{version: 24.10-3.2.5.0, sha256: " + pin + "}");
  EXPECT_NE(wanted("alma.yaml").out.find("x86_64.tgz --sha256 " + pin), std::string::npos);
}

TEST_F(BundleWanted, ARecipeWithoutADriverIsRefused) {
  recipe("none", "ubuntu 20.04", "1.0-1.0.0.0");
  EXPECT_EQ(wanted("none.yaml").status, 3);
}

}  // namespace
}  // namespace bake::cli
