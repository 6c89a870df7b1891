// `bake batch --dry-run`: the images that would be baked, and the refusals before anything starts.
#include <gtest/gtest.h>
#include <sstream>

#include "bake/commands/commands.hpp"
#include "bake/fleet/plan.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

class DryRun : public DiskTest {
 protected:
  void SetUp() override {
    static_cast<void>(raw_disk("good.raw", std::uint64_t{2} << 20U));
    write_text_atomically(at("bad.raw"), "no disk");
    recipe("fine", "good.raw", "inbox");
    recipe("bundle", "good.raw", "5.5-1.0.3.2");
    recipe("base", "bad.raw", "inbox");
    recipe("both", "bad.raw", "5.5-1.0.3.2");
  }

  void recipe(const std::string& name, const std::string& base, const std::string& ofed) const {
    write_text_atomically(
        at(name + ".yaml"),
        "schema: bake/v1\nbase: " + base + "\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: " + ofed + "\n");
  }

  int dry_run(const std::vector<std::string>& names, std::vector<std::string> more = {}) {
    std::string text = "schema: bake/fleet/v1\nimages:\n";
    for (const auto& name : names) text += "  - {recipe: " + name + ".yaml, output: " + name + ".vhd}\n";
    write_text_atomically(at("fleet.yaml"), text);
    more.insert(more.begin(), {"--store", at("store").string(), "batch", at("fleet.yaml").string(), "--dry-run"});
    out.str("");
    err.str("");
    return run(more, out, err);
  }

  [[nodiscard]] std::string sentence(int refused, int all) const {
    return "baking fleet '" + at("fleet.yaml").string() + "': " + std::to_string(refused) + " of " +
           std::to_string(all) + " images would be refused";
  }

  const std::string no_disk = "opening disk '" + at("bad.raw").string() +
                              "': not a disk image: no VHD footer, partition table or file system in it";
  const std::string no_bundle = "choosing a driver for 'bundle': the store '" + at("store").string() +
                                "' has none of the bundles that fit: there is no such directory";
  std::ostringstream out, err;
};

TEST_F(DryRun, ListsAnImageThatCanBeBaked) {
  EXPECT_EQ(dry_run({"fine"}), 0) << err.str();
  EXPECT_EQ(out.str(), "bake  fine.vhd  (not baked yet)\n");
  EXPECT_EQ(err.str(), "");
}

TEST_F(DryRun, ReportsRefusalsOfBaseAndStoreAndEndsWithTheWorst) {
  EXPECT_EQ(dry_run({"fine", "bundle"}), 3);
  const std::string archive = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz";
  EXPECT_EQ(out.str(), "bake  fine.vhd  (not baked yet)\nbake  bundle.vhd  (not baked yet)\n      refused: " +
                           no_bundle + "\n      hint: add " + archive + " to the store\n      run: bake bundle add " +
                           archive + " --store " + at("store").string() + "\n");
  EXPECT_EQ(err.str(), "bake: error: " + sentence(1, 2) + "\n");

  EXPECT_EQ(dry_run({"bundle", "base", "fine"}, {"--json"}), 3);
  const auto document = Json::parse(out.str());
  EXPECT_EQ(document.at("to_bake"), 3);
  EXPECT_EQ(document.at("refused"), 2);
  EXPECT_EQ(document.at("images").at(0).at("refusal").at("message"), no_bundle);
  EXPECT_EQ(document.at("images").at(0).at("refusal").at("kind"), "incompatible");
  EXPECT_EQ(document.at("images").at(0).at("refusal").at("commands"),
            Json::array({"bake bundle add " + archive + " --store " + at("store").string()}));
  EXPECT_EQ(document.at("images").at(1).at("refusal"), Json({{"kind", "config"},
                                                             {"exit_code", 5},
                                                             {"message", no_disk},
                                                             {"hint", ""},
                                                             {"commands", Json::array()},
                                                             {"problems", Json::array()}}));
  EXPECT_FALSE(document.at("images").at(2).contains("refusal"));
  EXPECT_EQ(err.str(), "bake: error: " + sentence(2, 3) + "\n");
}

TEST_F(DryRun, ReportsBothProblemsOfOneImage) {
  EXPECT_EQ(dry_run({"both"}, {"--json"}), 3);
  const auto refusal = Json::parse(out.str()).at("images").at(0).at("refusal");
  EXPECT_TRUE(refusal.at("message").get<std::string>().starts_with(no_disk + "; and choosing a driver for 'both': "));
}

TEST_F(DryRun, RefusesToReplaceAnotherFile) {
  write_text_atomically(at("fine.vhd"), "mine");
  EXPECT_EQ(dry_run({"fine"}), 2);
  EXPECT_EQ(out.str(), "bake  fine.vhd  (not baked yet)\n      refused: writing '" + at("fine.vhd").string() +
                           "': it exists\n      hint: --force replaces it\n");
  EXPECT_EQ(dry_run({"fine"}, {"--force"}), 0);
}

TEST_F(DryRun, RefusesOptionsOfSlurm) {
  EXPECT_EQ(dry_run({"fine"}, {"--no-wait"}), 2);
  EXPECT_EQ(err.str(),
            "bake: error: baking a fleet: --no-wait and --sbatch are for Slurm\nbake: hint: add --executor slurm\n");
}

}  // namespace
}  // namespace bake::cli
