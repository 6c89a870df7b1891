// Extra packages: the checks when they are added to the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/bundle/bundle_json.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::store {
namespace {

using namespace bake::testing;

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExtrasTest : public StoreTest {
 protected:
  fs::path directory_of(const std::string& name, const std::map<std::string, std::string>& files) const {
    fs::create_directories(scratch.path() / name);
    for (const auto& [file, content] : files) write(name + "/" + file, content);
    return scratch.path() / name;
  }
  /// Runs `bake bundle add …`. Returns the JSON document that it prints and puts its messages into `messages`.
  bundle::Json add(std::vector<std::string> arguments, int expected) {
    arguments.insert(arguments.begin(),
                     {"--store", store.directory().string(), "--json", "--progress", "none", "bundle", "add"});
    std::ostringstream out, err;
    EXPECT_EQ(cli::run(arguments, out, err), expected) << out.str() << err.str();
    messages = err.str();
    return bundle::Json::parse(out.str(), nullptr, false);
  }

  std::string messages;
};

TEST_F(ExtrasTest, PackagesOfADistributionAreNotSearchedForModules) {
  const auto debs = directory_of(
      "debs", {{"linux-modules-extra-5.4.0-26-generic_5.4.0-26.30_amd64.deb",
                testing::make_deb("linux-modules-extra-5.4.0-26-generic", "5.4.0-26.30", "amd64",
                                  {{"/lib/modules/5.4.0-26-generic/kernel/net/x.ko", "not an ELF file"}})}});
  const auto extras = store.add_extras(debs, "focal", "ubuntu20.04", progress);
  ASSERT_EQ(extras.repository.packages.size(), 1U);
  EXPECT_EQ(extras.repository.packages[0].name, "linux-modules-extra-5.4.0-26-generic");
  EXPECT_THAT(extras.repository.packages[0].modules, IsEmpty());
}

TEST_F(ExtrasTest, TrustOptionsForBundlesAreRefused) {
  const auto debs = directory_of("debs", {{"tcl_8.6_amd64.deb", testing::make_deb("tcl", "8.6", "amd64")}});
  const std::vector<std::vector<std::string>> options{
      {"--sha256", std::string(64, 'a')}, {"--allow-rebuilt"},    {"--refuse-weak"}, {"--insecure-no-pin"},
      {"--insecure-no-signature"},        {"--insecure-no-index"}};
  for (const auto& option : options) {
    std::vector<std::string> arguments{"--extra", debs.string()};
    arguments.insert(arguments.end(), option.begin(), option.end());
    add(arguments, 2);
    EXPECT_THAT(messages, HasSubstr("--extra excludes " + option.front()));
  }
  EXPECT_THAT(store.all_extras(), IsEmpty());
  const auto archive = archive_of(testing::deb_bundle());
  add({archive.string(), "--insecure-no-pin", "--for", "ubuntu20.04"}, 2);
  EXPECT_THAT(messages, HasSubstr("--for requires --extra"));
  add({archive.string(), "--insecure-no-pin", "--name", "x"}, 2);
  EXPECT_THAT(messages, HasSubstr("--name requires --extra"));
  EXPECT_THAT(store.list(), IsEmpty());
}

TEST_F(ExtrasTest, ForAcceptsEverySpellingOfARelease) {
  const auto rpms = directory_of("rpms", {{"tcl-8.5-1.x86_64.rpm", testing::make_rpm("tcl", "8.5", "1")}});
  for (const auto* spelling : {"rhel7.7", "centos7.7", "CentOS 7.7", "centos 7.7.1908"}) {
    const auto added = add({"--extra", rpms.string(), "--for", spelling}, 0);
    EXPECT_EQ(added.at("distro"), "rhel7.7") << spelling;
  }
  EXPECT_EQ(store.all_extras().size(), 1U);
  EXPECT_EQ(store.extras("rhel7.7").size(), 1U);
  const auto error = add({"--extra", rpms.string(), "--for", "rhel7.77"}, 2).at("error");
  EXPECT_EQ(error.at("message"), "reading --for 'rhel7.77': the matrix knows no such release");
  EXPECT_EQ(error.at("hint"), "did you mean 'rhel7.7'?");
}

TEST_F(ExtrasTest, EveryRpmNeedsASignatureOfTheGivenKeys) {
  const testing::Sign sign = [](const std::string& data) { return testing::vendor().sign(data, false); };
  const auto rpms = directory_of("rpms", {{"a-1-1.x86_64.rpm", testing::make_rpm("a", "1", "1", {}, sign)},
                                          {"b-1-1.x86_64.rpm", testing::make_rpm("b", "1", "1")}});
  const auto keys = write("vendor.asc", testing::vendor().public_key()).string();
  const std::vector<std::string> trusting{"--extra", rpms.string(), "--keyring", keys};
  const auto error = add(trusting, 4).at("error");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("b-1-1.x86_64.rpm: not signed"));
  EXPECT_EQ(error.at("hint"), "extra packages need no signature without --keyring");
  EXPECT_THAT(store.all_extras(), IsEmpty());
  fs::remove(rpms / "b-1-1.x86_64.rpm");
  // First without a check of signatures, then with one, which records the signer.
  EXPECT_EQ(add({"--extra", rpms.string()}, 0).at("trust").at("signer"), "");
  EXPECT_EQ(add(trusting, 0).at("trust").at("signer"), testing::vendor().fingerprint());
  ASSERT_EQ(store.all_extras().size(), 1U);
  EXPECT_EQ(add({"--extra", rpms.string()}, 0).at("trust").at("signer"), testing::vendor().fingerprint());
}

TEST_F(ExtrasTest, DebsWithAKeyringAreRefused) {
  const auto debs = directory_of("debs", {{"tcl_8.6_amd64.deb", testing::make_deb("tcl", "8.6", "amd64")}});
  const auto keys = write("vendor.asc", testing::vendor().public_key()).string();
  EXPECT_EQ(add({"--extra", debs.string(), "--keyring", keys}, 2).at("error").at("message"),
            "adding extra packages '" + debs.string() + "': a .deb has no signature, so --keyring cannot be checked");
}

}  // namespace
}  // namespace bake::store
