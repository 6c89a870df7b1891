// Security point 2: repomd.xml and primary.xml are not signed, so the relations of rpms come from their signed headers.
#include <cstdlib>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/packages/rpm_header.hpp"
#include "bake/packages/rpm_index.hpp"
#include "tests/support/genuine_data.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::bundle {
namespace {

using namespace bake::testing;

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* tools = "RPMS/mlnx-tools-5.2.0-0.55103.x86_64.rpm";

/// A bundle whose index says more about mlnx-tools than its header: `entry` among its relations of this kind.
BundleParts bundle_with(const std::string& kind, const std::string& entry) {
  auto parts = rpm_bundle();
  index_rpms(parts, "RPMS", {{"mlnx-tools", fmt::format("<rpm:{0}>{1}</rpm:{0}>", kind, entry)}});
  return parts;
}

TEST_F(StoreTest, AnObsoleteThatOnlyTheUnsignedIndexHasIsRefused) {
  const auto parts = bundle_with("obsoletes", R"(<rpm:entry name="rdma-core" flags="LT" epoch="0" ver="99"/>)");
  const auto error = error_of([&] { store.add(archive_of(parts), trusting(), progress); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_EQ(error.message(),
            fmt::format("trusting bundle '{}': {}: differs from the index: only the index says that it "
                        "obsoletes 'rdma-core < 99'",
                        parts.top, tools));
  EXPECT_THAT(store.list(), IsEmpty());
}

TEST_F(StoreTest, EveryKindOfRelationIsComparedWithTheSignedHeader) {
  for (const std::string kind :
       {"provides", "requires", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances"}) {
    const auto archive = archive_of(bundle_with(kind, R"(<rpm:entry name="x"/>)"));
    EXPECT_THAT(store.verify_archive(archive, trusting(), progress).decision.problems,
                ElementsAre(Problem{
                    tools, fmt::format("differs from the index: only the index says that it {} 'x'", kind), ""}));
  }
}

TEST_F(StoreTest, RelationsInTheIndexThatTheHeaderHasAreAccepted) {
  const auto parts = bundle_with(
      "requires",
      R"x(<rpm:entry name="mlnx-tools" flags="GE" epoch="1" ver="5.2" rel="0" pre="1"/><rpm:entry name="libc.so.6()(64bit)"/>)x");
  EXPECT_THAT(store.verify_archive(archive_of(parts), trusting(), progress).decision.problems, IsEmpty());
}

TEST_F(StoreTest, TheSolverGetsTheRelationsOfTheSignedHeaders) {
  // This index has no relations and no files at all.
  const auto bundle = store.add(archive_of(rpm_bundle()), trusting(), progress).bundle;
  const auto texts = store::Store::index_texts(bundle, bundle.repositories.at(0));
  EXPECT_THAT(texts.packages, HasSubstr(R"(<rpm:entry name="mlnx-tools" flags="GE" epoch="1" ver="5.2" rel="0"/>)"));
  EXPECT_THAT(texts.packages, HasSubstr("<file>/lib/modules/4.18.0-193.el8.x86_64/extra/mlnx-ofa_kernel/mlx5_core.ko"));
  EXPECT_EQ(texts.filelists, "");
  const auto packages = parse_primary(texts.packages, "stored");
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(packages[1].name, "mlnx-tools");
  EXPECT_EQ(packages[1].file.file, "mlnx-tools-5.2.0-0.55103.x86_64.rpm");
  EXPECT_THAT(packages[1].relations.at("requires"), ElementsAre("libc.so.6()(64bit)", "mlnx-tools >= 1:5.2-0"));
}

TEST_F(StoreTest, AnRpmThatTheUnsignedIndexDoesNotListIsNamed) {
  auto parts = rpm_bundle();
  parts.files["RPMS/x-1-1.x86_64.rpm"] = make_rpm("x", "1", "1");
  const auto result = store.add(archive_of(parts), trusting(), progress);
  EXPECT_THAT(result.warnings,
              ElementsAre(fmt::format("'{}': no index lists these package files, so bake will not install them: "
                                      "RPMS/x-1-1.x86_64.rpm",
                                      parts.top)));
  EXPECT_EQ(result.bundle.repositories.at(0).packages.size(), 2U);
}

TEST_F(StoreTest, RelationsOfDebsAreCoveredByTheSignedRelease) {
  auto parts = deb_bundle();
  auto& packages = parts.files["DEBS/Packages"];
  const auto before = packages.size();
  packages.insert(packages.find("Description:"), "Conflicts: rdma-core\n");
  const auto error = error_of([&] { store.add(archive_of(parts), trusting(), progress); });
  EXPECT_EQ(error.message(), fmt::format("trusting bundle '{}': DEBS/Packages: is not what Release says: {} bytes "
                                         "expected, {} found",
                                         parts.top, before, packages.size()));
}

TEST(RpmRelations, WhatAnIndexMayLeaveOutIsRequirementsAndWeakRelations) {
  const std::vector<std::string> some{"a", "b"};
  EXPECT_EQ(relation_difference({}, {{"requires", some}, {"recommends", some}, {"enhances", some}}), "");
  EXPECT_EQ(relation_difference({{"obsoletes", {"a"}}}, {{"obsoletes", some}}),
            "only its header says that it obsoletes 'b'");
  EXPECT_EQ(relation_difference({}, {{"provides", some}}), "only its header says that it provides 'a'");
  EXPECT_EQ(relation_difference({{"conflicts", some}}, {{"conflicts", some}}), "");
}

TEST(RpmHeader, AFileNameInLatin1LeavesTheIndexReadable) {
  const auto bytes = make_rpm("x", "1", "1", {{"/usr/caf\xE9", "x"}, {"/usr/caf\xC3\xA9-2", "y"}});
  auto facts = read_rpm(archive::source_of(bytes), signature::KeyRing(), "x.rpm");
  EXPECT_THAT(facts.metadata, HasSubstr("<file>/usr/caf&#233;</file>"));
  EXPECT_THAT(facts.metadata, HasSubstr("<file>/usr/caf\xC3\xA9-2</file>"));
  facts.package.file = {"x.rpm", bytes.size(), {{DigestAlgorithm::sha256, digest_of(bytes)}}};
  EXPECT_EQ(parse_primary(primary_of({facts}), "made").size(), 1U);
}

/// Indexes that createrepo_c makes of genuine packages of CentOS 7 and RHEL 8, where a checkout of them is next to the
/// repository or in $BAKE_TEST_DATA.
class GenuineIndex : public ::testing::TestWithParam<std::string> {};

TEST_P(GenuineIndex, OfCreaterepoAgreesWithTheHeaders) {
  constexpr std::uintmax_t max_size = 1U << 20U;  // smaller packages are enough, and quick to read
  const auto directory = testing::genuine_data(GetParam());
  if (!fs::exists(directory)) GTEST_SKIP() << "the genuine packages are not in " << directory;
  const TemporaryDirectory scratch;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".rpm" && entry.file_size() < max_size)
      fs::create_symlink(fs::canonical(entry.path()), scratch.path() / entry.path().filename());
  const auto made = run_program({"createrepo_c", "--quiet", "--general-compress-type=gz", "--no-database",
                                 "--simple-md-filenames", scratch.path().string()});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto packed = read_text(scratch.path() / "repodata/primary.xml.gz");
  const auto packages = parse_primary(archive::unpack(packed, "primary.xml.gz", std::size_t{64} << 20U), "primary.xml");
  EXPECT_GT(packages.size(), 50U);
  for (const auto& package : packages) {
    const auto bytes = read_text(scratch.path() / package.file.file);
    const auto facts = read_rpm(archive::source_of(bytes), signature::KeyRing(), package.file.file);
    const auto own = parse_primary(primary_of_elements(primary_element(facts, package.file), 1), package.file.file);
    EXPECT_EQ(relation_difference(package.relations, own.at(0).relations), "") << package.file.file;
    EXPECT_EQ(own.at(0).installed_size, package.installed_size) << package.file.file;
  }
}

INSTANTIATE_TEST_SUITE_P(Userlands, GenuineIndex, ::testing::Values("el7-rpms", "el8-rpms"),
                         [](const auto& parameters) { return parameters.param.substr(0, 3); });

}  // namespace
}  // namespace bake::bundle
