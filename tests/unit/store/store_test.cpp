#include "bake/store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/process.hpp"
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

TEST_F(StoreTest, AddsASignedDebBundle) {
  const auto archive = archive_of(testing::deb_bundle());
  const auto result = store.add(archive, trusting(), progress);
  EXPECT_FALSE(result.already_there);
  EXPECT_THAT(result.warnings, IsEmpty());
  const auto bundle = store.get("MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64");
  EXPECT_EQ(bundle.version, "5.5-1.0.3.2");
  EXPECT_EQ(bundle.distro, "ubuntu20.04");
  EXPECT_EQ(bundle.arch, "x86_64");
  EXPECT_EQ(bundle.layout, "flat");
  EXPECT_FALSE(bundle.rebuilt);
  EXPECT_EQ(bundle.format, bundle::PackageFormat::deb);
  EXPECT_EQ(bundle.id(), digest_of_file(archive));
  EXPECT_EQ(bundle.trust.signer, testing::vendor().fingerprint());
  EXPECT_EQ(bundle.trust.pin, "");
  EXPECT_EQ(bundle.payload_sha256, digest_of_file(bundle.payload()));
  EXPECT_EQ(bundle.payload_size, fs::file_size(bundle.payload()));
  ASSERT_EQ(bundle.repositories.size(), 1U);
  const auto& packages = bundle.repositories[0].packages;
  ASSERT_EQ(packages.size(), 3U);
  EXPECT_EQ(packages[0].name, "mlnx-ofed-kernel-dkms");
  EXPECT_TRUE(packages[0].dkms_source);
  EXPECT_EQ(packages[0].dkms_modules, std::vector<std::string>{"mlx5_core"});
  EXPECT_EQ(packages[1].built_kernel, "5.4.0-26-generic");
  ASSERT_EQ(packages[1].modules.size(), 1U);
  EXPECT_EQ(packages[1].modules[0].imports.at("printk"), 0xdeadbeefU);
  EXPECT_EQ(packages[2].name, "ofed-scripts");
  EXPECT_EQ(packages[2].version, "5.5-OFED.5.5.1.0.3");
  EXPECT_EQ(packages[2].file, "DEBS/ofed-scripts_5.5-OFED.5.5.1.0.3_amd64.deb");
  EXPECT_EQ(packages[2].installed_size, 12U * 1024);
  EXPECT_EQ(packages[2].sha256, digest_of(testing::deb_bundle().files.at(packages[2].file)));
  EXPECT_EQ(Store::index_texts(bundle, bundle.repositories[0]).packages,
            testing::deb_bundle().files.at("DEBS/Packages"));
}

TEST_F(StoreTest, AddsASplitBundleThroughItsLinks) {
  store.add(archive_of(testing::split_deb_bundle()), trusting(), progress);
  const auto bundle = store.list().at(0);
  EXPECT_EQ(bundle.layout, "split");
  ASSERT_EQ(bundle.repositories.size(), 2U);
  EXPECT_EQ(bundle.repositories[0].flavour, "upstream-libs");
  EXPECT_EQ(bundle.repositories[1].flavour, "mlnx-libs");
  ASSERT_EQ(bundle.repositories[1].packages.size(), 2U);
  EXPECT_EQ(bundle.repositories[1].packages[0].version, "41mlnx1-OFED.4.9.3.0.0.49417");
  EXPECT_EQ(bundle.repositories[1].packages[1].file, "DEBS/MLNX_LIBS/ofed-scripts_4.9-OFED.4.9.4.1.7_amd64.deb");
}

