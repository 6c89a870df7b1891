// What vouches for a bundle, what is said when nothing does, and what becomes
// of it when the bundle is added again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::bundle {
namespace {

using namespace bake::testing;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* unsigned_hint =
    "if you can vouch for it yourself: --insecure-no-signature, together with "
    "--sha256 and the publisher's digest";

TEST_F(StoreTest, WhatIsNotSignedIsRefusedWithARemedy) {
  auto parts = testing::deb_bundle();
  parts.files.erase("DEBS/Release.gpg");
  const auto archive = archive_of(parts);
  EXPECT_EQ(testing::error_of([&] { store.add(archive, trusting(), progress); }).hint(), unsigned_hint);
  auto options = trusting();
  options.policy.insecure_no_signature = true;
  options.pin = digest_of_file(archive);
  options.pin_source = "command line";
  EXPECT_THAT(store.add(archive, options, progress).bundle.trust.overridden, ElementsAre("--insecure-no-signature"));
}

TEST_F(StoreTest, ManyUnsignedPackagesAreOneProblem) {
  auto parts = testing::rpm_bundle();
  const auto with = [&](int count) {
    for (int i = 0; i < count; ++i)
      parts.files[fmt::format("RPMS/x{}-1-1.x86_64.rpm", i)] = testing::make_rpm(fmt::format("x{}", i), "1", "1");
    index_rpms(parts, "RPMS");
    return store.verify_archive(archive_of(parts), trusting(), progress).decision.problems;
  };
  EXPECT_THAT(with(1), ElementsAre(Problem{"RPMS/x0-1-1.x86_64.rpm", "not signed", unsigned_hint}));
  EXPECT_THAT(with(2), ElementsAre(Problem{parts.top,
                                           "not signed (2 files: RPMS/x0-1-1.x86_64.rpm, "
                                           "RPMS/x1-1-1.x86_64.rpm)",
                                           unsigned_hint}));
  EXPECT_THAT(with(9), ElementsAre(Problem{parts.top,
                                           "not signed (9 files: RPMS/x0-1-1.x86_64.rpm, "
                                           "RPMS/x1-1-1.x86_64.rpm, "
                                           "RPMS/x2-1-1.x86_64.rpm and 6 more)",
                                           unsigned_hint}));
}

TEST_F(StoreTest, DifferentTroubleWithSignaturesStaysApart) {
  auto parts = testing::rpm_bundle();
  for (const auto* name : {"a", "b"}) {
    parts.files[fmt::format("RPMS/{}-1-1.x86_64.rpm", name)] = testing::make_rpm(
        name, "1", "1", {}, [](const std::string& data) { return testing::stranger().sign(data, false); });
    parts.files[fmt::format("RPMS/{}{}-1-1.x86_64.rpm", name, name)] =
        testing::make_rpm(std::string(name) + name, "1", "1");
  }
  index_rpms(parts, "RPMS");
  const auto problems = store.verify_archive(archive_of(parts), trusting(), progress).decision.problems;
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].message, HasSubstr("which is not in your key ring (2 files: RPMS/a-1-1.x86_64.rpm, "));
  EXPECT_EQ(problems[1].message, "not signed (2 files: RPMS/aa-1-1.x86_64.rpm, RPMS/bb-1-1.x86_64.rpm)");
}

class MatrixDigests : public StoreTest {
 protected:
  /// `bake bundle add` with a matrix that knows this digest.
  int add(const std::filesystem::path& archive, const std::string& known, const std::string& flag = {}) {
    std::filesystem::create_directories(scratch.path() / "overlay");
    write("overlay/bundles.yaml",
          "bundles:\n  - ofed: \"5.5-1.0.3.2\"\n    "
          "distro: ubuntu20.04\n    sha256: \"" +
              known + "\"\n    source: \"a test\"\n");
    std::vector<std::string> arguments{"bundle",
                                       "add",
                                       archive.string(),
                                       "--store",
                                       store.directory().string(),
                                       "--matrix",
                                       (scratch.path() / "overlay").string(),
                                       "--progress",
                                       "none"};
    if (!flag.empty()) arguments.push_back(flag);
    return cli::run(arguments, out, err);
  }
  std::ostringstream out, err;
};

