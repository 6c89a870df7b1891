// What vouches for a bundle, what is said when nothing does, and what becomes
// of it when the bundle is added again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/cli/context.hpp"
#include "bake/ofed/bundle_json.hpp"
#include "ofed/store_fixture.hpp"

namespace bake::ofed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char *unsigned_hint =
    "if you can vouch for it yourself: --insecure-no-signature, together with "
    "--sha256 and the publisher's digest";

TEST_F(StoreTest, WhatIsNotSignedIsRefusedWithARemedy) {
  auto parts = testing::deb_bundle();
  parts.files.erase("DEBS/Release.gpg");
  const auto archive = archive_of(parts);
  EXPECT_EQ(testing::error_of([&] {
              store.add(archive, trusting(), progress);
            }).hint(),
            unsigned_hint);
  auto options = trusting();
  options.policy.insecure_no_signature = true;
  options.pin = digest_of_file(archive);
  options.pin_source = "command line";
  EXPECT_THAT(store.add(archive, options, progress).bundle.trust.overridden,
              ElementsAre("--insecure-no-signature"));
}

TEST_F(StoreTest, ManyUnsignedPackagesAreOneProblem) {
  auto parts = testing::rpm_bundle();
  const auto with = [&](int count) {
    for (int i = 0; i < count; ++i)
      parts.files[fmt::format("RPMS/x{}-1-1.x86_64.rpm", i)] =
          testing::make_rpm(fmt::format("x{}", i), "1", "1");
    index_rpms(parts, "RPMS");
    return store.verify_archive(archive_of(parts), trusting(), progress)
        .judgement.problems;
  };
  EXPECT_THAT(with(1), ElementsAre(Problem{"RPMS/x0-1-1.x86_64.rpm",
                                           "not signed", unsigned_hint}));
  EXPECT_THAT(with(2), ElementsAre(Problem{
                           parts.top,
                           "not signed (2 files: RPMS/x0-1-1.x86_64.rpm, "
                           "RPMS/x1-1-1.x86_64.rpm)",
                           unsigned_hint}));
  EXPECT_THAT(with(9), ElementsAre(Problem{
                           parts.top,
                           "not signed (9 files: RPMS/x0-1-1.x86_64.rpm, "
                           "RPMS/x1-1-1.x86_64.rpm, "
                           "RPMS/x2-1-1.x86_64.rpm and 6 more)",
                           unsigned_hint}));
}

TEST_F(StoreTest, DifferentTroubleWithSignaturesStaysApart) {
  auto parts = testing::rpm_bundle();
  for (const auto *name : {"a", "b"}) {
    parts.files[fmt::format("RPMS/{}-1-1.x86_64.rpm", name)] =
        testing::make_rpm(name, "1", "1", {}, [](const std::string &data) {
          return testing::stranger().sign(data, false);
        });
    parts.files[fmt::format("RPMS/{}{}-1-1.x86_64.rpm", name, name)] =
        testing::make_rpm(std::string(name) + name, "1", "1");
  }
  index_rpms(parts, "RPMS");
  const auto problems =
      store.verify_archive(archive_of(parts), trusting(), progress)
          .judgement.problems;
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(
      problems[0].message,
      HasSubstr(
          "which is not in your key ring (2 files: RPMS/a-1-1.x86_64.rpm, "));
  EXPECT_EQ(
      problems[1].message,
      "not signed (2 files: RPMS/aa-1-1.x86_64.rpm, RPMS/bb-1-1.x86_64.rpm)");
}

} // namespace
} // namespace bake::ofed
