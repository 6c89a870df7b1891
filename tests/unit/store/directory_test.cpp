// Bundles as directories: an unpacked archive, a mounted ISO image, a checksum file, a URL.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "bake/bundle/bundle_json.hpp"
#include "bake/bundle/tree_digest.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::store {
namespace {

using namespace bake::testing;

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DirectoryTest : public StoreTest {
 protected:
  fs::path unpack(const BundleParts& parts, const std::string& name) const {
    const auto directory = scratch.path() / name;
    for (const auto& [path, content] : parts.files) {
      fs::create_directories((directory / path).parent_path());
      write_text_atomically(directory / path, content);
    }
    for (const auto& [path, target] : parts.links) {
      fs::create_directories((directory / path).parent_path());
      fs::create_symlink(target, directory / path);
    }
    return directory;
  }
  /// Runs bake with the store of this test; returns the JSON document.
  bundle::Json bake(std::vector<std::string> arguments, int expected) const {
    arguments.insert(arguments.begin(), {"--store", store.directory().string(), "--json", "--progress", "none"});
    std::ostringstream out, err;
    EXPECT_EQ(cli::run(arguments, out, err), expected) << err.str();
    return bundle::Json::parse(out.str());
  }
};

TEST_F(DirectoryTest, ASlashAtTheEndDoesNotChangeTheName) {
  const auto parts = split_deb_bundle();
  auto options = trusting();
  options.pin = std::string(64, 'a');
  options.pin_source = "command line";
  const auto error = error_of([&] { store.add(unpack(parts, parts.top) / "", options, progress); });
  EXPECT_THAT(error.message(), HasSubstr("verifying bundle '" + parts.top + "': its sha256 is "));
}

TEST_F(DirectoryTest, AnUnpackedBundleIsLikeItsArchive) {
  const auto parts = split_deb_bundle();
  const auto directory = unpack(parts, parts.top);
  const auto before = listing(directory);
  const auto added = store.add(directory, trusting(), progress).bundle;
  EXPECT_EQ(listing(directory), before);
  EXPECT_EQ(added.id(), bundle::digest_of_tree(directory, {}));
  EXPECT_TRUE(added.trust.from_directory);
  EXPECT_EQ(added.trust.signer, vendor().fingerprint());
  const auto stored = store.get(parts.top);
  EXPECT_TRUE(stored.trust.from_directory);
  EXPECT_TRUE(store.verify(stored, trusting(), progress).decision.problems.empty());
  EXPECT_TRUE(store.add(directory, trusting(), progress).already_there);
  const auto archived = store.verify_archive(archive_of(parts), trusting(), progress).bundle;
  EXPECT_EQ(bundle::to_json(archived).at("repositories"), bundle::to_json(stored).at("repositories"));
}

TEST_F(DirectoryTest, AMountedImageSaysItsNameInItsFiles) {
  auto parts = deb_bundle();
  parts.files[".mlnx"] = "5.5-1.0.3.2\n";
  parts.files[".arch"] = "x86_64\n";
  parts.files["distro"] = "ubuntu20.04\n";
  EXPECT_EQ(store.add(unpack(parts, "mnt"), trusting(), progress).bundle.name, parts.top);
  parts.files.erase("distro");
  const auto error = error_of([&] { store.add(unpack(parts, "other"), trusting(), progress); });
  EXPECT_EQ(error.kind(), ErrorKind::config);
  EXPECT_EQ(error.message(), "reading bundle '" + (scratch.path() / "other").string() +
                                 "': the directory is not named like an OFED bundle, and its files .mlnx, distro and "
                                 ".arch do not say which one it is");
}

TEST_F(DirectoryTest, AChangedPackageAndAForeignLinkAreRefused) {
  auto parts = deb_bundle();
  const auto directory = unpack(parts, parts.top);
  fs::create_symlink("../../etc/passwd", directory / "DEBS/x.deb");
  EXPECT_THAT(error_of([&] { store.add(directory, trusting(), progress); }).message(),
              HasSubstr("is a link that leaves the top directory"));
  fs::remove(directory / "DEBS/x.deb");
  write_text_atomically(directory / "DEBS/ofed-scripts_5.5-OFED.5.5.1.0.3_amd64.deb",
                        make_deb("ofed-scripts", "6", "amd64"));
  EXPECT_EQ(error_of([&] { store.add(directory, trusting(), progress); }).kind(), ErrorKind::untrusted);
  EXPECT_TRUE(store.list().empty());
}

TEST_F(DirectoryTest, TheDigestOfTheTreeIsPinned) {
  const auto parts = deb_bundle();
  const auto directory = unpack(parts, parts.top);
  const auto digest = bundle::digest_of_tree(directory, {});
  EXPECT_EQ(bake({"bundle", "add", directory.string(), "--sha256", std::string(64, 'a')}, 4).at("error").at("kind"),
            "untrusted");
  const auto json = bake({"bundle", "add", directory.string(), "--sha256", digest}, 0);
  EXPECT_EQ(json.at("trust").at("pin"), "command line");
  EXPECT_EQ(json.at("trust").at("from_directory"), true);
  EXPECT_EQ(bake({"bundle", "verify", directory.string(), "--sha256", digest}, 0).at("archive_sha256"), digest);
}

TEST_F(DirectoryTest, AChecksumFileIsAPin) {
  const auto archive = archive_of(deb_bundle());
  const auto sums = write("SHA256SUMS", digest_of_file(archive) + "  " + archive.filename().string() + "\n").string();
  EXPECT_EQ(bake({"bundle", "add", archive.string(), "--sha256", sums}, 0).at("trust").at("pin"), "command line");
  EXPECT_EQ(bake({"bundle", "verify", deb_bundle().top, "--sha256", sums}, 0).at("trusted"), true);
  const auto wrong = write("wrong", std::string(64, 'a') + "  " + archive.filename().string() + "\n").string();
  EXPECT_EQ(bake({"bundle", "verify", archive.string(), "--sha256", wrong}, 4).at("error").at("kind"), "untrusted");
  EXPECT_EQ(bake({"bundle", "add", archive.string(), "--sha256", "abc"}, 2).at("error").at("message"),
            "reading --sha256 'abc': neither 64 hexadecimal digits nor a file");
}

TEST_F(DirectoryTest, AUrlIsRefusedWithTheCommandThatFetchesIt) {
  const std::string url = "https://host/ofed/MLNX_OFED_LINUX-5.5-1.0.3.2-rhel8.2-x86_64.tgz?x=1&y";
  for (const std::string command : {"add", "verify"}) {
    const auto error = bake({"bundle", command, url}, 2).at("error");
    EXPECT_EQ(error.at("message"), "reading bundle '" + url + "': bake never downloads");
    EXPECT_EQ(error.at("commands")[0], "curl --fail --location --remote-name '" + url + "'");
    EXPECT_EQ(error.at("commands")[1],
              "bake bundle add MLNX_OFED_LINUX-5.5-1.0.3.2-rhel8.2-x86_64.tgz --store " + store.directory().string());
  }
}

TEST_F(DirectoryTest, ASignedIndexThatIsNotReadIsNotCalledUnsigned) {
  auto options = trusting();
  options.policy.insecure_no_index = true;
  const auto archive = archive_of(deb_bundle());
  EXPECT_THAT(
      store.verify_archive(archive, options, progress).decision.problems,
      ElementsAre(Problem{deb_bundle().top, "its signed index DEBS/Release is not read with --insecure-no-index",
                          "leave out --insecure-no-index, or add --insecure-no-signature if you can vouch for "
                          "the bundle yourself"}));
  auto parts = deb_bundle();
  parts.files.erase("DEBS/Release.gpg");
  const auto problems = store.verify_archive(archive_of(parts), options, progress).decision.problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "nothing in it is signed");
}

}  // namespace
}  // namespace bake::store
