// Security point 5: 'bake bundle verify NAME' derives from the payload what the store keeps, and compares both.
#include <fmt/format.h>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::store {
namespace {

using namespace bake::testing;

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* hint = "remove the bundle and add it again";
const std::string tools = "RPMS/mlnx-tools-5.2.0-0.55103.x86_64.rpm";

class DerivedTest : public StoreTest {
 protected:
  void SetUp() override { bundle = store.add(archive_of(rpm_bundle()), trusting(), progress).bundle; }

  /// Changes bundle.json as someone can who may write to the store.
  void change(const std::function<void(bundle::Json&)>& edit) {
    const auto file = bundle.directory / "bundle.json";
    auto json = bundle::Json::parse(read_text(file));
    edit(json);
    write_text_atomically(file, bundle::dump(json));
    bundle = store.list().at(0);
  }
  std::vector<Problem> problems() { return store.verify(bundle, trusting(), progress).decision.problems; }
  [[nodiscard]] bundle::IndexTexts index() const { return Store::index_texts(bundle, bundle.repositories.at(0)); }

  bundle::Bundle bundle;
};

class DerivedDebTest : public DerivedTest {
 protected:
  void SetUp() override { bundle = store.add(archive_of(deb_bundle()), trusting(), progress).bundle; }
};

TEST_F(DerivedTest, WhatIsAsItWasAddedIsTrusted) { EXPECT_THAT(problems(), IsEmpty()); }

TEST_F(DerivedTest, AnotherDistributionInBundleJsonIsNamed) {
  change([](auto& json) { json["distro"] = "rhel7.9"; });
  EXPECT_THAT(problems(),
              ElementsAre(Problem{"bundle.json", "its distro is 'rhel7.9', the payload's is 'rhel8.2'", hint}));
}

TEST_F(DerivedTest, AnotherVersionOrDigestOfAPackageInBundleJsonIsNamed) {
  for (const std::string key : {"version", "sha256"}) {
    const auto before = read_text(bundle.directory / "bundle.json");
    change([&](auto& json) { json["repositories"][0]["packages"][1][key] = "9"; });
    EXPECT_THAT(problems(),
                ElementsAre(Problem{"bundle.json: repository RPMS",
                                    fmt::format("package '{}' differs from the payload in '{}'", tools, key), hint}));
    write_text_atomically(bundle.directory / "bundle.json", before);
  }
}

TEST_F(DerivedTest, APackageThatBundleJsonLacksOrInventsIsNamed) {
  change([](auto& json) { json["repositories"][0]["packages"][1]["file"] = "RPMS/y.rpm"; });
  EXPECT_THAT(
      problems(),
      ElementsAre(Problem{"bundle.json: repository RPMS",
                          "package '" + tools + "' is in the payload, but not in bundle.json", hint},
                  Problem{"bundle.json: repository RPMS",
                          "package 'RPMS/y.rpm' is in bundle.json, but no sound package of the payload", hint}));
}

TEST_F(DerivedTest, AnotherSignerInBundleJsonIsNamed) {
  change([](auto& json) { json["trust"]["signer"] = "ABCD"; });
  EXPECT_THAT(problems(), ElementsAre(Problem{
                              "bundle.json",
                              "records the signer 'ABCD', the signatures say '" + vendor().fingerprint() + "'", hint}));
}

TEST_F(DerivedDebTest, AnotherSignerInBundleJsonIsNamed) {
  EXPECT_THAT(problems(), IsEmpty());
  change([](auto& json) { json["trust"]["signer"] = "ABCD"; });
  EXPECT_THAT(problems(), ElementsAre(Problem{
                              "bundle.json",
                              "records the signer 'ABCD', the signatures say '" + vendor().fingerprint() + "'", hint}));
}

TEST_F(DerivedTest, ARecordedSignerWhoseKeyIsNotTrustedIsNamed) {
  AddOptions options;
  options.pin = bundle.id();
  options.pin_source = "command line";
  EXPECT_THAT(store.verify(bundle, options, progress).decision.problems,
              ElementsAre(Problem{
                  "bundle.json",
                  "records the signer '" + vendor().fingerprint() + "', but no trusted key signed all of the bundle",
                  "name the key file with --keyring, or trust it",
                  {{Remedy::Action::trust_key}}}));
}

TEST_F(DerivedTest, ABakeFindsTheSignerAgain) {
  EXPECT_EQ(store.judge_again(bundle, progress), std::nullopt) << "the ring lacks the key: only the record vouches";
  store.trust(trusting().keyrings.at(0));
  const auto trust = store.judge_again(bundle, progress);
  ASSERT_TRUE(trust);
  EXPECT_EQ(trust->signer, vendor().fingerprint());
}

TEST_F(DerivedDebTest, ABakeRefusesAnUnsignedBundleWithARecordedSigner) {
  auto parts = deb_bundle();
  parts.files.erase("DEBS/Release.gpg");
  AddOptions unchecked;
  unchecked.policy.insecure_no_pin = true;
  store.remove(bundle.name);
  bundle = store.add(write("unsigned.tgz", parts.archive()), unchecked, progress).bundle;
  store.trust(trusting().keyrings.at(0));
  EXPECT_EQ(store.judge_again(bundle, progress), std::nullopt);
  change([](auto& json) { json["trust"]["signer"] = vendor().fingerprint(); });
  const auto error = error_of([&] { static_cast<void>(store.judge_again(bundle, progress)); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("not signed"));
}

TEST_F(DerivedTest, ABakeRefusesABundleForWhichNothingVouches) {
  change([](auto& json) { json["trust"]["signer"] = ""; });
  const auto error = error_of([&] { static_cast<void>(store.judge_again(bundle, progress)); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("no pinned sha256 and no signature by a trusted key"));
}

TEST_F(DerivedTest, ABakeRefusesAnotherDescription) {
  change([](auto& json) { json["distro"] = "rhel8.9"; });
  EXPECT_EQ(error_of([&] { static_cast<void>(store.judge_again(bundle, progress)); }).kind(), ErrorKind::untrusted);
}

TEST_F(DerivedTest, BundleJsonSwitchesNoCheckOff) {
  change([](auto& json) {
    json["trust"]["signer"] = "";
    json["trust"]["overridden"] = {"--insecure-no-pin", "--insecure-no-signature", "--x"};
  });
  const auto recorded = [](const std::string& flag, const std::string& advice) {
    return Problem{"bundle.json", "records that the bundle was added with " + flag, advice};
  };
  EXPECT_THAT(
      store.verify(bundle, {}, progress).decision.problems,
      ElementsAre(Problem{bundle.name,
                          "no pinned sha256 and no signature by a trusted key",
                          "pass --sha256 with the publisher's digest, or trust the vendor's key, or pass "
                          "--insecure-no-pin",
                          {{Remedy::Action::trust_key}}},
                  recorded("--insecure-no-pin", "pass --insecure-no-pin again if you still accept that"),
                  recorded("--insecure-no-signature", "pass --insecure-no-signature again if you still accept that"),
                  recorded("--x", hint)));
  AddOptions options;
  options.policy.insecure_no_pin = true;
  options.policy.insecure_no_signature = true;
  EXPECT_THAT(store.verify(bundle, options, progress).decision.problems, ElementsAre(recorded("--x", hint)));
}

TEST_F(DerivedTest, AChangedIndexIsNamedAndNeverReachesTheSolver) {
  const auto file = bundle.directory / "index/flat/packages";
  const auto before = read_text(file);
  write_text_atomically(
      file, replace_all(before, "</format>", "<rpm:obsoletes><rpm:entry name=\"x\"/></rpm:obsoletes></format>"));
  EXPECT_THAT(problems(), ElementsAre(Problem{(bundle.directory / "index/flat").string(),
                                              "differs from what the payload says", hint}));
  const auto error = error_of([&] { static_cast<void>(index()); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_EQ(error.message(),
            fmt::format("reading the index of '{}': its sha256 is {}, the store added it as {}", bundle.name,
                        bundle::digest_of_index({read_text(file)}), bundle.repositories.at(0).index_sha256));
  EXPECT_EQ(error.remedies(), (std::vector<Remedy>{{Remedy::Action::remove_bundle, bundle.name}}));
  // An index and its digest that were changed together pass for the solver, but not here.
  change([&](auto& json) { json["repositories"][0]["index_sha256"] = bundle::digest_of_index({read_text(file)}); });
  EXPECT_THAT(
      problems(),
      ElementsAre(Problem{"bundle.json: repository RPMS", "differs from the payload in 'index_sha256'", hint},
                  Problem{(bundle.directory / "index/flat").string(), "differs from what the payload says", hint}));
}

TEST_F(DerivedTest, ABundleOfAnEarlierBakeIsNotUsed) {
  change([](auto& json) { json["repositories"][0].erase("index_sha256"); });
  EXPECT_EQ(error_of([&] { static_cast<void>(index()); }).message(),
            fmt::format("reading the index of '{}': an earlier bake stored it and did not compare it with the packages",
                        bundle.name));
  EXPECT_THAT(problems(),
              ElementsAre(Problem{"bundle.json: repository RPMS", "differs from the payload in 'index_sha256'", hint}));
}

TEST_F(DerivedTest, TheNamesInThePayloadCountAndNotTheNamesInTheStore) {
  auto payload = read_text(bundle.payload());
  const std::string name = "mlnx-tools-5.2.0-0.55103.x86_64.rpm";
  payload[payload.rfind(name)] = 'x';  // the directories are behind the data
  write_text_atomically(bundle.payload(), payload);
  change([&](auto& json) { json["payload"]["sha256"] = digest_of(payload); });
  const auto found = problems();
  EXPECT_THAT(found, Contains(Problem{tools, "the index lists it, but the bundle does not contain it", ""}));
  EXPECT_THAT(
      found, Contains(Problem{"bundle.json: repository RPMS",
                              "package '" + tools + "' is in bundle.json, but no sound package of the payload", hint}));
}

TEST_F(DerivedTest, APayloadThatHidesASecondFileSystemIsRefused) {
  auto payload = read_text(bundle.payload());
  payload[1080] = '\x53';  // the magic number of ext2
  payload[1081] = '\xEF';
  write_text_atomically(bundle.payload(), payload);
  change([&](auto& json) { json["payload"]["sha256"] = digest_of(payload); });
  EXPECT_EQ(error_of([&] { problems(); }).message(),
            "reading payload '" + bundle.payload().string() + "': its system area is not empty");
}

}  // namespace
}  // namespace bake::store
