// `bake diff` and `bake report`: what they accept, where they write, exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "bake/base/digest.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/disk_fixture.hpp"
#include "tests/support/report_fixture.hpp"

namespace bake::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Views : public DiskTest {
 protected:
  Views() {
    for (const auto* name : {"ubuntu", "centos"})
      write_text_atomically(at(std::string(name) + ".vhd.manifest.json"), testing::manifest_of(name).dump());
  }

  [[nodiscard]] std::string path(const std::string& name) const { return at(name).string(); }

  int bake(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--store", path("store")});
    out.str("");
    err.str("");
    return run(arguments, out, err);
  }

  std::ostringstream out, err;
};

using Diff = Views;
using Report = Views;

TEST_F(Diff, ReadsManifestsAndImagesWithAManifestNextToThem) {
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("ubuntu.vhd.manifest.json")}), 0) << err.str();
  EXPECT_THAT(out.str(), StartsWith("a  " + path("ubuntu.vhd") + " (manifest, read from " +
                                    path("ubuntu.vhd.manifest.json") + ", recipe ubuntu-20.04, made "));
  EXPECT_THAT(out.str(), HasSubstr("\nNothing that was compared differs.\n"));
}

TEST_F(Diff, EndsWithOneOnlyIfAsked) {
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("centos.vhd")}), 0);
  EXPECT_EQ(bake({"diff", "--exit-code", path("ubuntu.vhd"), path("centos.vhd")}), 1);
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(bake({"diff", "--exit-code", path("ubuntu.vhd"), path("ubuntu.vhd")}), 0);
}

TEST_F(Diff, PrintsOneDocument) {
  EXPECT_EQ(bake({"diff", "--json", path("ubuntu.vhd"), path("centos.vhd"), "--html", path("d.html")}), 0);
  EXPECT_EQ(Json::parse(out.str())["equal"], false);
  EXPECT_EQ(err.str(), "wrote " + path("d.html") + "\n");
  EXPECT_THAT(read_text(at("d.html")), StartsWith("<!doctype html>"));
}

TEST_F(Diff, WritesThePageToStandardOutput) {
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("centos.vhd"), "--html", "-"}), 0);
  EXPECT_THAT(out.str(), StartsWith("<!doctype html>"));
  const auto page = out.str();
  EXPECT_EQ(bake({"--json", "diff", path("ubuntu.vhd"), path("centos.vhd"), "--html", "-"}), 0);
  EXPECT_EQ(Json::parse(out.str())["html"], page);
}

TEST_F(Diff, ReadsAPlan) {
  auto plan = testing::manifest_of("ubuntu");
  plan.erase("schema");
  plan["recipe"] = "r";
  plan["works"] = true;
  plan["refusals"] = Json::array();
  write_text_atomically(at("plan.json"), "\n " + plan.dump());
  EXPECT_EQ(bake({"diff", path("plan.json"), path("ubuntu.vhd")}), 0) << err.str();
  EXPECT_THAT(out.str(), StartsWith("a  " + path("plan.json") + " (plan, recipe r, made "));
}

TEST_F(Diff, NamesTheFileThatItDoesNotUnderstand) {
  write_text_atomically(at("other.json"), "{\"schema\": \"bake-result/v1\"}");
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("other.json")}), 5);
  EXPECT_EQ(err.str(), "bake: error: reading '" + path("other.json") +
                           "': it is neither the manifest of an image nor a plan\nbake: hint: accepted are: a manifest "
                           "(OUT.manifest.json), an image, a recipe, a plan in JSON, or a disk\n");
  write_text_atomically(at("note.txt"), "hello");
  EXPECT_EQ(bake({"diff", path("note.txt"), path("ubuntu.vhd")}), 5);
  EXPECT_THAT(err.str(), StartsWith("bake: error: opening disk '" + path("note.txt") + "': not a disk image"));
  EXPECT_THAT(err.str(), HasSubstr("\nbake: hint: accepted are: an image with its manifest next to it, a manifest"));
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("nothing.vhd")}), 2);
  EXPECT_THAT(err.str(), StartsWith("bake: error: opening '" + path("nothing.vhd") + "'"));
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd")}), 2);
}

TEST_F(Diff, ReplacesOnlyItsOwnPages) {
  write_text_atomically(at("note.txt"), "hello");
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("centos.vhd"), "--html", path("note.txt")}), 2);
  EXPECT_EQ(err.str(), "bake: error: writing '" + path("note.txt") +
                           "': it exists and is not a page of bake\nbake: hint: --force replaces it\n");
  EXPECT_EQ(read_text(at("note.txt")), "hello");
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("centos.vhd"), "--html", path("note.txt"), "--force"}), 0);
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd"), path("ubuntu.vhd"), "--html", path("note.txt")}), 0);
  const auto manifest = read_text(at("ubuntu.vhd.manifest.json"));
  EXPECT_EQ(bake({"diff", path("ubuntu.vhd.manifest.json"), path("centos.vhd"), "--html",
                  path("ubuntu.vhd.manifest.json"), "--force"}),
            2);
  EXPECT_EQ(read_text(at("ubuntu.vhd.manifest.json")), manifest);
}