TEST_F(MatrixDigests, VouchWhateverTheFileIsCalled) {
  const auto archive = write("ofed.tgz", testing::deb_bundle().archive());
  EXPECT_EQ(add(archive, std::string(64, 'b')), 4);
  EXPECT_THAT(err.str(), HasSubstr("no pinned sha256 and no signature by a trusted key"));
  EXPECT_EQ(add(archive, digest_of_file(archive)), 0) << err.str();
  EXPECT_EQ(store.list().at(0).trust.pin, "matrix");
}

TEST_F(MatrixDigests, ADigestLearnedLaterVouchesForWhatIsStored) {
  const auto archive = write("ofed.tgz", testing::deb_bundle().archive());
  EXPECT_EQ(add(archive, std::string(64, 'b'), "--insecure-no-pin"), 0) << err.str();
  EXPECT_THAT(store.list().at(0).trust.overridden, ElementsAre("--insecure-no-pin"));
  EXPECT_EQ(add(archive, digest_of_file(archive)), 0) << err.str();
  EXPECT_EQ(store.list().at(0).trust.pin, "matrix");
  EXPECT_THAT(store.list().at(0).trust.overridden, IsEmpty());
}

TEST_F(StoreTest, AddingAgainAsksAgainWhoVouches) {
  const auto archive = archive_of(testing::deb_bundle());
  store::AddOptions careless;
  careless.policy.insecure_no_pin = true;
  store.add(archive, careless, progress);
  const auto before = testing::listing(store.directory());
  const auto error = testing::error_of([&] { store.add(archive, {}, progress); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("no pinned sha256 and no signature by a trusted key"));
  store.trust(write("else.asc", testing::stranger().public_key()));
  EXPECT_THAT(testing::error_of([&] { store.add(archive, careless, progress); }).message(),
              HasSubstr("which is not in your key ring"));
  store.remove(testing::deb_bundle().top);
  EXPECT_THAT(store.list(), IsEmpty());
  EXPECT_NE(before, testing::listing(store.directory()));
}

TEST_F(StoreTest, WhatVouchesLaterIsRecorded) {
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& [path, digest] : testing::listing(store.directory() / "bundles")) all.push_back(path);
    return all;
  };
  const auto archive = archive_of(testing::deb_bundle());
  store::AddOptions careless;
  careless.policy.insecure_no_pin = true;
  const auto first = store.add(archive, careless, progress).bundle;
  const auto before = names();
  EXPECT_TRUE(store.add(archive, pinned(archive), progress).already_there);
  EXPECT_EQ(store.list().at(0).trust.pin, "command line");
  EXPECT_THAT(store.list().at(0).trust.overridden, IsEmpty());
  store.trust(write("vendor.asc", testing::vendor().public_key()));
  store.add(archive, {}, progress);
  const auto last = store.list().at(0);
  EXPECT_EQ(last.trust.pin, "command line");
  EXPECT_EQ(last.trust.signer, testing::vendor().fingerprint());
  EXPECT_EQ(last.payload_sha256, first.payload_sha256);
  EXPECT_EQ(to_json(last).at("repositories"), to_json(first).at("repositories"));
  EXPECT_EQ(names(), before);  // nothing else came or went
}

TEST_F(StoreTest, WhatVouchedOnceIsNotForgotten) {
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, trusting(), progress);
  store.add(archive, pinned(archive), progress);  // without that key ring
  EXPECT_EQ(store.list().at(0).trust.signer, testing::vendor().fingerprint());
  EXPECT_EQ(store.list().at(0).trust.pin, "command line");
  const auto before = testing::listing(store.directory());
  auto careless = pinned(archive);
  careless.policy = {.allow_rebuilt = true, .insecure_no_pin = true, .insecure_no_signature = true};
  store.add(archive, careless, progress);
  EXPECT_EQ(testing::listing(store.directory()), before);
}

