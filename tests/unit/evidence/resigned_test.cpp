// What the manifest of a changed image says about the change.
#include "bake/evidence/resigned.hpp"

#include <gtest/gtest.h>

#include "bake/evidence/cyclonedx.hpp"
#include "bake/evidence/provenance.hpp"
#include "bake/evidence/sbom.hpp"
#include "bake/verify/evidence.hpp"
#include "tests/support/sbom_rules.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

const std::string old_image(64, '1');
const std::string new_image(64, '9');

Json manifest() {
  return Json::parse(R"({"schema":"bake-manifest/v1","bake":"0.2.0","time":"2023-11-14T22:13:20Z",
    "recipe":{"name":"image","sha256":"r"},"base":{"file":"base.vhd","sha256":"b"},"matrix":{"sha256":"m"},
    "os":{"id":"ubuntu","version":"20.04"},"vm_sizes":["Standard_HB120rs_v2"],
    "driver":{"ofed":"5.5","profile":"ib-minimal"},"kernel":{"release":"K"},"fit":{"verdict":"x"},
    "expectations":{"family":"deb"},
    "product":{"file":"out.vhd","uuid":"u","sha256":")" +
                     old_image + R"("},"checks":[],
    "packages":[{"name":"bash","version":"5","arch":"amd64","from":"base"},
                {"name":"gone","version":"1","arch":"amd64","from":"base"},
                {"name":"kernel","version":"1","arch":"amd64","from":"base"},
                {"name":"nvtop","version":"1","arch":"amd64","from":"extra packages focal","customize":true},
                {"name":"ofed","version":"5.5","arch":"amd64","from":"bundle MLNX"},
                {"name":"updated","version":"1","arch":"amd64","from":"base"}],
    "files":{"trees":["/etc"],"list":{"/etc/a":"1","/etc/b":"2","/etc/c":"3"},"rest":"digest"}})");
}

Before before() {
  std::vector<ImagePackage> packages = packages_from(manifest().at("packages"));
  packages[4].file = "ofed.deb";
  packages[4].sha256 = std::string(64, '3');
  packages[4].signer = "KEY";
  return {manifest(), std::string(64, 'd'), cyclonedx(manifest(), packages)};
}

const std::vector<guest::InstalledPackage> installed{
    {"bash", "5", "amd64"},  {"kernel", "1", "amd64"}, {"kernel", "2", "amd64"}, {"new", "1", "amd64"},
    {"nvtop", "1", "amd64"}, {"ofed", "5.5", "amd64"}, {"updated", "2", "amd64"}};

