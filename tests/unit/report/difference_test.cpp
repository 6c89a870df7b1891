// What differs between two documents: each part, documents of other kinds, and what is not compared.
#include "bake/report/difference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/report_fixture.hpp"

namespace bake::report {
namespace {

using Json = nlohmann::ordered_json;
using testing::manifest_of;

Document manifest(Json json) { return {Kind::manifest, "image.vhd", "", std::move(json)}; }

const PartDifference& part_of(const Difference& difference, const std::string& name) {
  for (const auto& part : difference.parts)
    if (part.part == name) return part;
  throw std::out_of_range(name);
}

PartDifference part(const Json& a, const Json& b, const std::string& name) {
  return part_of(compare(manifest(a), manifest(b)), name);
}

/// A manifest of which only a part matters.
Json with(const std::string& pointer, const Json& value) {
  auto json = manifest_of("ubuntu");
  json[Json::json_pointer(pointer)] = value;
  return json;
}

Json package(const std::string& name, const std::string& version, const std::string& arch = "amd64",
             const std::string& from = "base") {
  return {{"name", name}, {"version", version}, {"arch", arch}, {"from", from}};
}

TEST(Difference, OfTheSameManifestIsNothing) {
  const auto difference = compare(manifest(manifest_of("ubuntu")), manifest(manifest_of("ubuntu")));
  EXPECT_TRUE(difference.equal());
  for (const auto& part : difference.parts) {
    EXPECT_EQ(part.not_compared, "") << part.part;
    EXPECT_EQ(summary_of(part), "same") << part.part;
    EXPECT_NE(part.equal, 0U) << part.part;
  }
  EXPECT_EQ(part_of(difference, "files").note,
            "all other files have the same names, types, modes, owners, sizes and link targets");
}

TEST(Difference, HasAllParts) {
  std::vector<std::string> names;
  for (const auto& part : compare(manifest(manifest_of("ubuntu")), manifest(manifest_of("centos"))).parts)
    names.push_back(part.part);
  EXPECT_THAT(names, ::testing::ElementsAre("image", "base", "recipe", "system", "kernel", "driver", "packages",
                                            "settings", "files", "checks"));
}

TEST(Difference, OfPackagesNamesVersionAndOrigin) {
  const auto found = part(with("/packages", {package("same", "1"), package("gone", "1"), package("newer", "1"),
                                             package("moved", "1", "amd64", "base")}),
                          with("/packages", {package("same", "1"), package("added", "2", "all", "bundle X"),
                                             package("newer", "2"), package("moved", "1", "amd64", "bundle X")}),
                          "packages");
  EXPECT_EQ(found.note, "");
  EXPECT_EQ(found.equal, 1U);
  EXPECT_EQ(summary_of(found), "1 added, 1 removed, 2 changed, 1 same");
  const auto fields = [](const char* version, const char* arch, const char* from) {
    return Fields{{"version", version}, {"arch", arch}, {"from", from}};
  };
  EXPECT_THAT(found.changes,
              ::testing::ElementsAre(Change{"added", {}, fields("2", "all", "bundle X")},
                                     Change{"gone", fields("1", "amd64", "base"), {}},
                                     Change{"moved", fields("1", "amd64", "base"), fields("1", "amd64", "bundle X")},
                                     Change{"newer", fields("1", "amd64", "base"), fields("2", "amd64", "base")}));
}

TEST(Difference, PairsSeveralVersionsOfOneName) {
  const auto found =
      part(with("/packages", {package("kernel", "1"), package("kernel", "2"), package("libc6", "5"),
                              package("libc6", "5", "i386"), package("tool", "1", "noarch")}),
           with("/packages", {package("kernel", "2"), package("kernel", "3"), package("libc6", "5", "i386"),
                              package("libc6", "6"), package("tool", "1", "amd64")}),
           "packages");
  std::vector<std::string> lines;
  for (const auto& change : found.changes)
    lines.push_back(fmt::format("{} {} -> {}", change.name, change.a->at(0).second + " " + change.a->at(1).second,
                                change.b->at(0).second + " " + change.b->at(1).second));
  EXPECT_THAT(lines, ::testing::ElementsAre("kernel 1 amd64 -> 3 amd64", "libc6 5 amd64 -> 6 amd64",
                                            "tool 1 noarch -> 1 amd64"));
  EXPECT_EQ(found.equal, 2U);
}

TEST(Difference, AnOriginThatIsNotKnownEqualsEveryOther) {
  const auto all = with("/packages", Json::array({package("a", "1")}));
  EXPECT_EQ(part(all, with("/packages", Json::array({package("a", "1", "amd64", "not recorded")})), "packages").equal,
            1U);
  auto nameless = package("a", "1");
  nameless.erase("from");
  EXPECT_EQ(part(all, with("/packages", Json::array({nameless})), "packages").equal, 1U);
}

TEST(Difference, WithoutAListOfPackagesComparesTheInjectedOnes) {
  const auto found = part(manifest_of("ubuntu"), manifest_of("ubuntu"), "packages");
  EXPECT_EQ(found.equal, manifest_of("ubuntu")["changes"].size());
  EXPECT_EQ(found.note, "only packages that bake installs, because neither lists all packages of its image");
}

TEST(Difference, WithOneListOfPackagesComparesThoseThatTheOtherChanges) {
  auto old = manifest_of("ubuntu");
  old["changes"] = {{{"action", "install"}, {"name", "tools"}, {"version", "2"}, {"arch", "amd64"}},
                    {{"action", "remove"}, {"name", "gone"}, {"version", "1"}, {"arch", "amd64"}}};
  const auto full = with("/packages", {package("tools", "2"), package("gone", "1"), package("other", "1")});
  const auto found = part(old, full, "packages");
  EXPECT_EQ(found.note, "only packages that the bake of a changes, because a does not list the others");
  EXPECT_EQ(found.equal, 1U);
  EXPECT_THAT(found.changes,
              ::testing::ElementsAre(Change{"gone", {}, Fields{{"version", "1"}, {"arch", "amd64"}, {"from", ""}}}));
  EXPECT_EQ(word_for(part(full, old, "packages").changes.at(0)), "removed");
}

TEST(Difference, OfFilesNamesModeOwnerAndContent) {
  const std::string one(64, '1'), two(64, '2');
  const auto found =
      part(with("/files", {{"list", {{"/a", "0644 0:0 " + one}, {"/gone", "link x"}}}, {"rest", one}}),
           with("/files", {{"list", {{"/a", "0600 0:7 " + two}, {"/new", "other"}}}, {"rest", two}}), "files");
  EXPECT_THAT(found.changes,
              ::testing::ElementsAre(Change{"/a", Fields{{"mode", "0644"}, {"owner", "0:0"}, {"content", one}},
                                            Fields{{"mode", "0600"}, {"owner", "0:7"}, {"content", two}}},
                                     Change{"/gone", Fields{{"content", "link x"}}, {}},
                                     Change{"/new", {}, Fields{{"content", "other"}}}));
  EXPECT_EQ(found.note,
            "only files that the manifests list: those of the packages and of bake, /etc, /boot and other modules");
}

TEST(Difference, OfOtherFilesShowsOnlyWhileTheListedOnesAreEqual) {
  const auto found = part(with("/files", {{"list", {{"/a", "other"}}}, {"rest", "1"}}),
                          with("/files", {{"list", {{"/a", "other"}}}, {"rest", "2"}}), "files");
  EXPECT_THAT(found.changes, ::testing::ElementsAre(Change{"files that the manifests do not list",
                                                           Fields{{"digest", "1"}}, Fields{{"digest", "2"}}}));
}

TEST(Difference, OfChecksIsTheirResultAndNotTheirEvidence) {
  const auto check = [](const char* status, const char* evidence, const char* level = "required") {
    return Json{{"check", "c"}, {"level", level}, {"status", status}, {"evidence", evidence}};
  };
  EXPECT_EQ(part(with("/checks", Json::array({check("passed", "x")})),
                 with("/checks", Json::array({check("passed", "y")})), "checks")
                .equal,
            1U);
  const auto found = part(with("/checks", Json::array({check("passed", "x")})),
                          with("/checks", Json::array({check("failed", "y", "advice")})), "checks");
  EXPECT_EQ(found.changes.at(0).b->at(0).second, "advice");
}

TEST(Difference, OfSettingsNamesEachOne) {
  auto other = manifest_of("ubuntu");
  other["configure"]["enable_services"] = {"openibd.service"};
  other["configure"]["disable_services"] = {"ib-firstboot.service"};
  other["configure"]["memlock_unlimited"] = false;
  other["customize"] = {{"sysctl", {{"vm.zone_reclaim_mode", "1"}}}};
  auto base = manifest_of("ubuntu");
  base["configure"]["enable_services"] = {"openibd.service", "ib-firstboot.service"};
  base["configure"]["disable_services"] = Json::array();
  const auto found = part(base, other, "settings");
  const auto value = [](const char* text) { return Fields{{"value", text}}; };
  EXPECT_THAT(found.changes,
              ::testing::ElementsAre(Change{"service ib-firstboot.service", value("enabled"), value("disabled")},
                                     Change{"sysctl vm.zone_reclaim_mode", {}, value("1")},
                                     Change{"unlimited locked memory", value("true"), value("false")}));
}

TEST(Difference, OfAPlanAndAManifestIsWhatBothKnow) {
  auto plan = manifest_of("ubuntu");
  plan.erase("schema");
  plan["works"] = false;
  plan["refusals"] = Json::array();
  plan["recipe"] = plan["recipe"]["name"];
  plan["ofed"] = plan["driver"]["ofed"];
  plan["profile"] = "hpc";
  plan["bundle"] = plan["driver"]["bundle"];
  const auto document = read_document(plan.dump(), "plan.json");
  EXPECT_EQ(document.kind, Kind::plan);
  const auto difference = compare(document, manifest(manifest_of("ubuntu")));
  EXPECT_TRUE(difference.a.refused);
  EXPECT_EQ(part_of(difference, "base").not_compared, "a: a plan does not have them");
  EXPECT_EQ(part_of(difference, "checks").not_compared, "a: a plan does not have them");
  EXPECT_THAT(part_of(difference, "driver").changes,
              ::testing::ElementsAre(Change{"profile", Fields{{"value", "hpc"}}, Fields{{"value", "ib-minimal"}}}));
  EXPECT_EQ(part_of(difference, "driver").equal, 4U);
  EXPECT_TRUE(part_of(difference, "recipe").changes.empty());
  EXPECT_TRUE(part_of(difference, "packages").changes.empty());
}

TEST(Difference, OfADiskHasSystemKernelAndPackages) {
  guest::Facts facts;
  facts.os.id = "ubuntu";
  facts.os.version = "20.04";
  facts.default_kernel = "5.15";
  facts.packages.packages = {{"rdma-core", "28.0-1ubuntu1", "amd64"}, {"bash", "5", "amd64"}};
  const auto difference = compare(document_of(facts, "base.vhd"), manifest(manifest_of("ubuntu")));
  EXPECT_EQ(difference.a.kind, Kind::disk);
  EXPECT_EQ(part_of(difference, "driver").not_compared, "a: bake did not make this disk, or its manifest is not there");
  EXPECT_EQ(part_of(difference, "kernel").changes.at(0).a, (Fields{{"value", "5.15"}}));
  const auto& packages = part_of(difference, "packages");
  EXPECT_EQ(packages.note, "only packages that the bake of b changes, because b does not list the others");
  EXPECT_THAT(packages.changes, ::testing::Contains(Change{
                                    "rdma-core", Fields{{"version", "28.0-1ubuntu1"}, {"arch", "amd64"}, {"from", ""}},
                                    Fields{{"version", "55mlnx37-1.55103"},
                                           {"arch", "amd64"},
                                           {"from", "bundle MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64"}}}));
}

TEST(Difference, OfABakedDiskUsesTheManifestInIt) {
  guest::Facts facts;
  auto inside = manifest_of("ubuntu");
  for (const auto* key : {"product", "checks", "files"}) inside.erase(key);
  facts.baked_manifest = inside.dump();
  const auto document = document_of(facts, "out.vhd");
  EXPECT_EQ(document.kind, Kind::manifest);
  EXPECT_EQ(document.read_from, "/etc/bake-manifest.json in it");
  const auto difference = compare(document, manifest(manifest_of("ubuntu")));
  EXPECT_EQ(part_of(difference, "files").not_compared, "a: the manifest does not list them");
  EXPECT_EQ(part_of(difference, "checks").not_compared, "a: the manifest does not list them");
  EXPECT_TRUE(part_of(difference, "image").changes.empty());
}

TEST(Difference, AnOtherDocumentIsRefused) {
  for (const auto* text : {"{}", "[]", "{", R"({"schema": "bake-result/v1"})", "no JSON"}) {
    const auto error = error_of([&] { read_document(text, "x.json"); });
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_EQ(error.message(), "reading 'x.json': it is neither the manifest of an image nor a plan");
    EXPECT_EQ(error.hint(),
              "accepted are: a manifest (OUT.manifest.json), an image, a recipe, a plan in JSON, or a disk");
  }
}

TEST(Difference, OfADamagedManifestTakesOtherTypesForMissing) {
  const Json odd{{"schema", "bake-manifest/v1"}, {"recipe", 7},      {"driver", Json::array()}, {"changes", "x"},
                 {"files", {{"list", 1}}},       {"checks", {1, 2}}, {"vm_sizes", {1, "S"}},    {"packages", {1}}};
  const auto difference = compare(manifest(odd), manifest(manifest_of("ubuntu")));
  EXPECT_FALSE(difference.equal());
  EXPECT_EQ(part_of(difference, "files").not_compared, "a: the manifest does not list them");
  EXPECT_EQ(part_of(difference, "recipe").changes.at(1).a, (Fields{{"value", "S"}}));
}

TEST(Difference, JsonHasEachChange) {
  auto other = manifest_of("ubuntu");
  other["driver"]["profile"] = "hpc";
  const auto json = to_json(compare({Kind::manifest, "a.vhd", "a.vhd.manifest.json", manifest_of("ubuntu")},
                                    {Kind::manifest, "b.vhd", "", other}));
  EXPECT_EQ(json["schema"], "bake-diff/v1");
  EXPECT_EQ(json["equal"], false);
  EXPECT_EQ(json["a"], Json::parse(R"({"file": "a.vhd", "kind": "manifest", "read_from": "a.vhd.manifest.json",
      "recipe": "ubuntu-20.04", "time": ")" +
                                   other["time"].get<std::string>() + R"("})"));
  EXPECT_EQ(json["parts"]["driver"], Json::parse(R"({"state": "different", "same": 10, "differences":
      [{"name": "profile", "change": "changed", "a": "ib-minimal", "b": "hpc"}]})"));
  EXPECT_EQ(json["parts"]["base"], Json::parse(R"({"state": "same", "same": 4, "differences": []})"));
}

Difference ubuntu_and_centos() {
  return compare({Kind::manifest, "ubuntu.vhd", "ubuntu.vhd.manifest.json", manifest_of("ubuntu")},
                 {Kind::manifest, "centos.vhd", "centos.vhd.manifest.json", manifest_of("centos")});
}

TEST(DifferenceGolden, Text) { testing::expect_golden("report-diff.txt", to_text(ubuntu_and_centos())); }

TEST(DifferenceGolden, Page) {
  testing::expect_golden("report-diff.html", testing::without_style(to_html(ubuntu_and_centos())));
}

TEST(Difference, PageEscapesHostileText) {
  auto a = testing::hostile(manifest_of("ubuntu"));
  auto b = testing::hostile(manifest_of("centos"));
  b["packages"] = Json::array();
  a["packages"] = Json::array({package("<script>x</script>", "\"><script>")});
  a["files"]["list"]["/etc/<script>"] = "0644 0:0 <script>";
  const auto html = to_html(compare({Kind::manifest, "<script>a", "<script>", a}, {Kind::manifest, "b", "", b}));
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;x&lt;/script&gt;"), std::string::npos);
}

}  // namespace
}  // namespace bake::report
