// Which keys of a key file count, and when: subkeys, revocations, and dates.
#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/signature/openpgp.hpp"
#include "tests/support/bundles.hpp"

namespace bake::signature {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t day = 24 * 60 * 60;
constexpr std::int64_t year_2024 = 1704067200;  // 2024-01-01T00:00:00Z

/// The option that sets gpg's clock to `time`.
std::vector<std::string> at(std::int64_t time) { return {"--faked-system-time", fmt::format("{}!", time)}; }

std::vector<std::string> at(std::int64_t time, std::initializer_list<std::string> more) {
  auto options = at(time);
  options.insert(options.end(), more);
  return options;
}

KeyRing ring_of(const std::string& keys, std::int64_t now = year_2024) {
  KeyRing ring(now);
  ring.add(keys, "test keys");
  return ring;
}

struct Packet {
  unsigned tag = 0;
  std::string body;
};

/// The packets of a binary key file. gpg writes them with headers of the old format (RFC 4880, 4.2.1).
std::vector<Packet> packets_of(const std::string& bytes) {
  std::vector<Packet> packets;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto byte = [&](std::size_t offset) { return static_cast<unsigned char>(bytes.at(i + offset)); };
    const auto head = byte(0);
    if ((head & 0xC2U) != 0x80U) throw std::runtime_error("not a header of the old format");
    const std::size_t width = (head & 3U) == 0 ? 1 : 2;
    const std::size_t size = width == 1 ? byte(1) : byte(1) * 256U + byte(2);
    packets.push_back({head >> 2U & 0x0FU, bytes.substr(i + 1 + width, size)});
    i += 1 + width + size;
  }
  return packets;
}

std::string bytes_of(const Packet& packet) {
  std::string bytes(1, static_cast<char>(0x81U | packet.tag << 2U));
  bytes += static_cast<char>(packet.body.size() >> 8U);
  bytes += static_cast<char>(packet.body.size() & 0xFFU);
  return bytes + packet.body;
}

std::string bytes_of(const std::vector<Packet>& packets) {
  std::string bytes;
  for (const auto& packet : packets) bytes += bytes_of(packet);
  return bytes;
}

constexpr unsigned signature_tag = 2;
constexpr unsigned subkey_tag = 14;

/// The primary key of `key` as a subkey packet.
Packet as_subkey(const testing::Gpg& key) { return {subkey_tag, packets_of(key.public_key(false)).front().body}; }

/// `body` of a version 4 signature without its unhashed subpackets.
std::string without_unhashed(const std::string& body) {
  const auto size_at = [&](std::size_t offset) {
    return static_cast<std::size_t>(static_cast<unsigned char>(body.at(offset)) * 256U +
                                    static_cast<unsigned char>(body.at(offset + 1)));
  };
  const auto unhashed = 6 + size_at(4);
  return body.substr(0, unhashed) + std::string(2, '\0') + body.substr(unhashed + 2 + size_at(unhashed));
}

/// A key with a subkey that makes its signatures.
class WithSubkey : public testing::Gpg {
 public:
  explicit WithSubkey(const std::string& user_id) : Gpg(user_id, "ed25519", at(year_2024 - 100 * day)) {
    run(at(year_2024 - 100 * day, {"--quick-add-key", fingerprint(), "ed25519", "sign", "never"}), "adding a subkey");
    for (const auto& line : split_lines(run({"--list-keys", "--with-colons"}, "listing keys")))
      if (line.starts_with("fpr:")) subkey = split(line, ':').at(9);
  }
  std::string subkey;  ///< its fingerprint
};

std::string sign_at(const testing::Gpg& key, std::int64_t time) { return key.sign("x", true, at(time)); }

const testing::Gpg& old_vendor() {
  static const testing::Gpg key("Old Vendor <old@example.org>", "ed25519", at(year_2024 - 1000 * day));
  return key;
}
const testing::Gpg& attacker() {
  static const testing::Gpg key("Attacker <attacker@example.org>", "ed25519", at(year_2024 - 1000 * day));
  return key;
}

TEST(Subkey, IsKeptWhenTheVendorBoundIt) {
  const WithSubkey key("Vendor <vendor@example.org>");
  const auto ring = ring_of(key.public_key());
  const auto result = check_signature(ring, sign_at(key, year_2024 - day), "x");
  EXPECT_EQ(result.state, SignatureState::good) << result.reason;
  EXPECT_EQ(result.key_id, key.subkey.substr(24));
  EXPECT_EQ(result.fingerprint, key.fingerprint());
  ASSERT_EQ(ring.keys().size(), 1U);
  EXPECT_THAT(ring.keys()[0].subkeys, ElementsAre(key.subkey));
}

TEST(Subkey, ThatNobodyBoundIsDropped) {
  const auto signature = sign_at(attacker(), year_2024 - day);
  const auto ring = ring_of(old_vendor().public_key(false) + bytes_of(as_subkey(attacker())));
  EXPECT_EQ(check_signature(ring, signature, "x").state, SignatureState::unknown_key);
  ASSERT_EQ(ring.keys().size(), 1U);
  EXPECT_EQ(ring.keys()[0].fingerprint, old_vendor().fingerprint());
  EXPECT_THAT(ring.keys()[0].subkeys, IsEmpty());
}

