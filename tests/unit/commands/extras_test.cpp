// `bake extras wanted` in process. The cache has the facts of the guest, so that no appliance starts.
#include <cstdlib>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "bake/guest/facts_cbor.hpp"
#include "bake/job/cache.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::cli {
namespace {

constexpr const char* azure = "5.4.0-1040-azure";

struct Result {
  int status = 0;
  std::string out, err;
};

class ExtrasWanted : public testing::StoreTest {
 protected:
  ExtrasWanted() {
    ::setenv("BAKE_CACHE", (scratch.path() / "cache").c_str(), 1);
    write("base.raw", std::string(510, '\0') + "\x55\xaa");
    std::filesystem::resize_file(scratch.path() / "base.raw", std::uint64_t{8} << 20U);
    write("focal.yaml", recipe_text);
  }
  ~ExtrasWanted() override { ::unsetenv("BAKE_CACHE"); }
  ExtrasWanted(const ExtrasWanted&) = delete;
  ExtrasWanted& operator=(const ExtrasWanted&) = delete;

  /// Keeps the facts of an Ubuntu 20.04 guest without a compiler about the base.
  void keep_facts() const {
    guest::Facts facts;
    facts.os = {"ubuntu", "20.04", "Ubuntu 20.04.6 LTS"};
    facts.family = guest::Family::deb;
    facts.arch = "x86_64";
    facts.kernels = {{azure, std::string("/boot/vmlinuz-") + azure, {}, {}, {}, {}, {}, false}};
    facts.default_kernel = azure;
    facts.packages.dump = "Package: bash\nStatus: install ok installed\nVersion: 5.0\nArchitecture: amd64\n\n";
    facts.packages.packages = {{"bash", "5.0", "amd64"}};
    facts.programs = {"make"};
    facts.layout = {"gpt", true, true, {{"/dev/sda1", "ext4", "/", 30ULL << 30U, 20ULL << 30U, ""}}};
    ::usleep(2'100'000);  // the cache keeps nothing about a file that changed in the last two seconds
    const auto base = scratch.path() / "base.raw";
    job::Cache(job::cache_directory()).keep("facts", base, identity_of(base), guest::to_cbor(facts));
    ASSERT_TRUE(job::Cache(job::cache_directory()).find("facts", base));
  }
  /// Runs bake on a file of the scratch directory; its name is "DIR" in the result.
  Result bake(std::vector<std::string> arguments, const std::string& file) const {
    arguments.push_back((scratch.path() / file).string());
    arguments.insert(arguments.end(), {"--store", (scratch.path() / "store").string(), "--quiet"});
    std::ostringstream out, err;
    const int status = run(arguments, out, err);
    const auto top = scratch.path().string();
    return {status, replace_all(out.str(), top, "DIR"), replace_all(err.str(), top, "DIR")};
  }
  Result wanted(const std::string& file) const { return bake({"extras", "wanted"}, file); }

  const std::string recipe_text =
      "schema: bake/v1\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\n"
      "ofed: {version: 5.5-1.0.3.2, packages: [mlnx-ofed-kernel-dkms]}\n";
  const std::string text =
      "ubuntu 20.04, kernel 5.4.0-1040-azure: 4 packages are missing\n"
      "  dkms  (the modules are built for 5.4.0-1040-azure)\n"
      "  gcc  (the modules are built for 5.4.0-1040-azure)\n"
      "  libc6-dev  (the modules are built for 5.4.0-1040-azure)\n"
      "  linux-headers-5.4.0-1040-azure  (the modules are built for 5.4.0-1040-azure)\n"
      "on a machine with ubuntu 20.04 and a network:\n"
      "  mkdir -p extras-ubuntu20.04/partial\n"
      "  sudo apt-get update\n"
      "  sudo apt-get -o Dir::State::status=/dev/null -o Dir::Cache::archives=\"$PWD/extras-ubuntu20.04\" install "
      "--download-only --no-install-recommends --yes dkms gcc libc6-dev linux-headers-5.4.0-1040-azure\n"
      "  sudo rm -rf extras-ubuntu20.04/partial extras-ubuntu20.04/lock\n"
      "then copy the directory to this machine, and here:\n"
      "  bake bundle add --extra extras-ubuntu20.04 --for ubuntu20.04 --store DIR/store\n";
};

TEST_F(ExtrasWanted, PrintsTheCommandsThatDownloadWhatARecipeOrAFleetLacks) {
  store.add(archive_of(testing::deb_bundle()), trusting(), progress);
  keep_facts();
  auto result = wanted("focal.yaml");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, text);

  write("second.yaml", recipe_text);
  write("fleet.yaml", "schema: bake/fleet/v1\nimages: [focal.yaml, second.yaml]\n");
  result = wanted("fleet.yaml");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, text);

  result = bake({"--json", "extras", "wanted"}, "focal.yaml");
  const auto document = Json::parse(result.out);
  EXPECT_EQ(document.at("missing"), 4);
  EXPECT_EQ(document.at("lists").at(0).at("os"), "ubuntu 20.04");
  EXPECT_EQ(document.at("lists").at(0).at("packages").at(3).at("name"), "linux-headers-5.4.0-1040-azure");
  EXPECT_EQ(document.at("lists").at(0).at("commands").size(), 4U);
  EXPECT_EQ(document.at("lists").at(0).at("then").at(0),
            "bake bundle add --extra extras-ubuntu20.04 --for ubuntu20.04 --store DIR/store");

  result = bake({"plan"}, "focal.yaml");
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("bake: hint: run: bake extras wanted DIR/focal.yaml --store DIR/store\n"
                            "bake: hint: run: bake bundle add --extra DIRECTORY --store DIR/store\n"),
            std::string::npos)
      << result.err;
}

TEST_F(ExtrasWanted, RefusesWhatPlanRefuses) {
  write("wrong.yaml", "schema: bake/v1\nbase: base.raw\nos: ubuntu 20.04\nvm_size: [x]\n");
  write("fleet.yaml", "schema: bake/fleet/v1\nimages: [wrong.yaml]\n");
  for (const auto* file : {"missing.yaml", "base.raw", "wrong.yaml", "focal.yaml"}) {
    const auto result = wanted(file);
    const auto plan = bake({"plan"}, file);
    EXPECT_EQ(result.status, plan.status) << file;
    EXPECT_EQ(result.err, plan.err) << file;
    EXPECT_NE(result.status, 0) << file;
    EXPECT_EQ(result.out, "") << file;
  }
  EXPECT_EQ(wanted("fleet.yaml").status, 5);
}

TEST_F(ExtrasWanted, WarnsOfOtherRefusals) {
  store.add(archive_of(testing::deb_bundle()), trusting(), progress);
  write("focal.yaml", recipe_text + "kernel: 5.4.0-1-azure\n");
  keep_facts();
  const auto result = wanted("focal.yaml");
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("the plan of 'focal' is refused for other reasons too; see 'bake plan DIR/focal.yaml'"),
            std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace bake::cli
