// The pages about images and fleets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/report/fleet_page.hpp"
#include "bake/report/image_page.hpp"
#include "bake/report/read.hpp"
#include "bake/report/timeline.hpp"
#include "tests/support/disk_fixture.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/report_fixture.hpp"

namespace bake::report {
namespace {

using ::testing::HasSubstr;
using testing::manifest_of;
using ::testing::Not;
using State = fleet::FleetRow::State;

ImageReport report_of(const std::string& name) {
  ImageReport image;
  image.file = name + ".vhd";
  image.manifest = manifest_of(name);
  image.evidence = {{"sbom", true, "describes this image"},
                    {"sbom cyclonedx", true, "describes this image"},
                    {"provenance", true, "describes this image"},
                    verify::skipped("signature", "there is no " + name + ".vhd.provenance.dsse.json"),
                    {"checksums", true, "has the digests of the image and its files"}};
  return image;
}

FleetImageReport row(const std::string& name, State state, int status, const std::string& message,
                     bool has_image = true) {
  FleetImageReport image;
  image.row.name = name + ".vhd";
  image.row.state = state;
  image.row.status = status;
  image.row.message = message;
  if (has_image) image.image = report_of(name);
  return image;
}

TEST(PageGolden, OfAnImage) {
  testing::expect_golden("report-image.html", testing::without_style(image_page(report_of("ubuntu"))));
}

TEST(PageGolden, OfAFleet) {
  auto done = row("ubuntu", State::skipped, 0, "");
  done.row.result.emplace();
  done.row.result->seconds = 83;
  testing::expect_golden(
      "report-fleet.html",
      testing::without_style(fleet_page("fleet.yaml", "2026-11-30T20:00:00Z",
                                        {done, row("centos", State::failed, 7, "verifying: 1 check failed", false)})));
}

TEST(Page, NeedsNoScriptAndNoOtherFile) {
  const auto html = image_page(report_of("centos"));
  for (const auto* part : {"<script", "<link", "<img", "<iframe", "src=", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(part)));
}

TEST(Page, EscapesHostileText) {
  auto image = report_of("ubuntu");
  image.manifest = testing::hostile(image.manifest);
  image.manifest["configure"]["files"]["<script>"] = "x";
  image.manifest["product"]["timings"] = {{{"step", "<script>"}, {"seconds", 1}}};
  image.manifest["changes"] = {{{"action", "install"}, {"name", "<script>alert(1)</script>"}, {"version", "<script>"}}};
  image.manifest["checks"] = {
      {{"check", "<script>"}, {"status", "failed"}, {"evidence", "<script>"}, {"remedy", "<script>"}}};
  image.file = "<script>.vhd";
  image.signing_key = "<script>";
  image.problems = {"<script>"};
  image.evidence = {{"signature", false, "<script>"}};
  auto fleet_row = row("<script>", State::failed, 1, "<script>", false);
  fleet_row.image = image;
  for (const auto& html : {image_page(image), fleet_page("<script>", "<script>", {fleet_row})}) {
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(html, Not(HasSubstr("<img")));
    EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  }
}

TEST(Page, SaysThatTheManifestHasNoTimes) {
  auto image = report_of("ubuntu");
  EXPECT_THAT(image_page(image), HasSubstr("<ol class=\"steps\">"));
  image.manifest["product"].erase("timings");
  EXPECT_THAT(image_page(image),
              HasSubstr("The manifest has no times: the bake ran with <code>SOURCE_DATE_EPOCH</code>"));
}

TEST(Page, OfADamagedManifestIsWritten) {
  ImageReport image;
  image.file = "out.vhd";
  image.manifest = {{"schema", "bake-manifest/v1"},
                    {"changes", 1},
                    {"checks", {1}},
                    {"warnings", {1}},
                    {"product", {{"virtual_size", -1}, {"timings", {{{"step", 1}, {"seconds", "x"}}, 3}}}}};
  EXPECT_THAT(image_page(image), HasSubstr("<h1>out.vhd</h1>"));
}

TEST(Page, SaysThatTheImageWasChangedAfterTheBake) {
  auto image = report_of("ubuntu");
  image.manifest["resigned"] = {{"time", "2026-12-01T00:00:00Z"}};
  EXPECT_THAT(image_page(image), HasSubstr("The manifest was written again at 2026-12-01 00:00 UTC."));
}

TEST(Page, OfAFleetShowsImagesThatAreNotMade) {
  const auto html = fleet_page("f.yaml", "T",
                               {row("ubuntu", State::waiting, 1, "the recipe changed"),
                                row("centos", State::waiting, 1, "not baked yet", false)});
  EXPECT_THAT(html, HasSubstr("<span class=\"tag warn\">1 out of date</span><span class=\"tag\">1 not made</span>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">centos.vhd</th>"));
  EXPECT_THAT(html, HasSubstr("<a href=\"#image-1\">ubuntu.vhd</a>"));
  EXPECT_THAT(html, HasSubstr("The fleet counts it as out of date: the recipe changed"));
  EXPECT_THAT(html, Not(HasSubstr("id=\"image-2\"")));
}

TEST(Timeline, ShowsEachStepAtItsTime) {
  const auto html = timeline({{"copy", 1}, {"verify", 3}, {"footer", 0}});
  EXPECT_THAT(html, HasSubstr("<li><span>copy</span>"));
  EXPECT_THAT(html, HasSubstr("x=\"0.0\" width=\"250.0\""));
  EXPECT_THAT(html, HasSubstr("x=\"250.0\" width=\"750.0\""));
  EXPECT_THAT(html, HasSubstr("x=\"996.0\" width=\"4.0\""));
  EXPECT_THAT(html, HasSubstr("<span>All steps</span><span></span><span class=\"time\">4.0 s</span>"));
  EXPECT_EQ(timeline({}), "");
  EXPECT_EQ(timeline({{"copy", 0}}), "");
}

TEST(Timeline, WritesDurations) {
  EXPECT_EQ(duration(0), "0.0 s");
  EXPECT_EQ(duration(9.94), "9.9 s");
  EXPECT_EQ(duration(9.96), "10 s");
  EXPECT_EQ(duration(59.4), "59 s");
  EXPECT_EQ(duration(59.6), "1 min 0 s");
  EXPECT_EQ(duration(83), "1 min 23 s");
}

class ReadImage : public DiskTest {
 protected:
  void write_manifest(const std::string& uuid) {
    auto manifest = manifest_of("ubuntu");
    manifest["product"]["uuid"] = uuid;
    write_text_atomically(at("out.vhd.manifest.json"), manifest.dump());
  }
};

TEST_F(ReadImage, ReadsTheFilesNextToIt) {
  static_cast<void>(fixed_vhd("out.vhd", std::uint64_t{2} << 20U));
  write_manifest(test_uuid);
  write_text_atomically(at("out.vhd.provenance.dsse.json"),
                        R"({"payload": "", "payloadType": "x", "signatures": [{"keyid": "abc", "sig": ""}]})");
  const auto image = read_image(at("out.vhd"));
  EXPECT_EQ(image.file, "out.vhd");
  EXPECT_EQ(image.manifest["recipe"]["name"], "ubuntu-20.04");
  EXPECT_EQ(image.signing_key, "abc");
  EXPECT_EQ(image.problems, std::vector<std::string>{});
  ASSERT_EQ(image.evidence.size(), 5U);
  EXPECT_EQ(image.evidence[0].evidence, "there is no out.vhd.sbom.spdx.json");
  EXPECT_EQ(image.evidence[3].evidence, "it was made for another document than the provenance");
}

TEST_F(ReadImage, SaysWhenTheManifestDescribesAnotherFile) {
  write_manifest("ffffffff-89ab-5cde-8f01-23456789abcd");
  EXPECT_EQ(read_image(at("out.vhd")).problems, std::vector<std::string>{"the image is not there: 'out.vhd'"});
  static_cast<void>(fixed_vhd("out.vhd", std::uint64_t{2} << 20U));
  EXPECT_EQ(read_image(at("out.vhd")).problems,
            std::vector<std::string>{fmt::format("the manifest describes another file: the image has the UUID {}, the "
                                                 "manifest says ffffffff-89ab-5cde-8f01-23456789abcd",
                                                 test_uuid)});
}

TEST_F(ReadImage, NeedsAManifest) {
  static_cast<void>(fixed_vhd("out.vhd", std::uint64_t{2} << 20U));
  const auto error = error_of([&] { read_image(at("out.vhd")); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(),
            fmt::format("reporting on '{0}': there is no '{0}.manifest.json'", at("out.vhd").string()));
}

TEST(ReadImageName, IsThatOfTheManifestWithoutItsSuffix) {
  EXPECT_EQ(image_of("a/out.vhd.manifest.json"), "a/out.vhd");
  EXPECT_EQ(image_of("a/out.vhd"), "a/out.vhd");
  EXPECT_EQ(image_of(".manifest.json"), ".manifest.json");
}

}  // namespace
}  // namespace bake::report
