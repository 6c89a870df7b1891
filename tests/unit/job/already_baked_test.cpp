// The images that `bake image --if-needed` skips. The tests bake nothing; they write the files that a bake would write.
#include "bake/job/already_baked.hpp"

#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/evidence/manifest.hpp"
#include "bake/job/plan.hpp"
#include "bake/signature/signing.hpp"
#include "tests/support/baked_fixture.hpp"
#include "tests/support/module_key.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class AlreadyBakedImage : public testing::BakedTest {
 protected:
  AlreadyBakedImage() { write_manifest(); }

  recipe::Recipe recipe() { return recipe::load(top_ / "r.yaml"); }

  /// Returns the manifest of a bake at `time`, with only the fields that already_baked() reads.
  void write_manifest(const std::string& time = "2026-01-01T00:00:00Z") {
    auto key = key_parts(recipe(), select_driver(recipe(), environment_), environment_);
    key.base = digest_of("the base");
    write("out.vhd.manifest.json", Json{{"schema", "bake-manifest/v1"},
                                        {"time", time},
                                        {"key", key_of(key)},
                                        {"base", {{"sha256", key.base}}},
                                        {"product", {{"sha256", digest_of("the output")}}}}
                                       .dump());
  }

  std::string reason(const std::string& private_pem = {}) {
    const auto found = already_baked(recipe(), top_ / "out.vhd", environment_, private_pem);
    EXPECT_EQ(found.manifest.has_value(), found.reason.empty());
    return found.reason;
  }
};

TEST_F(AlreadyBakedImage, IsTheImageOfTheRecipe) {
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(already_baked(recipe(), top_ / "out.vhd", environment_).manifest->at("time"), "2026-01-01T00:00:00Z");
}

TEST_F(AlreadyBakedImage, TheTimeOfTheBakeDoesNotCount) {
  write_manifest("2027-01-01T00:00:00Z");
  EXPECT_EQ(reason(), "");
}

TEST_F(AlreadyBakedImage, TheGalleryDoesNotCount) {
  write("r.yaml", std::string(testing::recipe_text) + "gallery: {resource_group: r, name: n, definition: d}\n");
  EXPECT_EQ(reason(), "");
}

TEST_F(AlreadyBakedImage, AnotherCertificateIsAnotherImage) {
  const auto certificate = [&](const signature::ModuleKey& key, const std::string& file) {
    write(file, signature::pem_of(key.certificate));
    write("r.yaml", std::string(testing::recipe_text) +
                        "secure_boot: {sign_with: \"pkcs11:object=m\", certificates: [" + file + "]}\n");
  };
  certificate(testing::site_key(), "site.pem");
  write_manifest();
  EXPECT_EQ(reason(), "");
  certificate(testing::site_key(), "the-same.pem");
  EXPECT_EQ(reason(), "");
  certificate(testing::vendor_key(), "site.pem");
  EXPECT_EQ(reason(), "the recipe, the driver bundle, the matrix or bake itself changed");
}

TEST_F(AlreadyBakedImage, AMissingOutputIsNotBaked) {
  fs::remove(top_ / "out.vhd");
  EXPECT_EQ(reason(), "there is no output");
}

TEST_F(AlreadyBakedImage, AChangedRecipeIsAnotherImage) {
  write("r.yaml", std::string(testing::recipe_text) + "generalize: true\n");
  EXPECT_EQ(reason(), "the recipe, the driver bundle, the matrix or bake itself changed");
}

TEST_F(AlreadyBakedImage, TamperedFilesAreFound) {
  write("base.vhd", "THE base");
  EXPECT_EQ(reason(), "the base changed");
  write("base.vhd", "the base");
  write("out.vhd", "THE output");
  EXPECT_EQ(reason(), "its output was changed");
}

TEST_F(AlreadyBakedImage, OtherDocumentsAreNoManifest) {
  for (const auto* text :
       {"", "[]", "{}", R"({"schema": "bake-manifest/v1"})",
        R"({"schema": "bake-manifest/v1", "key": 1, "base": {"sha256": ""}, "product": {"sha256": ""}})",
        R"({"schema": "bake-manifest/v1", "key": "", "base": 1, "product": {"sha256": ""}})"}) {
    write("out.vhd.manifest.json", text);
    EXPECT_EQ(reason(), "its manifest is missing or of another image") << text;
  }
  fs::remove(top_ / "out.vhd.manifest.json");
  EXPECT_EQ(reason(), "its manifest is missing or of another image");
}

TEST_F(AlreadyBakedImage, AnotherPinIsADifference) {
  write("r.yaml", replace_all(testing::recipe_text, "base: base.vhd",
                              "base: {path: base.vhd, sha256: " + digest_of("another") + "}"));
  EXPECT_EQ(reason(), "the recipe pins another base");
}

TEST_F(AlreadyBakedImage, WithAKeyTheProvenanceMustBeSigned) {
  EXPECT_EQ(reason(signature::new_key_pair().private_pem), "provenance: there is no out.vhd.provenance.json");
}

TEST(ImageManifest, HasTheContentAddress) {
  evidence::Origin origin;
  origin.key = "K";
  EXPECT_EQ(evidence::image_manifest(plan::Plan{}, origin)["key"], "K");
}

}  // namespace
}  // namespace bake::job
