#include "bake/signature/signing.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bake/base/base64.hpp"
#include "bake/base/error.hpp"
#include "bake/signature/dsse.hpp"
#include "tests/support/error_of.hpp"

namespace bake::signature {
namespace {

// RFC 8032, section 7.1, test 2, wrapped in PKCS#8 (RFC 8410).
constexpr const char* rfc_private =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE "
    "KEY-----\n";

TEST(Signing, SignsAndVerifies) {
  const auto pair = new_key_pair();
  const auto signature = sign("message", pair.private_pem);
  EXPECT_EQ(signature.size(), 128U);
  EXPECT_TRUE(verify_signature("message", signature, pair.public_pem));
  EXPECT_FALSE(verify_signature("Message", signature, pair.public_pem));
  EXPECT_FALSE(verify_signature("message", std::string(128, 'a'), pair.public_pem));
  EXPECT_FALSE(verify_signature("message", "zz", pair.public_pem));
  EXPECT_FALSE(verify_signature("message", signature, new_key_pair().public_pem));
  EXPECT_EQ(public_half(pair.private_pem), pair.public_pem);
}

TEST(Signing, MatchesThePublishedVector) {
  EXPECT_EQ(sign("\x72", rfc_private),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4"
            "302aeeb00d291612bb0c00");
}

TEST(Signing, FingerprintNamesTheKey) {
  const auto pair = new_key_pair();
  EXPECT_EQ(key_fingerprint(pair.public_pem), key_fingerprint(public_half(pair.private_pem)));
  EXPECT_NE(key_fingerprint(pair.public_pem), key_fingerprint(new_key_pair().public_pem));
}

TEST(Signing, RefusesWhatIsNoKey) {
  EXPECT_THROW(sign("m", "no key"), Error);
  EXPECT_THROW(verify_signature("m", std::string(128, 'a'), rfc_private), Error);
}

TEST(Signing, TellsTheOtherHalfFromNoKey) {
  const auto pair = new_key_pair();
  EXPECT_EQ(error_of([&] { sign("m", pair.public_pem); }).message(), "reading a private key: it is a public key");
  EXPECT_EQ(error_of([&] { key_fingerprint(pair.private_pem); }).message(),
            "reading a public key: it is a private key");
  EXPECT_EQ(error_of([&] { sign("m", "no key"); }).message(), "reading a private key: not an Ed25519 key in PEM form");
}

TEST(Signing, Base64GoesBothWays) {
  // RFC 4648, section 10.
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(from_base64("Zm9vYmE="), "fooba");
  EXPECT_EQ(from_base64(""), "");
  for (const auto* wrong : {"Zm9", "Zm9*", "Zm9vYmF=", "====", "Zm9v\n"}) EXPECT_EQ(from_base64(wrong), std::nullopt);
}

TEST(Signing, EnvelopeFollowsDsse) {
  // What DSSE's protocol.md signs for this payload: PAE(type, body).
  const auto text = make_envelope("hello world", "http://example.com/HelloWorld", rfc_private);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("payload"), "aGVsbG8gd29ybGQ=");
  EXPECT_EQ(json.at("signatures").at(0).at("keyid"), key_fingerprint(public_half(rfc_private)));
  const auto signature = from_base64(json.at("signatures").at(0).at("sig").get<std::string>());
  ASSERT_TRUE(signature.has_value());
  EXPECT_TRUE(verify_signature_bytes("DSSEv1 29 http://example.com/HelloWorld 11 hello world", *signature,
                                     public_half(rfc_private)));
  const auto envelope = read_envelope(text, "x");
  EXPECT_EQ(envelope.payload, "hello world");
  EXPECT_NO_THROW(require_signed(envelope, public_half(rfc_private), "x"));
}

std::string refusal(const std::string& text, const std::string& public_pem) {
  try {
    require_signed(read_envelope(text, "x"), public_pem, "x");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::untrusted);
    return error.message();
  }
  return "accepted";
}

TEST(Signing, EnvelopeOfAnotherKeyOrContentIsRefused) {
  const auto own = new_key_pair();
  const auto other = new_key_pair();
  const auto text = make_envelope("payload", "type", own.private_pem);
  EXPECT_EQ(refusal(text, own.public_pem), "accepted");
  EXPECT_EQ(refusal(text, other.public_pem), "verifying 'x': signed by key " + key_fingerprint(own.public_pem) +
                                                 ", not by the trusted key " + key_fingerprint(other.public_pem));
  EXPECT_EQ(refusal(make_envelope("payload", "type", ""), own.public_pem), "verifying 'x': it is not signed");
  auto json = nlohmann::json::parse(text);
  json["payload"] = to_base64("Payload");
  EXPECT_EQ(refusal(json.dump(), own.public_pem), "verifying 'x': its signature names the trusted key, but is wrong");
  json = nlohmann::json::parse(text);
  json["payloadType"] = "other";
  EXPECT_NE(refusal(json.dump(), own.public_pem), "accepted");
  EXPECT_EQ(refusal("{}", own.public_pem), "reading 'x': not a signed document (DSSE envelope)");
  EXPECT_EQ(refusal("no json", own.public_pem), "reading 'x': not a signed document (DSSE envelope)");
}

}  // namespace
}  // namespace bake::signature
