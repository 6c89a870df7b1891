#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::recipe {
namespace {

const std::string head = "schema: bake/v1\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n";
const std::string gallery =
    "gallery: {resource_group: r, name: g, definition: d, publisher: p, offer: o, sku: s, location: westeurope";

std::string problems_of(const std::string& text) {
  try {
    parse(text, "images/r.yaml");
    return "no problem";
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(RecipeSecureBoot, IsOffByDefault) { EXPECT_FALSE(parse(head, "r.yaml").secure_boot); }

TEST(RecipeSecureBoot, FilesAreRelativeToTheRecipe) {
  const auto secure_boot =
      *parse(head + "secure_boot: {sign_with: keys/site.key, certificates: [keys/site.pem, /etc/vendor.der]}\n",
             "images/r.yaml")
           .secure_boot;
  EXPECT_EQ(secure_boot.sign_with, "images/keys/site.key");
  EXPECT_EQ(secure_boot.certificates, (std::vector<std::filesystem::path>{"images/keys/site.pem", "/etc/vendor.der"}));
}

TEST(RecipeSecureBoot, AUriStaysAsItIs) {
  const auto recipe = parse(
      head +
          "secure_boot: {sign_with: \"pkcs11:token=site;object=modules?pin-source=/etc/pin\", certificates: s.pem}\n",
      "images/r.yaml");
  EXPECT_EQ(recipe.secure_boot->sign_with, "pkcs11:token=site;object=modules?pin-source=/etc/pin");
}

TEST(RecipeSecureBoot, IsWrittenBack) {
  const auto recipe = parse(head + "secure_boot: {sign_with: /k/site.key, certificates: [/k/site.pem]}\n", "/r.yaml");
  const auto again = parse(write(recipe), "/r.yaml");
  EXPECT_EQ(again.secure_boot->sign_with, "/k/site.key");
  EXPECT_EQ(again.secure_boot->certificates, recipe.secure_boot->certificates);
  EXPECT_EQ(write(again), write(recipe));
}

TEST(RecipeSecureBoot, NeedsACertificate) {
  EXPECT_EQ(problems_of(head + "secure_boot: {sign_with: site.key}\n"),
            "reading recipe 'images/r.yaml': images/r.yaml:5: 'secure_boot' has no 'certificates' (the certificate of "
            "'sign_with' first: certificates: [site.pem])");
  EXPECT_EQ(problems_of(head + "secure_boot: {certificates: [site.pem], key: x}\n"),
            "reading recipe 'images/r.yaml': images/r.yaml:5: unknown key 'key' in secure_boot (known keys: "
            "certificates, sign_with)");
}

TEST(RecipeSecureBoot, RefusesAPin) {
  EXPECT_EQ(problems_of(head + "secure_boot: {sign_with: \"pkcs11:object=m?pin-value=1\", certificates: [s.pem]}\n"),
            "reading recipe 'images/r.yaml': images/r.yaml:5: 'sign_with' contains a PIN (name a file that has it: "
            "pin-source=FILE (RFC 7512))");
}

TEST(RecipeSecureBoot, RefusesAGalleryThatContradicts) {
  const auto with = head + "secure_boot: {certificates: [s.pem]}\n" + gallery;
  EXPECT_EQ(problems_of(with + "}\n"), "no problem");
  EXPECT_EQ(problems_of(with + ", hyper_v_generation: V2, features: [SecurityType=TrustedLaunchSupported]}\n"),
            "no problem");
  EXPECT_EQ(problems_of(with + ", hyper_v_generation: V1, features: [SecurityType=Standard]}\n"),
            "reading recipe 'images/r.yaml': 2 problems\n"
            "  images/r.yaml:6: 'secure_boot' needs generation 2, but 'gallery' says hyper_v_generation V1\n"
            "  images/r.yaml:6: 'secure_boot' needs Trusted Launch, but 'gallery' says SecurityType=Standard (remove "
            "the feature; packer/publish adds SecurityType=TrustedLaunchSupported)");
}

}  // namespace
}  // namespace bake::recipe
