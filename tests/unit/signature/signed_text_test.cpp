// Texts with their signature in one file, as InRelease files are.
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/signature/openpgp.hpp"
#include "tests/support/bundles.hpp"

namespace bake::signature {
namespace {

std::string signed_by(const testing::Gpg& signer, const std::string& text) {
  const auto file = signer.home() / "text";
  write_text_atomically(file, text);
  return signer.run({"--clearsign", "--output", "-", file.string()}, "signing");
}

KeyRing ring_of(const testing::Gpg& signer) {
  KeyRing ring;
  ring.add(signer.public_key(), "keys");
  return ring;
}

const std::string text = "Suite: DOCA-HOST-3.2.3\nSHA256:\n 0123 4 Packages\n- a line with a dash\n";

TEST(SignedText, GivesTheTextThatTheSignatureCovers) {
  const auto checked = check_signed_text(ring_of(testing::vendor()), signed_by(testing::vendor(), text));
  EXPECT_EQ(checked.signature.state, SignatureState::good);
  EXPECT_EQ(checked.signature.fingerprint, testing::vendor().fingerprint());
  EXPECT_EQ(split_lines(checked.text), split_lines(text));
}

TEST(SignedText, OfAnotherKeyIsReadToo) {
  const auto checked = check_signed_text(ring_of(testing::vendor()), signed_by(testing::stranger(), text));
  EXPECT_EQ(checked.signature.state, SignatureState::unknown_key);
  EXPECT_EQ(split_lines(checked.text), split_lines(text));
  EXPECT_EQ(check_signed_text(KeyRing(), signed_by(testing::vendor(), text)).signature.state,
            SignatureState::unknown_key);
}

TEST(SignedText, ThatWasChangedIsBad) {
  const auto changed = replace_all(signed_by(testing::vendor(), text), "0123", "9999");
  EXPECT_EQ(check_signed_text(ring_of(testing::vendor()), changed).signature.state, SignatureState::bad);
}

TEST(SignedText, WithTextAroundItIsNotReadAsSigned) {
  const auto whole = signed_by(testing::vendor(), text);
  EXPECT_EQ(check_signed_text(ring_of(testing::vendor()), "Suite: x\n" + whole).signature.state,
            SignatureState::unreadable);
  const auto behind = check_signed_text(ring_of(testing::vendor()), whole + "Suite: x\n");
  EXPECT_EQ(split_lines(behind.text), split_lines(text));
}

TEST(SignedText, OtherFormsAreUnreadable) {
  const auto ring = ring_of(testing::vendor());
  for (const auto& file : {std::string(), std::string("Suite: x\n"), testing::vendor().sign(text),
                           std::string("-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n")}) {
    const auto checked = check_signed_text(ring, file);
    EXPECT_EQ(checked.signature.state, SignatureState::unreadable);
    EXPECT_EQ(checked.text, "");
  }
  const auto whole = signed_by(testing::vendor(), text);
  for (std::size_t length = 0; length < whole.find("-----BEGIN PGP SIGNATURE"); length += 7)
    EXPECT_NE(check_signed_text(ring, whole.substr(0, length)).signature.state, SignatureState::good) << length;
}

}  // namespace
}  // namespace bake::signature
