#include "bake/base/file_kind.hpp"

#include <gtest/gtest.h>

namespace bake {
namespace {

TEST(FileKind, IsToldByTheFirstBytes) {
  EXPECT_EQ(kind_of_bytes("\x1f\x8b\x08"), "a gzip file");
  EXPECT_EQ(kind_of_bytes("\xed\xab\xee\xdb"), "an rpm package");
  EXPECT_EQ(kind_of_bytes("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), "an OpenPGP public key");
  EXPECT_EQ(kind_of_bytes("-----BEGIN PRIVATE KEY-----\n"), "a private key");
  EXPECT_EQ(kind_of_bytes("-----BEGIN CERTIFICATE-----\n"), "a PEM file");
  std::string tar(257, '\0');
  tar += "ustar";
  EXPECT_EQ(kind_of_bytes(tar), "a tar archive");
}

TEST(FileKind, SaysWhatIsCompressed) {
  EXPECT_TRUE(is_compressed("\x1f\x8b\x08"));
  EXPECT_TRUE(is_compressed("BZh9"));
  EXPECT_FALSE(is_compressed("\xed\xab\xee\xdb"));
  EXPECT_FALSE(is_compressed("just text\n"));
  EXPECT_FALSE(is_compressed(""));
}

TEST(FileKind, OfYamlIsItsSchema) {
  EXPECT_EQ(kind_of_bytes("# mine\nschema: bake/fleet/v1  # of the lab\nimages: []\n"),
            "a YAML file with schema bake/fleet/v1");
  std::string padded = "schema: bake/v1";
  padded.resize(25, '\0');
  EXPECT_EQ(kind_of_bytes(padded), "a YAML file with schema bake/v1");
  EXPECT_EQ(kind_of_bytes("schema: \x1b[31m"), "a YAML file with schema \\x1b[31m");
  std::string longer = "schema: ";
  longer.resize(49, 'x');
  EXPECT_EQ(kind_of_bytes(longer), "");
}

TEST(FileKind, OfOtherTextIsNotKnown) {
  EXPECT_EQ(kind_of_bytes("just text\n"), "");
  EXPECT_EQ(kind_of_bytes(""), "");
}

}  // namespace
}  // namespace bake