TEST(Subkey, BehindASignatureThatBindsItToAnotherKeyIsDropped) {
  const WithSubkey other("Attacker <attacker@example.org>");
  const auto packets = packets_of(other.public_key(false));
  const auto subkey = std::find_if(packets.begin(), packets.end(), [](auto& each) { return each.tag == subkey_tag; });
  ASSERT_NE(subkey, packets.end());
  const auto binding = std::next(subkey);
  ASSERT_EQ(binding->tag, signature_tag);
  const auto signature = sign_at(other, year_2024 - day);
  const auto vendor = packets_of(old_vendor().public_key(false));
  ASSERT_EQ(vendor.back().tag, signature_tag);
  for (const auto& foreign : {*binding, vendor.back()}) {
    const auto ring = ring_of(bytes_of(vendor) + bytes_of(*subkey) + bytes_of(foreign));
    EXPECT_EQ(check_signature(ring, signature, "x").state, SignatureState::unknown_key);
    EXPECT_THAT(ring.keys().at(0).subkeys, IsEmpty());
  }
}

/// Without the signature by the subkey (0x19), any person could claim another's key as a subkey.
TEST(Subkey, WithoutItsBackSignatureIsDropped) {
  const WithSubkey key("Vendor <vendor@example.org>");
  auto packets = packets_of(key.public_key(false));
  packets.back().body = without_unhashed(packets.back().body);
  const auto ring = ring_of(bytes_of(packets));
  EXPECT_EQ(check_signature(ring, sign_at(key, year_2024 - day), "x").state, SignatureState::unknown_key);
  EXPECT_THAT(ring.keys().at(0).subkeys, IsEmpty());
}

TEST(Key, ThatWasRevokedIsRefused) {
  const testing::Gpg key("Vendor <vendor@example.org>", "ed25519", at(year_2024 - 100 * day));
  const auto signature = sign_at(key, year_2024 - 50 * day);
  const auto before = key.public_key();
  const auto certificate = key.home() / "revocation.asc";
  write_text_atomically(
      certificate,
      replace_all(read_text(key.home() / "openpgp-revocs.d" / (key.fingerprint() + ".rev")), ":-----", "-----"));
  key.run({"--import", certificate.string()}, "revoking a key");
  EXPECT_EQ(check_signature(ring_of(before), signature, "x").state, SignatureState::good);
  for (const auto& keys : {key.public_key(), before + key.public_key(), key.public_key() + before}) {
    const auto result = check_signature(ring_of(keys), signature, "x");
    EXPECT_EQ(result.state, SignatureState::refused);
    EXPECT_EQ(result.reason, fmt::format("key {} is revoked", key.fingerprint()));
  }
}

TEST(Subkey, ThatWasRevokedIsRefused) {
  const WithSubkey key("Vendor <vendor@example.org>");
  const auto signature = sign_at(key, year_2024 - 50 * day);
  const auto answers = key.home() / "answers";
  write_text_atomically(answers, "key 1\nrevkey\ny\n0\n\ny\nsave\n");
  key.run(at(year_2024 - 40 * day, {"--command-file", answers.string(), "--edit-key", key.fingerprint()}),
          "revoking a subkey");
  const auto ring = ring_of(key.public_key());
  const auto result = check_signature(ring, signature, "x");
  EXPECT_EQ(result.state, SignatureState::refused);
  EXPECT_EQ(result.reason, fmt::format("subkey {} is revoked", key.subkey));
  EXPECT_THAT(ring.keys().at(0).revoked_subkeys, ElementsAre(key.subkey));
}

TEST(Key, ThatExpiredBeforeItSignedIsRefused) {
  const testing::Gpg key("Vendor <vendor@example.org>", "ed25519", at(year_2024 - 100 * day));
  const auto early = sign_at(key, year_2024 - 90 * day);
  const auto late = sign_at(key, year_2024 - 10 * day);
  key.run(at(year_2024 - 95 * day, {"--quick-set-expire", key.fingerprint(), "20d"}), "setting an expiry");
  const auto ring = ring_of(key.public_key());
  EXPECT_EQ(check_signature(ring, early, "x").state, SignatureState::good);
  const auto result = check_signature(ring, late, "x");
  EXPECT_EQ(result.state, SignatureState::refused);
  EXPECT_EQ(result.reason,
            fmt::format("key {} expired on 2023-10-18, before it signed on 2023-12-22", key.fingerprint()));
}

TEST(SignatureDate, InTheFutureIsRefused) {
  const auto signature = sign_at(old_vendor(), year_2024);
  const auto ring_at = [](std::int64_t now) { return ring_of(old_vendor().public_key(), now); };
  EXPECT_EQ(check_signature(ring_at(year_2024), signature, "x").state, SignatureState::good);
  EXPECT_EQ(check_signature(ring_at(year_2024 - 300), signature, "x").state, SignatureState::good);
  const auto result = check_signature(ring_at(year_2024 - 301), signature, "x");
  EXPECT_EQ(result.state, SignatureState::refused);
  EXPECT_EQ(result.reason, "the signature is dated in the future, 2024-01-01T00:00:00Z");
}

TEST(SignatureDate, PastTheSignaturesOwnExpiryIsRefused) {
  const auto signature = old_vendor().sign("x", true, at(year_2024, {"--default-sig-expire", "1d"}));
  const auto keys = old_vendor().public_key();
  EXPECT_EQ(check_signature(ring_of(keys, year_2024 + day / 2), signature, "x").state, SignatureState::good);
  const auto result = check_signature(ring_of(keys, year_2024 + 2 * day), signature, "x");
  EXPECT_EQ(result.state, SignatureState::refused);
  EXPECT_EQ(result.reason, "the signature expired on 2024-01-02");
}

TEST(KeyFile, WithASecretKeyIsRefused) {
  const testing::Gpg key("Vendor <vendor@example.org>");
  const auto secret = key.run({"--armor", "--export-secret-keys"}, "exporting");
  const auto error = testing::error_of([&] { ring_of(secret); });
  EXPECT_EQ(error.kind(), ErrorKind::config);
  EXPECT_EQ(error.message(), "reading key ring 'test keys': it holds a secret key");
}

}  // namespace
}  // namespace bake::signature
