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
  EXPECT_EQ(kind_of_bytes(std::string(257, '\0') + "ustar"), "a tar archive");
}

TEST(FileKind, OfYamlIsItsSchema) {
  EXPECT_EQ(kind_of_bytes("# mine\nschema: bake/fleet/v1  # of the lab\nimages: []\n"),
            "a YAML file with schema bake/fleet/v1");
  EXPECT_EQ(kind_of_bytes(std::string("schema: bake/v1") + std::string(10, '\0')), "a YAML file with schema bake/v1");
  EXPECT_EQ(kind_of_bytes("schema: \x1b[31m"), "a YAML file with schema \\x1b[31m");
  EXPECT_EQ(kind_of_bytes("schema: " + std::string(41, 'x')), "");
}

TEST(FileKind, OfOtherTextIsNotKnown) {
  EXPECT_EQ(kind_of_bytes("just text\n"), "");
  EXPECT_EQ(kind_of_bytes(""), "");
}

}  // namespace
}  // namespace bake
