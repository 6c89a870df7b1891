// What an rpm's signatures cover: the header, the payload, or both.
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iostream>

#include "bake/bundle/rpm_header.hpp"
#include "tests/support/bundles.hpp"

namespace bake::bundle {
namespace {

constexpr const char* payload_not_covered =
    "the signature covers only the header, and the header has no SHA-256 of the payload";

const testing::Sign by_vendor = [](const std::string& data) { return testing::vendor().sign(data, false); };
const testing::Sign by_stranger = [](const std::string& data) { return testing::stranger().sign(data, false); };

RpmFacts read(const std::string& bytes) {
  signature::KeyRing ring;
  ring.add(testing::vendor().public_key(), "keys");
  return read_rpm(archive::source_of(bytes), ring, "x.rpm");
}

/// `bytes` with another last byte, which belongs to the payload.
std::string with_changed_payload(std::string bytes) {
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  return bytes;
}

std::string rpm(bool payload_digest, const testing::Sign& header, const testing::Sign& all) {
  return testing::make_rpm("x", "1", "1", {{"/a", "b"}}, header, payload_digest, all);
}

TEST(RpmSignature, OverTheHeaderAloneIsRefused) {
  for (const auto& bytes : {rpm(false, by_vendor, {}), with_changed_payload(rpm(false, by_vendor, {}))}) {
    const auto facts = read(bytes);
    EXPECT_EQ(facts.signature.state, signature::SignatureState::refused);
    EXPECT_EQ(facts.signature.reason, payload_not_covered);
    EXPECT_FALSE(facts.payload_signed);
  }
}

TEST(RpmSignature, OverTheHeaderCountsWithADigestOfThePayload) {
  const auto bytes = rpm(true, by_vendor, {});
  EXPECT_EQ(read(bytes).signature.state, signature::SignatureState::good);
  EXPECT_TRUE(read(bytes).payload_signed);
  const auto changed = read(with_changed_payload(bytes));
  EXPECT_EQ(changed.signature.state, signature::SignatureState::bad);
  EXPECT_EQ(changed.signature.reason, "the payload differs from the digest in the signed header");
}

TEST(RpmSignature, OverHeaderAndPayloadCountsWithoutADigest) {
  for (const auto& header : {by_vendor, testing::Sign{}}) {
    const auto bytes = rpm(false, header, by_vendor);
    EXPECT_EQ(read(bytes).signature.state, signature::SignatureState::good);
    EXPECT_TRUE(read(bytes).payload_signed);
    EXPECT_EQ(read(with_changed_payload(bytes)).signature.state, signature::SignatureState::bad);
  }
}

TEST(RpmSignature, OverThePayloadByAStrangerDoesNotCoverIt) {
  const auto facts = read(rpm(false, by_vendor, by_stranger));
  EXPECT_EQ(facts.signature.state, signature::SignatureState::refused);
  EXPECT_EQ(facts.signature.reason, payload_not_covered);
  EXPECT_EQ(read(rpm(true, by_stranger, {})).signature.state, signature::SignatureState::unknown_key);
}

/// Packages of CentOS 7 (version 3 signatures over the header and over all, no payload digest) and RHEL 8 (the same,
/// with a digest), where a checkout of them is next to the repository or in $BAKE_TEST_DATA.
TEST(RpmSignature, OfGenuinePackagesIsGoodAndBadWithOneByteChanged) {
  const char* given = std::getenv("BAKE_TEST_DATA");
  const auto data = given != nullptr ? std::filesystem::path(given)
                                     : std::filesystem::path(SOURCE_DIR).parent_path() / "shared" / "data";
  const std::vector<std::pair<std::string, std::string>> sets{{"el7-rpms", "RPM-GPG-KEY-CentOS-7"},
                                                              {"el8-rpms", "RPM-GPG-KEY-redhat-release"}};
  for (const auto& [directory, key] : sets) {
    SCOPED_TRACE(directory);
    if (!std::filesystem::exists(data / directory / key)) {
      std::cout << "\n*** NOT CHECKED: the genuine packages are not in " << data / directory << " ***\n\n";
      continue;
    }
    signature::KeyRing ring;
    ring.add_file(data / directory / key);
    for (const auto* name : {"acl", "hostname", "tzdata"}) {
      for (const auto& entry : std::filesystem::directory_iterator(data / directory)) {
        const auto file = entry.path().filename().string();
        if (!file.starts_with(std::string(name) + "-") || !file.ends_with(".rpm")) continue;
        const auto bytes = read_text(entry.path());
        const auto facts = read_rpm(archive::source_of(bytes), ring, file);
        EXPECT_EQ(facts.signature.state, signature::SignatureState::good) << file << ": " << facts.signature.reason;
        EXPECT_EQ(facts.signature.algorithms, "RSA/SHA256") << file;
        EXPECT_TRUE(facts.payload_signed) << file;
        const auto changed = with_changed_payload(bytes);
        EXPECT_EQ(read_rpm(archive::source_of(changed), ring, file).signature.state, signature::SignatureState::bad)
            << file;
      }
    }
  }
}

}  // namespace
}  // namespace bake::bundle
