// Licences and addresses of packages in SBOMs.
#include "bake/evidence/licence.hpp"

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/evidence/purl.hpp"
#include "tests/support/sbom_rules.hpp"

namespace bake::evidence {
namespace {

TEST(LicenceExpression, IsRecognized) {
  for (const auto* text :
       {"MIT", "GPL-2.0-or-later", "mit", "Apache-2.0 AND (MIT OR GPL-2.0-only)", "((MIT))", "LGPL-2.1-only+",
        "GPL-3.0-only WITH GCC-exception-3.1", "(GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause"})
    EXPECT_EQ(licence_expression(text), text) << text;
  EXPECT_EQ(licence_expression(" MIT "), "MIT");
}

TEST(LicenceExpression, OtherTextIsNone) {
  for (const auto* text : {"",
                           " ",
                           "GPLv2+",
                           "BSD",
                           "GPLv2+ and BSD",
                           "MIT and BSD-3-Clause",
                           "MIT BSD-3-Clause",
                           "MIT AND",
                           "AND MIT",
                           "(MIT",
                           "MIT)",
                           "()",
                           "MIT OR OR ISC",
                           "MIT WITH",
                           "MIT WITH MIT",
                           "GPL-2.0-only WITH nothing",
                           "LicenseRef-x",
                           "WITH",
                           "MIT;ISC",
                           "MIT\tAND\tISC"})
    EXPECT_EQ(licence_expression(text), std::nullopt) << text;
  EXPECT_EQ(licence_expression(std::string(100'000, '(')), std::nullopt);
}

TEST(LicenceReference, HasOnlyAllowedCharacters) {
  EXPECT_EQ(licence_reference("GPLv2+ and BSD"),
            "LicenseRef-rpm-GPLv2-and-BSD-" + digest_of("GPLv2+ and BSD").substr(0, 8));
  EXPECT_NE(licence_reference("GPLv2+"), licence_reference("GPLv2"));
  EXPECT_EQ(licence_reference("+++"), "LicenseRef-rpm-" + digest_of("+++").substr(0, 8));
  for (const std::string text : {"a/b\\c_d", "\x1b[0m", "(GPL+ or Artistic) and (GPLv2 or LGPLv2+) and (MIT) and more"})
    EXPECT_TRUE(testing::matches(licence_reference(text), "LicenseRef-[A-Za-z0-9.-]{1,60}")) << licence_reference(text);
}

TEST(Purl, HasQualifiersInOrder) {
  EXPECT_EQ(purl_of({"rpm", "rhel", "8.2"}, "bind-libs", "32:9.11.13-3.el8", "x86_64"),
            "pkg:rpm/rhel/bind-libs@9.11.13-3.el8?arch=x86_64&distro=rhel-8.2&epoch=32");
  EXPECT_EQ(purl_of({"rpm", "rhel", ""}, "x", "0:1-2", "noarch"), "pkg:rpm/rhel/x@1-2?arch=noarch");
  // A colon is not encoded (purl-spec, "character encoding"); the name of a deb is in lower case.
  EXPECT_EQ(purl_of({"deb", "Ubuntu", "20.04"}, "libStdc++6", "1:10.5~rc-1ubuntu1", "amd64"),
            "pkg:deb/ubuntu/libstdc%2B%2B6@1:10.5~rc-1ubuntu1?arch=amd64&distro=Ubuntu-20.04");
}

TEST(Purl, OfAnyNameIsValid) {
  EXPECT_TRUE(testing::is_purl(purl_of({"rpm", "centos", "7.7"}, "a/b?c#d@e", "1&2=3", "\\x1b")));
  EXPECT_FALSE(testing::is_purl("pkg:rpm/centos/a@1?epoch=1&arch=x"));
  EXPECT_FALSE(testing::is_purl("pkg:rpm/centos/a b@1"));
}

}  // namespace
}  // namespace bake::evidence
