#include "bake/signature/openpgp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/bundle/layout.hpp"
#include "bake/packages/deb_index.hpp"
#include "bake/store/store.hpp"
#include "tests/support/bundles.hpp"
#include "tests/support/genuine_data.hpp"
#include "tests/support/short_numbers_key.hpp"

namespace bake::signature {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

KeyRing ring_of(const std::string& keys) {
  KeyRing ring;
  ring.add(keys, "test keys");
  return ring;
}

TEST(Signature, IsGoodForTheVeryBytesOnly) {
  const std::string data = "Suite: 5.5-1.0.3.2\n";
  const auto ring = ring_of(testing::vendor().public_key());
  for (const bool armoured : {true, false}) {
    const auto signature = testing::vendor().sign(data, armoured);
    const auto good = check_signature(ring, signature, data);
    EXPECT_EQ(good.state, SignatureState::good);
    EXPECT_EQ(good.fingerprint, testing::vendor().fingerprint());
    EXPECT_EQ(good.user_id, "Test Vendor <vendor@example.org>");
    EXPECT_THAT(good.weak, IsEmpty());
    auto changed = data;
    changed[7] = '6';
    EXPECT_EQ(check_signature(ring, signature, changed).state, SignatureState::bad);
  }
}

/// One Ed25519 signature in 128 has a number that begins with a zero byte, which OpenPGP leaves out; in this one, and
/// in the key's own signature, the second number is the shorter one (made with gpg 2.2.40).
TEST(Signature, Ed25519NumbersMayBeShort) {
  const auto ring = ring_of(testing::short_numbers_key);
  const auto result = check_signature(ring, R"(-----BEGIN PGP SIGNATURE-----

iHQEABYIAB0WIQRqbdPwK1inuxVTS75TeWhPK0waTQUCawEUlAAKCRBTeWhPK0wa
TeC8APwJJy68NYzgm3T8FPfojKC04DaiMRjc1Nr8JgzIQMi6FgD4nV7VMoqYcYXl
GLMnk4p9GbPz5WnQ/B8aUB+a1zPoBw==
=dGGQ
-----END PGP SIGNATURE-----
)",
                                      "2");
  EXPECT_EQ(result.state, SignatureState::good);
  EXPECT_EQ(result.fingerprint, "6A6DD3F02B58A7BB15534BBE5379684F2B4C1A4D");
}

TEST(Signature, OfAKeyOutsideTheRingIsUnknown) {
  const auto ring = ring_of(testing::vendor().public_key());
  const auto result = check_signature(ring, testing::stranger().sign("x"), "x");
  EXPECT_EQ(result.state, SignatureState::unknown_key);
  EXPECT_EQ(result.key_id, testing::stranger().fingerprint().substr(24));
  EXPECT_EQ(result.fingerprint, "");
}

TEST(Signature, RingMayHoldSeveralKeysInAnyForm) {
  const auto two_blocks = testing::stranger().public_key() + "\n" + testing::vendor().public_key();
  const auto with_crlf = replace_all(testing::vendor().public_key(), "\n", "\r\n");
  const auto binary = testing::stranger().public_key(false) + testing::vendor().public_key(false);
  for (const auto& keys : {two_blocks, with_crlf, binary})
    EXPECT_EQ(check_signature(ring_of(keys), testing::vendor().sign("x"), "x").state, SignatureState::good);
  EXPECT_EQ(ring_of(two_blocks).keys().size(), 2U);
}

TEST(Signature, OfSeveralTheBestCounts) {
  const auto ring = ring_of(testing::vendor().public_key());
  const auto both = testing::stranger().sign("x", false) + testing::vendor().sign("x", false);
  EXPECT_EQ(check_signature(ring, both, "x").state, SignatureState::good);
}

