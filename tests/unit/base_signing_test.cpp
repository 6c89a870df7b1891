#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/base/signing.hpp"

namespace bake {
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

}  // namespace
}  // namespace bake