TEST_F(StoreTest, AddingAgainNoticesAPayloadThatRotted) {
  const auto archive = archive_of(testing::deb_bundle());
  const auto bundle = store.add(archive, pinned(archive), progress).bundle;
  auto payload = read_text(bundle.payload());
  payload.back() = static_cast<char>(payload.back() ^ 1);
  write_text_atomically(bundle.payload(), payload);
  const auto error = testing::error_of([&] { store.add(archive, pinned(archive), progress); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("its digest differs from the one that was stored"));
  EXPECT_EQ(error.hint(), "remove the bundle and add it again");
}

TEST_F(StoreTest, WhatCameWithoutItsIndexIsTakenInAnew) {
  const auto archive = archive_of(testing::deb_bundle());
  auto careless = pinned(archive);
  careless.policy.insecure_no_index = true;
  store.add(archive, careless, progress);
  EXPECT_TRUE(store.add(archive, careless, progress).already_there);
  const auto error = testing::error_of([&] { store.add(archive, pinned(archive), progress); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(),
              HasSubstr("it was added with --insecure-no-index, so the store does not have its index"));
  EXPECT_EQ(error.hint(), "remove it, then add it again");
  EXPECT_EQ(error.remedies(),
            (std::vector<Remedy>{{Remedy::Action::remove_bundle, "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64"}}));
}

/// Without what begins with `mark`, up to the next paragraph or the end.
std::string without_lines(const std::string& text, const std::vector<std::string>& marks) {
  std::string kept;
  bool skip = false;
  for (const auto& line : split_lines(text)) {
    if (line.empty() || line.front() != ' ')
      skip = std::any_of(marks.begin(), marks.end(), [&](const auto& mark) { return line.starts_with(mark + ":"); });
    if (!skip) kept += std::string(line) + "\n";
  }
  return kept;
}

TEST_F(StoreTest, WeakDigestsOfAnIndexAreNamedOrRefused) {
  auto parts = testing::deb_bundle();
  parts.files["DEBS/Packages"] = without_lines(parts.files["DEBS/Packages"], {"SHA1", "SHA256", "SHA512"});
  sign_debs(parts, "DEBS", "5.5-1.0.3.2", testing::vendor());
  parts.files["DEBS/Release"] = without_lines(parts.files["DEBS/Release"], {"SHA256", "SHA512"});
  parts.files["DEBS/Release.gpg"] = testing::vendor().sign(parts.files["DEBS/Release"]);
  const auto archive = archive_of(parts);
  auto strict = trusting();
  strict.policy.allow_weak = false;
  const auto problems = store.verify_archive(archive, strict, progress).decision.problems;
  EXPECT_THAT(problems, ElementsAre(Problem{parts.top, "weak index digests: MD5", ""},
                                    Problem{parts.top, "weak index digests: SHA1", ""}));
  EXPECT_EQ(testing::error_of([&] { store.add(archive, strict, progress); }).kind(), ErrorKind::untrusted);
  // Named whether or not a signature is looked at.
  EXPECT_THAT(store.verify_archive(archive, trusting(), progress).decision.trust.weak,
              ElementsAre("index digests: MD5", "index digests: SHA1"));
  EXPECT_THAT(store.add(archive, pinned(archive), progress).bundle.trust.weak,
              ElementsAre("index digests: MD5", "index digests: SHA1"));
}

TEST_F(StoreTest, WeakDigestsOfRepomdAreNamed) {
  auto parts = testing::rpm_bundle();
  auto& repomd = parts.files["RPMS/repodata/repomd.xml"];
  const auto& primary = parts.files["RPMS/repodata/primary.xml.gz"];
  repomd = replace_all(repomd, "<checksum type=\"sha256\">" + digest_of(primary),
                       "<checksum type=\"sha\">" + digest_of(primary, DigestAlgorithm::sha1));
  EXPECT_THAT(store.add(archive_of(parts), trusting(), progress).bundle.trust.weak, ElementsAre("index digests: SHA1"));
}

}  // namespace
}  // namespace bake::bundle