TEST_F(Report, IsWrittenNextToTheImage) {
  EXPECT_EQ(bake({"report", path("ubuntu.vhd")}), 0) << err.str();
  EXPECT_EQ(out.str(), path("ubuntu.vhd.report.html") + "\n");
  const auto page = read_text(at("ubuntu.vhd.report.html"));
  EXPECT_THAT(page, HasSubstr("<h1>ubuntu.vhd</h1>"));
  EXPECT_EQ(bake({"report", path("ubuntu.vhd.manifest.json")}), 0) << "replaces its own page";
  EXPECT_EQ(out.str(), path("ubuntu.vhd.report.html") + "\n");
  EXPECT_EQ(bake({"report", path("ubuntu.vhd"), "-o", "-"}), 0);
  EXPECT_EQ(out.str(), page);
  EXPECT_EQ(bake({"--json", "report", path("ubuntu.vhd"), "-o", path("r.html")}), 0);
  EXPECT_EQ(Json::parse(out.str()),
            (Json{{"file", path("r.html")}, {"sha256", digest_of(page)}, {"bytes", page.size()}}));
}

TEST_F(Report, NeedsAManifestOrAFleet) {
  write_text_atomically(at("r.yaml"), "schema: bake/v1\n");
  EXPECT_EQ(bake({"report", path("r.yaml")}), 2);
  EXPECT_EQ(err.str(), "bake: error: reporting on '" + path("r.yaml") +
                           "': it is a YAML file with schema bake/v1, and there is no '" + path("r.yaml") +
                           ".manifest.json'\nbake: hint: a report needs an image that bake made, with its manifest "
                           "(OUT.manifest.json) next to it, or a fleet\n");
  EXPECT_EQ(bake({"report", path("nothing.vhd")}), 2);
  EXPECT_FALSE(std::filesystem::exists(at("nothing.vhd.report.html")));
  write_text_atomically(at("bad.vhd.manifest.json"), "{");
  EXPECT_EQ(bake({"report", path("bad.vhd")}), 5);
}

TEST_F(Report, OfAFleetShowsImagesThatAreNotMade) {
  static_cast<void>(raw_disk("base.raw", std::uint64_t{2} << 20U));
  write_text_atomically(at("r.yaml"),
                        "schema: bake/v1\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: "
                        "[Standard_HB120rs_v2]\nofed: inbox\n");
  write_text_atomically(at("fleet.yaml"),
                        "schema: bake/fleet/v1\nimages:\n  - {recipe: r.yaml, output: ubuntu.vhd}\n"
                        "  - {recipe: r.yaml, output: new.vhd}\n");
  EXPECT_EQ(bake({"report", path("fleet.yaml")}), 0) << err.str();
  EXPECT_EQ(out.str(), path("fleet.yaml.report.html") + "\n");
  const auto page = read_text(at("fleet.yaml.report.html"));
  EXPECT_THAT(page, HasSubstr("<span class=\"tag warn\">1 out of date</span><span class=\"tag\">1 not made</span>"));
  EXPECT_THAT(page, HasSubstr("not baked yet"));
  EXPECT_THAT(page, HasSubstr("id=\"image-1\""));
}

TEST_F(Report, OfAFleetShowsTheOtherImagesIfAManifestIsDamaged) {
  static_cast<void>(raw_disk("base.raw", std::uint64_t{2} << 20U));
  write_text_atomically(at("r.yaml"),
                        "schema: bake/v1\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: "
                        "[Standard_HB120rs_v2]\nofed: inbox\n");
  write_text_atomically(at("fleet.yaml"),
                        "schema: bake/fleet/v1\nimages:\n  - {recipe: r.yaml, output: ubuntu.vhd}\n"
                        "  - {recipe: r.yaml, output: bad.vhd}\n");
  write_text_atomically(at("bad.vhd.manifest.json"), "{");
  EXPECT_EQ(bake({"report", path("fleet.yaml")}), 0) << err.str();
  const auto page = read_text(at("fleet.yaml.report.html"));
  EXPECT_THAT(page, HasSubstr("bad.vhd.manifest.json&#39;: it is neither the manifest of an image nor a plan"));
  EXPECT_THAT(page, HasSubstr("id=\"image-1\""));
}

}  // namespace
}  // namespace bake::cli