TEST(Signature, ArmourWithoutAChecksumIsRead) {
  std::vector<std::string> lines;
  for (const auto& line : split_lines(testing::vendor().sign("x")))
    if (!line.starts_with('=')) lines.push_back(line);
  EXPECT_EQ(check_signature(ring_of(testing::vendor().public_key()), join(lines, "\n"), "x").state,
            SignatureState::good);
}

TEST(Signature, WeakAlgorithmsAreNamedNotRefused) {
  const testing::Gpg dsa("DSA Signer", "dsa1024");
  const auto result = check_signature(ring_of(dsa.public_key()), dsa.sign("x", true, {"--digest-algo", "SHA1"}), "x");
  EXPECT_EQ(result.state, SignatureState::good);
  EXPECT_EQ(result.algorithms, "DSA/SHA1");
  EXPECT_THAT(result.weak, ElementsAre("DSA/SHA1"));
  const testing::Gpg rsa("RSA Signer", "rsa1024");
  EXPECT_THAT(check_signature(ring_of(rsa.public_key()), rsa.sign("x"), "x").weak, ElementsAre("RSA of 1024 bits"));
}

TEST(Signature, WhatIsNoneIsUnreadable) {
  const auto ring = ring_of(testing::vendor().public_key());
  const auto whole = testing::vendor().sign("x", false);
  EXPECT_EQ(check_signature(ring, "", "x").state, SignatureState::unreadable);
  EXPECT_EQ(check_signature(ring, "hello", "x").state, SignatureState::unreadable);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(check_signature(ring, whole.substr(0, length), "x").state, SignatureState::good) << length;
  EXPECT_EQ(testing::error_of([] { ring_of("not a key"); }).message(),
            "reading key ring 'test keys': it holds no OpenPGP public key");
}

TEST(Signature, EveryFlippedByteSpoilsIt) {
  const auto ring = ring_of(testing::vendor().public_key());
  const auto whole = testing::vendor().sign("x", false);
  ASSERT_EQ(whole[0], '\x88');  // a signature packet with one byte of length (RFC 4880, 4.2.1)
  const auto body = whole.substr(2);
  // The unhashed part (the issuer's key id) may change: it is not signed. Everything else may not.
  const auto hashed =
      static_cast<std::size_t>(static_cast<unsigned char>(body[4]) * 256 + static_cast<unsigned char>(body[5]));
  const auto unhashed_begin = whole.size() - body.size() + 6 + hashed;
  for (std::size_t at = 0; at < unhashed_begin; ++at) {
    auto changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_NE(check_signature(ring, changed, "x").state, SignatureState::good) << at;
  }
}

/// The published index of a real bundle (github.com/g4197/MLNX_OFED_4.9_Ubuntu_22.04@26e8de99), where a checkout of it
/// is next to the repository or named by $BAKE_TEST_DATA. The project does not carry vendor files; CI has them.
class GenuineBundle : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(directory() / "tree.tsv"))
      GTEST_SKIP() << "the genuine bundle index is not in " << directory();
  }
  static std::filesystem::path directory() { return testing::genuine_data("mlnx-ofed-4.9-7.1.0.0-ubuntu"); }
  static std::string text(const std::string& file) { return read_text(directory() / file); }

  const std::vector<std::pair<std::string, std::size_t>> repositories{
      {"DEBS/UPSTREAM_LIBS", 110}, {"DEBS/MLNX_LIBS", 91}, {"DEBS_UPSTREAM_LIBS", 24}};
};

TEST_F(GenuineBundle, VerifiesByFingerprintAndNotWithOneByteChanged) {
  const auto ring = ring_of(text("RPM-GPG-KEY-Mellanox"));
  for (const auto& [repository, count] : repositories) {
    SCOPED_TRACE(repository);
    const auto release = text(repository + "/Release");
    const auto signature = text(repository + "/Release.gpg");
    const auto good = check_signature(ring, signature, release);
    EXPECT_EQ(good.state, SignatureState::good);
    EXPECT_EQ(good.fingerprint, "CAE649B3B3929F8470D4D33BA024F6F0E6D6A281");
    EXPECT_EQ(good.algorithms, "RSA/SHA256");
    EXPECT_THAT(good.weak, IsEmpty());
    auto changed = release;
    changed.back() = ' ';
    EXPECT_EQ(check_signature(ring, signature, changed).state, SignatureState::bad);
    EXPECT_EQ(check_signature(ring_of(testing::vendor().public_key()), signature, release).state,
              SignatureState::unknown_key);
  }
}