TEST_F(StoreTest, AddsASignedRpmBundle) {
  store.add(archive_of(testing::rpm_bundle()), trusting(), progress);
  const auto bundle = store.find("5.5-1.0.3.2", "rhel8.2", "x86_64");
  ASSERT_TRUE(bundle.has_value());
  EXPECT_EQ(bundle->trust.signer, testing::vendor().fingerprint());
  const auto& packages = bundle->repositories.at(0).packages;
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(packages[0].name, "kmod-mlnx-ofa_kernel");
  EXPECT_EQ(packages[0].built_kernel, "4.18.0-193.el8.x86_64");
  EXPECT_THAT(Store::index_texts(*bundle, bundle->repositories[0]).packages, HasSubstr("<name>mlnx-tools</name>"));
  EXPECT_EQ(store.find("5.5-1.0.3.2", "rhel8.1", "x86_64"), std::nullopt);
}

TEST_F(StoreTest, PinAloneIsEnoughAndIsRecorded) {
  const auto archive = archive_of(testing::deb_bundle());
  EXPECT_EQ(store.add(archive, pinned(archive), progress).bundle.trust.pin, "command line");
  EXPECT_EQ(store.list().at(0).trust.signer, "");
}

TEST_F(StoreTest, MatrixPinIsFoundByFileName) {
  const auto archive = archive_of(testing::deb_bundle());
  AddOptions options;
  options.known_pin = [&](const std::string& name) {
    EXPECT_EQ(name, archive.filename().string());
    return std::optional(digest_of_file(archive));
  };
  EXPECT_EQ(store.add(archive, options, progress).bundle.trust.pin, "matrix");
}

TEST_F(StoreTest, OverridesCauseWarningsAndAreRecorded) {
  auto parts = testing::deb_bundle();
  parts.top += "-ext";
  parts.files.erase("DEBS/Release");
  parts.files.erase("DEBS/Release.gpg");
  parts.files.erase("DEBS/Packages");
  AddOptions options;
  options.policy = {.allow_rebuilt = true, .insecure_no_pin = true, .insecure_no_index = true};
  const auto result = store.add(archive_of(parts), options, progress);
  EXPECT_TRUE(result.bundle.rebuilt);
  EXPECT_THAT(store.list().at(0).trust.overridden,
              ElementsAre("--allow-rebuilt", "--insecure-no-index", "--insecure-no-pin"));
  EXPECT_EQ(result.warnings.size(), 3U);
  // Without an index the packages' own control files describe them.
  const auto& repository = result.bundle.repositories.at(0);
  EXPECT_FALSE(repository.indexed);
  ASSERT_EQ(repository.packages.size(), 3U);
  EXPECT_EQ(repository.packages[2].name, "ofed-scripts");
  EXPECT_THAT(Store::index_texts(result.bundle, repository).packages,
              HasSubstr("Filename: ./ofed-scripts_5.5-OFED.5.5.1.0.3_amd64.deb\n"));
  // The flags that the store recorded do not count for a later check.
  EXPECT_THAT(store.verify(result.bundle, options, progress).decision.problems, IsEmpty());
  std::vector<std::string> messages;
  for (const auto& problem : store.verify(result.bundle, {}, progress).decision.problems)
    messages.push_back(problem.message);
  EXPECT_THAT(messages, ElementsAre("rebuilt by mlnx_add_kernel_support.sh: its packages are not signed",
                                    "no pinned sha256 and no signature by a trusted key",
                                    "records that the bundle was added with --allow-rebuilt",
                                    "records that the bundle was added with --insecure-no-index",
                                    "records that the bundle was added with --insecure-no-pin"));
}

TEST_F(StoreTest, AddingAgainChangesNothingAndReportsIt) {
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, pinned(archive), progress);
  const auto before = testing::listing(store.directory());
  const auto again = store.add(archive, {}, progress);
  EXPECT_TRUE(again.already_there);
  EXPECT_EQ(again.bundle.id(), digest_of_file(archive));
  EXPECT_EQ(testing::listing(store.directory()), before);
}

TEST_F(StoreTest, PayloadIsTheSameForTheSameArchive) {
  const auto archive = archive_of(testing::split_deb_bundle());
  const auto first = store.add(archive, pinned(archive), progress).bundle.payload_sha256;
  Store other(scratch.path() / "other");
  EXPECT_EQ(other.add(archive, pinned(archive), progress).bundle.payload_sha256, first);
}