Json resigned(const Before& old, const std::string& rest = "other") {
  const auto packages = packages_after(old, installed, {});
  const auto files =
      Json::parse(R"({"trees":["/etc"],"list":{"/etc/a":"1","/etc/c":"4","/etc/d":"5"},"rest":")" + rest + R"("})");
  return resigned_manifest(old, {"out.vhd", 1, "u", new_image, 1, {}}, {Json::array(), files, to_json(packages)}, "K",
                           1'800'000'000);
}

TEST(Resigned, SaysWhatTheImageWasAndWhatChanged) {
  const auto made = resigned(before());
  EXPECT_EQ(made.at("product").at("sha256"), new_image);
  EXPECT_EQ(made.at("time"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(made.at("resigned"),
            Json::parse(R"({"of":{"sha256":")" + old_image + R"(","manifest_sha256":")" + std::string(64, 'd') +
                        R"("},"time":"2027-01-15T08:00:00Z","changes":{
      "packages":{"added":{"count":2,"list":[{"name":"kernel","version":"2","arch":"amd64"},
                                             {"name":"new","version":"1","arch":"amd64"}]},
                  "removed":{"count":1,"list":[{"name":"gone","version":"1","arch":"amd64"}]},
                  "changed":{"count":1,"list":[{"name":"updated","arch":"amd64","old":"1","new":"2"}]}},
      "files":{"added":{"count":1,"list":["/etc/d"]},"removed":{"count":1,"list":["/etc/b"]},
               "changed":{"count":1,"list":["/etc/c"]},"names_or_modes_differ":true},
      "kernel":{"old":"K","new":"K"}}})"));
  EXPECT_EQ(verify::resigned_summary(made),
            "at 2027-01-15T08:00:00Z: packages 2 added, 1 removed, 1 changed; files 1 added, 1 removed, 1 changed");
  EXPECT_EQ(verify::resigned_summary(manifest()), "");
  // The part that is also in the image is as before.
  EXPECT_EQ(verify::inside_of(made), verify::inside_of(manifest()));
}

TEST(Resigned, PackagesKeepTheirOrigin) {
  std::vector<std::string> lines;
  for (const auto& package : packages_after(before(), installed, {}))
    lines.push_back(package.name + " " + package.version + ": " + package.from + " " + package.file +
                    package.sha256.substr(0, 1) + package.signer + (package.customize ? "customize" : ""));
  EXPECT_EQ(lines,
            (std::vector<std::string>{"bash 5: base ", "kernel 1: base ", "kernel 2: changed after the bake ",
                                      "new 1: changed after the bake ", "nvtop 1: extra packages focal customize",
                                      "ofed 5.5: bundle MLNX ofed.deb3KEY", "updated 2: changed after the bake "}));
}

TEST(Resigned, AManifestOfAnOlderBakeDoesNotSayWhichPackagesChanged) {
  auto old = before();
  old.manifest.erase("packages");
  old.cyclonedx = nullptr;
  const auto made = resigned(old);
  EXPECT_EQ(made.at("resigned").at("changes").at("packages"),
            Json::parse(R"({"unknown":"the earlier manifest does not list the packages"})"));
  EXPECT_EQ(made.at("packages").at(0).at("from"), "not recorded");
  EXPECT_EQ(verify::resigned_summary(made), "at 2027-01-15T08:00:00Z: files 1 added, 1 removed, 1 changed");
}

TEST(Resigned, LongListsAreCutAndCounted) {
  auto old = before();
  for (int i = 0; i < 1000; ++i) old.manifest["files"]["list"]["/etc/many" + std::to_string(i)] = "x";
  const auto removed = resigned(old).at("resigned").at("changes").at("files").at("removed");
  EXPECT_EQ(removed.at("count"), 1001);
  EXPECT_EQ(removed.at("list").size(), 200U);
}

TEST(Resigned, ASecondTimeNamesTheFirst) {
  const auto first = resigned(before());
  const auto second = resigned({first, std::string(64, 'e'), nullptr}, "other");
  EXPECT_EQ(second.at("resigned").at("of").at("sha256"), new_image);
  EXPECT_EQ(second.at("resigned").at("earlier"),
            Json::array({Json{{"of", first.at("resigned").at("of")}, {"time", "2027-01-15T08:00:00Z"}}}));
  EXPECT_EQ(verify::resigned_summary(second), "at 2027-01-15T08:00:00Z: no listed package or file differs");
}

TEST(Resigned, TheDocumentsNameTheImageBefore) {
  const auto made = resigned(before());
  const auto packages = packages_after(before(), installed, {});
  const auto statement = provenance(made, {});
  const auto& predicate = statement.at("predicate");
  EXPECT_EQ(predicate.at("buildDefinition").at("buildType"), "urn:bake:resign:v1");
  const auto& inputs = predicate.at("buildDefinition").at("resolvedDependencies");
  EXPECT_EQ(inputs.at(3), Json::parse(R"({"name":"the image before another program changed it","digest":{"sha256":")" +
                                      old_image + R"("}})"));
  EXPECT_EQ(inputs.at(4).at("digest").at("sha256"), std::string(64, 'd'));
  EXPECT_EQ(predicate.at("runDetails").at("metadata").at("finishedOn"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(testing::spdx_violations(sbom(made, packages)), testing::Violations());
  EXPECT_EQ(testing::cyclonedx_violations(cyclonedx(made, packages)), testing::Violations());
  EXPECT_NE(sbom(made, packages).at("documentNamespace"), sbom(manifest(), packages).at("documentNamespace"));
}

}  // namespace
}  // namespace bake::evidence