TEST_F(GenuineBundle, IndexesAreReadWithTheirOddities) {
  for (const auto& [repository, count] : repositories) {
    SCOPED_TRACE(repository);
    const auto release = bundle::parse_release(text(repository + "/Release"), repository);
    EXPECT_EQ(release.suite, "4.9-7.1.0.0");
    EXPECT_EQ(release.files.size(), 2U);  // Packages and Packages.bz2, not the Release that lists itself
    const auto packages = text(repository + "/Packages");
    const auto* vouched = release.find("Packages");
    ASSERT_NE(vouched, nullptr);
    EXPECT_EQ(vouched->size, packages.size());
    EXPECT_EQ(vouched->digests.at(DigestAlgorithm::sha512), digest_of(packages, DigestAlgorithm::sha512));
    EXPECT_EQ(bundle::parse_packages(packages, repository).size(), count);
  }
}

/// The re-packed bundle: genuine signed indexes, packages that are not the indexed ones. (Their content here is
/// arbitrary; the tree, its links and all index files are the real ones.)
TEST_F(GenuineBundle, RepackWithSwappedPackagesIsRefusedNamingThem) {
  testing::BundleParts parts;
  parts.top = "MLNX_OFED_LINUX-4.9-7.1.0.0-ubuntu20.04-x86_64";
  for (const auto& line : split_lines(text("tree.tsv"))) {
    const auto fields = split(line, '\t');
    if (fields[0] == "link")
      parts.links[fields[2]] = fields[3].substr(3);
    else
      parts.files[fields[2]] = std::filesystem::exists(directory() / fields[2]) ? text(fields[2]) : "swapped";
  }
  parts.files.erase("distro");
  const TemporaryDirectory scratch;
  const auto archive = scratch.path() / "MLNX_OFED_LINUX-4.9-7.1.0.0-ubuntu20.04-x86_64.tgz";
  write_text_atomically(archive, parts.archive());
  store::Store store(scratch.path() / "store");
  SilentProgress progress;
  store::AddOptions options;
  options.keyrings = {directory() / "RPM-GPG-KEY-Mellanox"};
  const auto result = store.verify_archive(archive, options, progress);
  EXPECT_THAT(result.report.identity_problems, IsEmpty());
  EXPECT_THAT(result.report.index_problems, IsEmpty());
  ASSERT_EQ(result.report.indexes.size(), 3U);
  for (const auto& index : result.report.indexes) EXPECT_EQ(index.signature.state, SignatureState::good) << index.file;
  EXPECT_EQ(result.decision.trust.signer, "CAE649B3B3929F8470D4D33BA024F6F0E6D6A281");
  std::map<bundle::PackageVerdict, std::size_t> counts;
  for (const auto& package : result.report.packages) ++counts[package.verdict];
  EXPECT_EQ(counts[bundle::PackageVerdict::mismatch], 110U + 91U + 24U);
  EXPECT_EQ(counts[bundle::PackageVerdict::missing_from_tree], 0U);
  EXPECT_EQ(result.decision.problems.size(), 110U + 91U + 24U);
  const auto error = testing::error_of([&] { store.add(archive, options, progress); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(
      error.message(),
      ::testing::HasSubstr("DEBS/UPSTREAM_LIBS/ar-mgr_1.0-0.2.MLNX20201014.g8577618.49710_amd64.deb: differs from "
                           "the index: 234316 bytes expected, 7 found"));
}

}  // namespace
}  // namespace bake::signature