TEST_F(StoreTest, NamesAndIdPrefixesFindBundles) {
  const auto archive = archive_of(testing::deb_bundle());
  const auto id = store.add(archive, pinned(archive), progress).bundle.id();
  EXPECT_EQ(store.get(id.substr(0, 4)).id(), id);
  EXPECT_EQ(testing::error_of([&] { static_cast<void>(store.get(id.substr(0, 3))); }).kind(), ErrorKind::usage);
  EXPECT_EQ(
      testing::error_of([&] { static_cast<void>(store.get("MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu18.04-x86_64")); }).hint(),
      "did you mean 'MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64'?");
  // The same bundle with another compression is another archive.
  const auto twin = write("twin.tar.xz", testing::deb_bundle().archive(testing::Compression::xz));
  store.add(twin, pinned(twin), progress);
  EXPECT_THAT(testing::error_of([&] {
                static_cast<void>(store.get("MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64"));
              }).message(),
              HasSubstr("it matches 2 entries"));
  EXPECT_EQ(store.remove(id.substr(0, 8)), "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64");
  EXPECT_EQ(store.list().size(), 1U);
  EXPECT_FALSE(fs::exists(store.directory() / "bundles" / id));
}

TEST_F(StoreTest, VerifyReportsADamagedPayload) {
  const auto archive = archive_of(testing::deb_bundle());
  const auto bundle = store.add(archive, pinned(archive), progress).bundle;
  EXPECT_THAT(store.verify(bundle, {}, progress).decision.problems, IsEmpty());
  const std::string deb = "DEBS/ofed-scripts_5.5-OFED.5.5.1.0.3_amd64.deb";
  auto payload = read_text(bundle.payload());
  payload.at(payload.find(testing::deb_bundle().files.at(deb)) + 100) ^= 1;
  write_text_atomically(bundle.payload(), payload);
  const auto result = store.verify(bundle, {}, progress);
  ASSERT_TRUE(result.payload_problem.has_value());
  ASSERT_EQ(result.decision.problems.size(), 2U);
  EXPECT_EQ(result.decision.problems[0].where, deb);
  EXPECT_THAT(result.decision.problems[0].message, HasSubstr("differs from the index: SHA512"));
}

TEST_F(StoreTest, TrustedKeysVouchForLaterBundles) {
  const auto archive = archive_of(testing::deb_bundle());
  EXPECT_EQ(testing::error_of([&] { store.add(archive, {}, progress); }).kind(), ErrorKind::untrusted);
  const auto keys = store.trust(write("vendor.asc", testing::vendor().public_key()));
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].fingerprint, testing::vendor().fingerprint());
  EXPECT_EQ(store.add(archive, {}, progress).bundle.trust.signer, testing::vendor().fingerprint());
  // With a ring, a pin does not replace the signature; a flag does, and is recorded.
  auto parts = testing::deb_bundle();
  parts.files.erase("DEBS/Release.gpg");
  const auto unsigned_archive = write("unsigned.tgz", parts.archive());
  auto options = pinned(unsigned_archive);
  EXPECT_THAT(testing::error_of([&] { store.add(unsigned_archive, options, progress); }).message(),
              HasSubstr("not signed"));
  options.policy.insecure_no_signature = true;
  EXPECT_THAT(store.add(unsigned_archive, options, progress).bundle.trust.overridden,
              ElementsAre("--insecure-no-signature"));
}

TEST_F(StoreTest, WeakSignaturesAreNamedOrRefusedByThePolicy) {
  const testing::Gpg weak("Old Vendor", "dsa1024");
  auto parts = testing::deb_bundle();
  parts.files["DEBS/Release.gpg"] = weak.sign(parts.files["DEBS/Release"], true, {"--digest-algo", "SHA1"});
  const auto archive = archive_of(parts);
  AddOptions options;
  options.keyrings = {write("weak.asc", weak.public_key())};
  options.policy.allow_weak = false;
  EXPECT_THAT(testing::error_of([&] { store.add(archive, options, progress); }).message(),
              HasSubstr("signed with weak DSA/SHA1"));
  options.policy.allow_weak = true;
  EXPECT_THAT(store.add(archive, options, progress).bundle.trust.weak, ElementsAre("DSA/SHA1"));
}

