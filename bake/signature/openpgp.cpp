#include "bake/signature/openpgp.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <utility>
// libsolv's struct has a member `requires`, a keyword of C++20; this asks for the other spelling.
#define LIBSOLV_SOLVABLE_PREPEND_DEP
extern "C" {
#include <solv/chksum.h>
#include <solv/knownid.h>
#include <solv/pool.h>
#include <solv/repo.h>
#include <solv/repo_pubkey.h>
#include <solv/solvable.h>
}

#include "bake/archive/entry_policy.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/signature/openpgp_packets.hpp"
#include "bake/signature/signing.hpp"

namespace bake::signature {
namespace {

using FilePointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// libsolv reads from C streams; it never writes to this one.
FilePointer stream_of(const std::string& bytes) {
  return {::fmemopen(const_cast<char*>(bytes.data()), bytes.size(), "r"), &std::fclose};
}

std::string upper_or_empty(const char* text) {
  std::string upper = text != nullptr ? text : "";
  for (auto& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

/// RFC 4880, 9.1 and 9.4.
std::string name_of_public_key(int algorithm) {
  switch (algorithm) {
    case 1:
    case 3:
      return "RSA";
    case 17:
      return "DSA";
    case 19:
      return "ECDSA";
    case 22:
    case 27:
      return "EdDSA";
    default:
      return fmt::format("algorithm {}", algorithm);
  }
}
std::string name_of_hash(int algorithm) {
  switch (algorithm) {
    case 1:
      return "MD5";
    case 2:
      return "SHA1";
    case 8:
      return "SHA256";
    case 9:
      return "SHA384";
    case 10:
      return "SHA512";
    case 11:
      return "SHA224";
    default:
      return fmt::format("hash {}", algorithm);
  }
}

}  // namespace

std::string_view name_of(SignatureState state) {
  switch (state) {
    case SignatureState::good:
      return "good";
    case SignatureState::bad:
      return "bad";
    case SignatureState::unknown_key:
      return "unknown key";
    case SignatureState::unreadable:
      return "unreadable";
    case SignatureState::absent:
      return "absent";
  }
  return "absent";
}

struct KeyRing::State {
  std::unique_ptr<Pool, decltype(&pool_free)> pool{pool_create(), &pool_free};
  Repo* repo = repo_create(pool.get(), "keys");

  [[nodiscard]] std::string text(Id key, Id what) const {
    const char* found = pool_lookup_str(pool.get(), key, what);
    return found != nullptr ? found : "";
  }
  /// The primary key of a subkey, else the key itself.
  [[nodiscard]] Id primary_of(Id key) const {
    const char* of = pool_lookup_str(pool.get(), key, PUBKEY_SUBKEYOF);
    const Id primary = of != nullptr ? repo_find_pubkey(repo, of) : 0;
    return primary != 0 ? primary : key;
  }
  [[nodiscard]] PublicKey describe(Id key) const {
    const auto primary = primary_of(key);
    return {upper_or_empty(pool_lookup_str(pool.get(), primary, PUBKEY_FINGERPRINT)),
            archive::printable(text(primary, SOLVABLE_SUMMARY))};
  }
  [[nodiscard]] std::string_view key_data(Id key) const {
    int size = 0;
    const void* data = repo_lookup_binary(repo, key, PUBKEY_DATA, &size);
    return {static_cast<const char*>(data), data != nullptr ? static_cast<std::size_t>(size) : 0};
  }
  /// Bits of an RSA modulus, 0 for other keys.
  [[nodiscard]] unsigned rsa_bits(Id key) const {
    const auto data = key_data(key);
    if (data.size() < 3 || data[0] != 1) return 0;
    return static_cast<unsigned char>(data[1]) * 256U + static_cast<unsigned char>(data[2]);
  }
};

KeyRing::KeyRing() : state_(std::make_unique<State>()) {}
KeyRing::~KeyRing() = default;
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;

void KeyRing::add(std::string_view content, const std::string& name) {
  std::string bytes;
  bool any_key = false;
  for (const auto& packet : parse_packets(content)) {
    any_key = any_key || packet.tag == pgp_public_key;
    // Leaves out what libsolv had better not see, above all signatures by Ed25519 keys (see verify_eddsa()). All that
    // is lost with those is the keys' expiry.
    const auto facts = inspect_signature(packet.body);
    const bool unwanted = packet.tag == pgp_signature && (!facts || facts->public_key_algorithm == pgp_eddsa);
    if (any_key && !unwanted) bytes += packet.whole;
  }
  if (!any_key)
    throw Error(ErrorKind::config, fmt::format("reading key ring '{}': it holds no OpenPGP public key", name),
                "export one with 'gpg --export --armor FINGERPRINT'");
  const auto file = stream_of(bytes);
  repo_add_keyring(state_->repo, file.get(), ADD_WITH_SUBKEYS);
}

void KeyRing::add_file(const std::filesystem::path& file) {
  add(read_text(file, std::size_t{16} << 20U), file.string());
}

bool KeyRing::empty() const { return state_->repo->nsolvables == 0; }

std::vector<PublicKey> KeyRing::keys() const {
  std::vector<PublicKey> keys;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(state_->repo, id, solvable) {
    if (pool_lookup_str(state_->pool.get(), id, PUBKEY_SUBKEYOF) == nullptr) keys.push_back(state_->describe(id));
  }
  return keys;
}

/// One signature packet with the digest it wants.
struct SignatureCheck::Candidate {
  SignatureFacts facts;
  std::string body;
  std::unique_ptr<Solvsig, decltype(&solvsig_free)> signature{nullptr, &solvsig_free};
  Chksum* digest = nullptr;

  Candidate() = default;
  ~Candidate() {
    if (digest != nullptr) solv_chksum_free(digest, nullptr);
  }
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
};

SignatureCheck::SignatureCheck(const KeyRing& ring, std::string_view signature) : ring_(&ring) {
  constexpr std::size_t max_signatures = 16;
  for (const auto& packet : parse_packets(signature)) {
    if (packet.tag != pgp_signature || candidates_.size() == max_signatures) continue;
    const auto facts = inspect_signature(packet.body);
    if (!facts || facts->type != 0) continue;
    auto candidate = std::make_unique<Candidate>();
    candidate->facts = *facts;
    candidate->body = packet.body;
    const auto file = stream_of(packet.whole);
    candidate->signature.reset(solvsig_create(file.get()));
    if (!candidate->signature || candidate->signature->htype == 0) continue;
    candidate->digest = solv_chksum_create(candidate->signature->htype);
    if (candidate->digest != nullptr) candidates_.push_back(std::move(candidate));
  }
}

SignatureCheck::~SignatureCheck() = default;
SignatureCheck::SignatureCheck(SignatureCheck&&) noexcept = default;
SignatureCheck& SignatureCheck::operator=(SignatureCheck&&) noexcept = default;

void SignatureCheck::update(std::span<const std::byte> data) {
  // solv_chksum_add() takes an int.
  for (; !data.empty(); data = data.subspan(std::min<std::size_t>(data.size(), std::size_t{1} << 20U)))
    for (const auto& candidate : candidates_)
      solv_chksum_add(candidate->digest, data.data(),
                      static_cast<int>(std::min<std::size_t>(data.size(), std::size_t{1} << 20U)));
}

void SignatureCheck::update(std::string_view data) { update(std::as_bytes(std::span(data.data(), data.size()))); }

/// The key that made an EdDSA signature, or 0. Not libsolv's business: up to 0.7.23 at least, its Ed25519 code copies
/// the second number with the length of the first, beyond both buffers when they differ (solv_pgpvrfy.c).
int SignatureCheck::verify_eddsa(const Candidate& candidate) const {
  const auto& ring = *ring_->state_;
  const auto signature = ed25519_signature(candidate.body);
  if (!signature) return 0;
  const auto trailer = signature_trailer(candidate.body);
  Chksum* digest = solv_chksum_create_clone(candidate.digest);
  solv_chksum_add(digest, trailer.data(), static_cast<int>(trailer.size()));
  int size = 0;
  const unsigned char* bytes = solv_chksum_get(digest, &size);
  const std::string message(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  solv_chksum_free(digest, nullptr);
  Id found = 0;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(ring.repo, id, solvable) {
    const auto key = ed25519_key(ring.key_data(id));
    if (found == 0 && key && ring.text(id, PUBKEY_KEYID) == candidate.signature->keyid &&
        verify_raw_signature(message, *signature, *key))
      found = id;
  }
  return found;
}

SignatureResult SignatureCheck::finish() const {
  SignatureResult best;
  best.state = SignatureState::unreadable;
  for (const auto& candidate : candidates_) {
    const auto& ring = *ring_->state_;
    auto& signature = *candidate->signature;
    SignatureResult result;
    result.key_id = upper_or_empty(signature.keyid);
    const auto hash = name_of_hash(candidate->facts.hash_algorithm);
    const auto public_key = name_of_public_key(candidate->facts.public_key_algorithm);
    result.algorithms = fmt::format("{}/{}", public_key, hash);
    if (public_key == "DSA" || hash == "SHA1" || hash == "MD5") result.weak.push_back(result.algorithms);
    Id key = candidate->facts.public_key_algorithm == pgp_eddsa
                 ? verify_eddsa(*candidate)
                 : solvsig_verify(&signature, ring.repo, candidate->digest);
    result.state = key != 0 ? SignatureState::good : SignatureState::bad;
    if (key == 0) key = repo_find_pubkey(ring.repo, signature.keyid);
    if (key == 0) {
      result.state = SignatureState::unknown_key;
    } else {
      const auto who = ring.describe(key);
      result.fingerprint = who.fingerprint;
      result.user_id = who.user_id;
      if (const auto bits = ring.rsa_bits(key); bits != 0 && bits < 2048)
        result.weak.push_back(fmt::format("RSA of {} bits", bits));
      const auto expires = pool_lookup_num(ring.pool.get(), key, PUBKEY_EXPIRES, 0);
      if (expires != 0 && signature.created > expires) result.weak.emplace_back("key expired before it signed");
    }
    if (result.state < best.state) best = std::move(result);
  }
  return best;
}

SignatureResult check_signature(const KeyRing& ring, std::string_view signature, std::string_view data) {
  SignatureCheck check(ring, signature);
  check.update(data);
  return check.finish();
}

}  // namespace bake::signature
