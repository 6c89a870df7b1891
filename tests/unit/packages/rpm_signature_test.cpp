// What an rpm's signatures cover: the header, the payload, or both.
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/packages/rpm_header.hpp"
#include "tests/support/bundles.hpp"
#include "tests/support/genuine_data.hpp"

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

/// A directory of genuine packages: of CentOS 7 (version 3 signatures over the header and over all, no payload digest)
/// or RHEL 8 (the same, with a digest), where a checkout of them is next to the repository or in $BAKE_TEST_DATA.
class GenuinePackages : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    directory_ = testing::genuine_data(GetParam());
    key_ = directory_ / (GetParam() == "el7-rpms" ? "RPM-GPG-KEY-CentOS-7" : "RPM-GPG-KEY-redhat-release");
    if (!std::filesystem::exists(key_)) GTEST_SKIP() << "the genuine packages are not in " << directory_;
  }

  /// Returns the packages of these names.
  [[nodiscard]] std::vector<std::filesystem::path> packages(const std::vector<std::string>& names) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      const auto file = entry.path().filename().string();
      const auto named = [&](const std::string& name) { return file.starts_with(name + "-"); };
      if (file.ends_with(".rpm") && std::any_of(names.begin(), names.end(), named)) found.push_back(entry.path());
    }
    return found;
  }

  std::filesystem::path directory_, key_;
};

TEST_P(GenuinePackages, HaveAGoodSignatureThatOneChangedByteSpoils) {
  signature::KeyRing ring;
  ring.add_file(key_);
  const auto files = packages({"acl", "tzdata", "which"});
  EXPECT_EQ(files.size(), 3U);
  for (const auto& file : files) {
    const auto bytes = read_text(file);
    const auto facts = read_rpm(archive::source_of(bytes), ring, file);
    EXPECT_EQ(facts.signature.state, signature::SignatureState::good) << file << ": " << facts.signature.reason;
    EXPECT_EQ(facts.signature.algorithms, "RSA/SHA256") << file;
    EXPECT_TRUE(facts.payload_signed) << file;
    const auto changed = with_changed_payload(bytes);
    EXPECT_EQ(read_rpm(archive::source_of(changed), ring, file).signature.state, signature::SignatureState::bad)
        << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Userlands, GenuinePackages, ::testing::Values("el7-rpms", "el8-rpms"),
                         [](const auto& parameters) { return parameters.param.substr(0, 3); });

}  // namespace
}  // namespace bake::bundle