TEST_F(StoreTest, ExtraPackagesGetAnIndex) {
  fs::create_directory(scratch.path() / "debs");
  write("debs/libnl-3-200_3.2_amd64.deb",
        testing::make_deb("libnl-3-200", "3.2", "amd64", {}, "Depends: libc6 (>= 2.14)\n"));
  const auto debs = store.add_extras(scratch.path() / "debs", "focal base", "ubuntu20.04", progress);
  EXPECT_THAT(Store::index_texts(debs).packages,
              HasSubstr("Depends: libc6 (>= 2.14)\nDescription: libnl-3-200\nFilename: ./libnl-3-200_3.2_amd64.deb\n"));
  EXPECT_EQ(debs.payload_sha256, digest_of_file(debs.payload()));
  fs::create_directory(scratch.path() / "rpms");
  write("rpms/tcl-8.5-1.x86_64.rpm", testing::make_rpm("tcl", "8.5", "1"));
  const auto rpms = store.add_extras(scratch.path() / "rpms", "el7 base", "", progress);
  EXPECT_THAT(Store::index_texts(rpms).packages, HasSubstr("<name>tcl</name>"));
  EXPECT_EQ(store.extras("ubuntu20.04").size(), 2U);
  EXPECT_EQ(store.extras("rhel7.7").size(), 1U);
  EXPECT_EQ(store.extras("rhel7.7").at(0).repository.packages.at(0).file, "tcl-8.5-1.x86_64.rpm");
  EXPECT_EQ(store.add_extras(scratch.path() / "rpms", "el7 base", "", progress).id, rpms.id);
  EXPECT_EQ(store.remove("focal base"), "focal base");
  EXPECT_THAT(store.extras("ubuntu20.04"), ::testing::SizeIs(1));
  write("rpms/x_1_all.deb", testing::make_deb("x", "1", "all"));
  EXPECT_THAT(testing::error_of([&] { store.add_extras(scratch.path() / "rpms", "x", "", progress); }).message(),
              HasSubstr("it has both .rpm and .deb files"));
}

TEST_F(StoreTest, ASuiteThatIsAWordIsNotAWrongVersion) {
  auto parts = testing::deb_bundle();
  testing::sign_debs(parts, "DEBS", "stable", testing::vendor());
  store.add(archive_of(parts), trusting(), progress);
  EXPECT_EQ(store.list().size(), 1U);
}

TEST_F(StoreTest, FilesOfAKilledProcessAreRemoved) {
  const auto archive = archive_of(testing::deb_bundle());
  store.add(archive, pinned(archive), progress);
  fs::create_directories(store.directory() / "tmp-AbCdEf" / "index");
  EXPECT_EQ(store.list().size(), 1U);
  store.remove(store.list().at(0).name);
  EXPECT_FALSE(fs::exists(store.directory() / "tmp-AbCdEf"));
}

TEST_F(StoreTest, BundleJsonRoundTrips) {
  auto bundle = store.add(archive_of(testing::rpm_bundle()), trusting(), progress).bundle;
  const auto text = bundle::dump(bundle::to_json(bundle));
  EXPECT_EQ(bundle::dump(bundle::to_json(bundle::bundle_from_json(text, "bundle.json"))), text);
  EXPECT_THAT(testing::error_of([] { bundle::bundle_from_json("{}", "bundle.json"); }).message(),
              HasSubstr("reading 'bundle.json'"));
}

