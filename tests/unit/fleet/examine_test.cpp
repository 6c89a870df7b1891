// The images that `bake batch` skips. The tests bake nothing; they write the results that a bake would write.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/job/already_baked.hpp"
#include "tests/support/baked_fixture.hpp"

namespace bake::fleet {
namespace {

namespace fs = std::filesystem;

class FleetExamine : public testing::BakedTest {
 protected:
  FleetExamine() {
    write("fleet.yaml", "schema: bake/fleet/v1\nimages: [{recipe: r.yaml, output: out.vhd}]\n");
    write("out.vhd.manifest.json", R"({"product": {"sha256": ")" + digest_of("the output") + R"("}})");
    remember();
  }

  recipe::FleetImage image() { return recipe::load_fleet(top_ / "fleet.yaml").images.front(); }

  /// Writes the result of a successful bake.
  void remember(int status = 0) {
    ImageResult result;
    result.status = status;
    result.key = key_without_base(image(), environment_);
    ASSERT_TRUE(result.key);
    result.base = {digest_of("the base"), identity_of(top_ / "base.vhd")};
    result.output = {digest_of("the output"), identity_of(top_ / "out.vhd")};
    result.key->base = result.base.sha256;
    write_result(top_ / "out.vhd.result.json", result);
  }

  std::string reason(bool verify = false) {
    const auto status = image_status(image(), verify, environment_);
    EXPECT_EQ(status.done, status.reason.empty());
    return status.reason;
  }

  /// Writes other content of the same size with the same modification time. Only the change time differs, unless it is
  /// recorded again.
  void tamper(const std::string& name, const std::string& text) {
    const auto time = fs::last_write_time(top_ / name);
    write(name, text);
    fs::last_write_time(top_ / name, time);
  }
};

TEST_F(FleetExamine, NothingChangedIsDone) { EXPECT_EQ(reason(), ""); }

/// An image that 'bake image' made: a manifest, and no result of a fleet.
TEST_F(FleetExamine, AnImageOfBakeImageIsDone) {
  fs::remove(top_ / "out.vhd.result.json");
  EXPECT_EQ(reason(), "not baked yet");  // the manifest lacks the key
  auto key = *key_without_base(image(), environment_);
  key.base = digest_of("the base");
  const nlohmann::json manifest{{"schema", "bake-manifest/v1"},
                                {"key", job::key_of(key)},
                                {"driver", {{"ofed", "inbox"}}},
                                {"os", {{"id", "ubuntu"}, {"version", "20.04"}}},
                                {"kernel", {{"release", "5.4.0"}}},
                                {"base", {{"sha256", key.base}}},
                                {"product", {{"sha256", digest_of("the output")}}}};
  write("out.vhd.manifest.json", manifest.dump());
  EXPECT_EQ(job::already_baked(image().recipe, image().output, environment_).reason, "");
  EXPECT_EQ(reason(), "");
  const auto result = read_result(top_ / "out.vhd.result.json");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->ofed, "inbox");
  EXPECT_EQ(result->output.sha256, digest_of("the output"));
  EXPECT_EQ(reason(), "");
  remember(130);  // a later run of the fleet was interrupted
  EXPECT_EQ(reason(), "");
  write("r.yaml", fmt::format("{}generalize: true\n", testing::recipe_text));
  remember(1);
  EXPECT_EQ(reason(), "the last bake ended with exit code 1");
}

TEST_F(FleetExamine, EvidenceOfAnotherImageIsAReasonAsForIfNeeded) {
  write("out.vhd.sbom.spdx.json", "{}");
  EXPECT_EQ(reason(), "sbom: not an SPDX 2.3 document");
}

TEST_F(FleetExamine, VerifyReadsFilesThatLookUnchanged) {
  tamper("out.vhd", "THE output");
  remember();  // records the new identity, so that the change is not visible
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(reason(true), "its output was changed");
}

TEST_F(FleetExamine, ADifferentDateIsNoChangeAndIsLearned) {
  fs::last_write_time(top_ / "base.vhd", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(read_result(top_ / "out.vhd.result.json")->base.identity, identity_of(top_ / "base.vhd"));
}

TEST_F(FleetExamine, ChangedContentIsAChange) {
  tamper("out.vhd", "THE output");
  EXPECT_EQ(reason(), "its output was changed");
  tamper("base.vhd", "THE base");
  EXPECT_EQ(reason(), "the base changed");
}

TEST_F(FleetExamine, TheMeaningOfTheRecipeCounts) {
  write("r.yaml",
        fmt::format("# a comment\n{}gallery: {{resource_group: r, name: n, definition: d}}\n", testing::recipe_text));
  EXPECT_EQ(reason(), "");
  write("r.yaml", fmt::format("{}generalize: true\n", testing::recipe_text));
  EXPECT_EQ(reason(), "the recipe changed");
}

TEST_F(FleetExamine, APinOfTheRightBaseChangesNothing) {
  const auto pinned = [this](const std::string& digest) {
    write("r.yaml",
          replace_all(testing::recipe_text, "base: base.vhd", "base: {path: base.vhd, sha256: " + digest + "}"));
  };
  pinned(digest_of("the base"));
  EXPECT_EQ(reason(), "");
  pinned(digest_of("another"));
  EXPECT_EQ(reason(), "the recipe pins another base");
}

TEST_F(FleetExamine, AnotherMatrixIsAChange) {
  fs::create_directory(top_ / "overlay");
  fs::copy_file(fs::path(SOURCE_DIR) / "matrix/inbox-drivers.yaml", top_ / "overlay/rows.yaml");
  const auto other = matrix::Matrix::load({top_ / "overlay"});
  job::Environment environment{other, store_, silent_, {}, {}};
  EXPECT_EQ(image_status(image(), false, environment).reason, "the matrix changed");
}

TEST_F(FleetExamine, AnotherVersionOfBakeIsAChange) {
  auto result = *read_result(top_ / "out.vhd.result.json");
  result.key->bake = "0.0 x";
  write_result(top_ / "out.vhd.result.json", result);
  EXPECT_EQ(reason(), "bake itself changed");
}

TEST_F(FleetExamine, IncompleteResultsAreBakedAgain) {
  write("out.vhd.manifest.json", R"({"product": {"sha256": "x"}})");
  EXPECT_EQ(reason(), "its manifest is missing or of another image");
  fs::remove(top_ / "out.vhd.manifest.json");
  EXPECT_EQ(reason(), "its manifest is missing or of another image");
  fs::remove(top_ / "out.vhd");
  EXPECT_EQ(reason(), "its output is gone");
  remember(3);
  EXPECT_EQ(reason(), "the last bake ended with exit code 3");
  write("out.vhd.result.json", R"({"schema": "bake-res)");
  EXPECT_EQ(reason(), "not baked yet");
}

}  // namespace
}  // namespace bake::fleet