TEST_F(StoreTest, AddsIsoImages) {
  const auto directory = scratch.path() / "MLNX_OFED_LINUX-4.9-4.1.7.0-ubuntu18.04-x86_64";
  const auto parts = testing::split_deb_bundle();
  for (const auto& [path, content] : parts.files) {
    fs::create_directories((directory / path).parent_path());
    write_text_atomically(directory / path, content);
  }
  for (const auto& [path, target] : parts.links) {
    fs::create_directories((directory / path).parent_path());
    fs::create_symlink(target, directory / path);
  }
  const auto iso = scratch.path() / (parts.top + ".iso");
  const auto made = run_program({"xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", iso.string(), directory.string()});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto bundle = store.add(iso, trusting(), progress).bundle;
  EXPECT_EQ(bundle.name, parts.top);
  EXPECT_EQ(bundle.repositories.size(), 2U);
  EXPECT_EQ(bundle.trust.signer, testing::vendor().fingerprint());
}

/// Runs the command: checks the results on one stream, the messages on the other, and the exit codes.
TEST_F(StoreTest, CommandVerifiesAsJson) {
  const auto archive = archive_of(testing::deb_bundle()).string();
  const auto directory = store.directory().string();
  const auto bake = [&](std::vector<std::string> arguments, int expected) {
    arguments.insert(arguments.begin(), {"--store", directory, "--json", "--progress", "none"});
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(cli::run(arguments, out, err), expected) << err.str();
    return out.str();
  };
  auto json = bundle::Json::parse(bake({"bundle", "verify", archive}, 4));
  EXPECT_EQ(json.at("trusted"), false);
  EXPECT_EQ(json.at("problems").size(), 1U);
  EXPECT_EQ(json.at("packages").size(), 3U);
  EXPECT_EQ(json.at("packages")[0].at("verdict"), "ok");
  EXPECT_EQ(json.at("indexes")[0].at("signature").at("state"), "unknown key");
  const auto key = write("vendor.asc", testing::vendor().public_key()).string();
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "trust", key}, 0)).at("trusted")[0].at("fingerprint"),
            testing::vendor().fingerprint());
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "verify", archive}, 0)).at("trusted"), true);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "add", archive}, 0)).at("already_there"), false);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "add", archive}, 0)).at("already_there"), true);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "list"}, 0)).at("bundles").size(), 1U);
  const auto name = testing::deb_bundle().top;
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "show", name}, 0)).at("name"), name);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "verify", name}, 0)).at("trusted"), true);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "remove", name}, 0)).at("removed")[0], name);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "list"}, 0)).at("bundles").size(), 0U);
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "add", archive, "--sha256", "abc"}, 2)).at("error").at("kind"),
            "usage");
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "add", "no-such.tgz"}, 2)).at("error").at("kind"), "usage");
  EXPECT_EQ(bundle::Json::parse(bake({"bundle", "verify", "./no-such.tgz"}, 2)).at("error").at("message"),
            "opening './no-such.tgz': no such file");
}

TEST_F(StoreTest, CommandComparesArchivesWithTheMatrixDigests) {
  const auto archive = archive_of(testing::deb_bundle()).string();
  const auto overlay = scratch.path() / "overlay";
  fs::create_directories(overlay);
  const auto publish = [&](const std::string& digest) {
    write("overlay/bundles.yaml", "bundles:\n  - ofed: \"5.5-1.0.3.2\"\n    distro: ubuntu20.04\n    sha256: \"" +
                                      digest + "\"\n    source: \"a test\"\n");
  };
  std::ostringstream out;
  std::ostringstream err;
  const std::vector<std::string> add{
      "bundle",         "add",        archive, "--store", store.directory().string(), "--matrix",
      overlay.string(), "--progress", "none"};
  publish(std::string(64, 'b'));
  EXPECT_EQ(cli::run(add, out, err), 4);
  EXPECT_THAT(err.str(), HasSubstr("the matrix pins " + std::string(64, 'b')));
  EXPECT_THAT(store.list(), IsEmpty());
  publish(digest_of_file(archive));
  EXPECT_EQ(cli::run(add, out, err), 0) << err.str();
  EXPECT_EQ(store.list().at(0).trust.pin, "matrix");
}

}  // namespace
}  // namespace bake::store
