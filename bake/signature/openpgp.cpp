#include "bake/signature/openpgp.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <rnp/rnp.h>
#include <rnp/rnp_err.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"

namespace bake::signature {
namespace {

/// A signature may be this much ahead of this machine's clock, in seconds.
constexpr std::int64_t max_clock_skew = 300;

/// librnp 0.16 as Debian builds it (without NDEBUG) writes its debugging lines to stderr and has no switch for them
/// (rnp, src/lib/logging.cpp). The GNU C library lets a program set the variable `stderr` ("Standard Streams" in its
/// manual); std::cerr keeps its own reference to the stream.
class NoDebugOutput {
 public:
  NoDebugOutput() : saved_(stderr) {
    static std::FILE* const nowhere = ::fopencookie(nullptr, "w", {});  // discards what it is given
    if (nowhere != nullptr) stderr = nowhere;
  }
  ~NoDebugOutput() { stderr = saved_; }
  NoDebugOutput(const NoDebugOutput&) = delete;
  NoDebugOutput& operator=(const NoDebugOutput&) = delete;

 private:
  std::FILE* saved_;
};

/// librnp remembers `stderr` when it starts, and closes it at its end unless it still is `stderr`.
rnp_result_t destroy_quietly(rnp_ffi_t ffi) {
  const NoDebugOutput quiet;
  return rnp_ffi_destroy(ffi);
}

template <typename Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, rnp_result_t (*)(Handle)>;

/// What `make(&handle)` puts into a handle; null when it fails.
template <typename Handle, typename Make>
Owned<Handle> owned(rnp_result_t (*destroy)(Handle), Make make) {
  Handle handle = nullptr;
  if (make(&handle) != RNP_SUCCESS) handle = nullptr;
  return {handle, destroy};
}

using Key = Owned<rnp_key_handle_t>;
using Signature = Owned<rnp_signature_handle_t>;

/// The text that `get(&text)` gives; empty when it fails.
template <typename Get>
std::string text_of(Get get) {
  char* text = nullptr;
  if (get(&text) != RNP_SUCCESS || text == nullptr) return {};
  std::string copy = text;
  rnp_buffer_destroy(text);
  return copy;
}

/// The value that `get(&value)` gives; `otherwise` when it fails.
template <typename Value, typename Get>
Value value_of(Get get, Value otherwise = {}) {
  Value value = otherwise;
  return get(&value) == RNP_SUCCESS ? value : otherwise;
}

std::string fingerprint_of(const Key& key) {
  return text_of([&](char** text) { return rnp_key_get_fprint(key.get(), text); });
}

bool is_revoked(const Key& key) {
  return value_of<bool>([&](bool* revoked) { return rnp_key_is_revoked(key.get(), revoked); });
}

/// The first user id that the key itself signed.
std::string user_id_of(const Key& key) {
  const auto count = value_of<std::size_t>([&](std::size_t* n) { return rnp_key_get_uid_count(key.get(), n); });
  for (std::size_t i = 0; i < count; ++i) {
    const auto user = owned<rnp_uid_handle_t>(&rnp_uid_handle_destroy, [&](rnp_uid_handle_t* handle) {
      return rnp_key_get_uid_handle_at(key.get(), i, handle);
    });
    if (user && value_of<bool>([&](bool* valid) { return rnp_uid_is_valid(user.get(), valid); }))
      return printable(text_of([&](char** text) { return rnp_key_get_uid_at(key.get(), i, text); }));
  }
  return {};
}

std::vector<Key> subkeys_of(const Key& key) {
  std::vector<Key> subkeys;
  const auto count = value_of<std::size_t>([&](std::size_t* n) { return rnp_key_get_subkey_count(key.get(), n); });
  for (std::size_t i = 0; i < count; ++i)
    if (auto subkey = owned<rnp_key_handle_t>(
            &rnp_key_handle_destroy, [&](rnp_key_handle_t* to) { return rnp_key_get_subkey_at(key.get(), i, to); }))
      subkeys.push_back(std::move(subkey));
  return subkeys;
}

/// True when the binding says what the subkey is for (subpacket 27). Only then librnp asks for the back-signature that
/// a signing subkey needs (pgp-key.cpp, validate_binding).
bool names_usage(const Signature& binding) {
  const auto text = text_of([&](char** json) { return rnp_signature_packet_to_json(binding.get(), 0, json); });
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto& packet = json.is_array() && !json.empty() ? json.front() : json;
  if (!packet.is_object() || !packet.contains("subpackets")) return false;
  return std::any_of(packet["subpackets"].begin(), packet["subpackets"].end(), [](const auto& subpacket) {
    return subpacket.value("type", 0) == 27 && subpacket.value("hashed", false);
  });
}

/// True when the primary key bound the subkey (RFC 4880, 5.2.1: type 0x18).
bool is_bound(const Key& subkey) {
  const auto count =
      value_of<std::size_t>([&](std::size_t* n) { return rnp_key_get_signature_count(subkey.get(), n); });
  for (std::size_t i = 0; i < count; ++i) {
    const auto signature = owned<rnp_signature_handle_t>(
        &rnp_signature_handle_destroy,
        [&](rnp_signature_handle_t* handle) { return rnp_key_get_signature_at(subkey.get(), i, handle); });
    if (signature &&
        text_of([&](char** type) { return rnp_signature_get_type(signature.get(), type); }) == "subkey binding" &&
        rnp_signature_is_valid(signature.get(), 0) == RNP_SUCCESS && names_usage(signature))
      return true;
  }
  return false;
}

bool may_sign(const Key& key) {
  return value_of<bool>([&](bool* allowed) { return rnp_key_allows_usage(key.get(), "sign", allowed); });
}

std::string date_of(std::int64_t seconds) { return iso_time(seconds).substr(0, 10); }

/// When `key` ends, in seconds since 1970, if its self-signature says so.
std::optional<std::int64_t> end_of(const Key& key) {
  const auto created = value_of<std::uint32_t>([&](auto* time) { return rnp_key_get_creation(key.get(), time); });
  const auto lasts = value_of<std::uint32_t>([&](auto* time) { return rnp_key_get_expiration(key.get(), time); });
  return lasts == 0 ? std::nullopt : std::optional(std::int64_t{created} + lasts);
}

/// The names that the rest of the program and its outputs use.
std::string name_of_algorithm(const std::string& name) { return name == "EDDSA" ? "EdDSA" : name; }

}  // namespace

std::string_view name_of(SignatureState state) {
  switch (state) {
    case SignatureState::good:
      return "good";
    case SignatureState::refused:
      return "refused";
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
  explicit State(std::int64_t time) : now(time) {
    if (!ffi) throw Error(ErrorKind::environment, "reading key rings: the library librnp does not start");
    // Without its rules librnp accepts SHA-1 and MD5: they are named as weak, and the policy of the user decides.
    rnp_remove_security_rule(ffi.get(), nullptr, nullptr, 0, RNP_SECURITY_REMOVE_ALL, 0, nullptr);
    rnp_set_timestamp(ffi.get(), static_cast<std::uint64_t>(now + max_clock_skew));
  }

  [[nodiscard]] Key find(const char* identifier_type, const std::string& identifier) const {
    return owned<rnp_key_handle_t>(&rnp_key_handle_destroy, [&](rnp_key_handle_t* handle) {
      return rnp_locate_key(ffi.get(), identifier_type, identifier.c_str(), handle);
    });
  }
  /// The primary key of a subkey; the key itself when it is a primary key.
  [[nodiscard]] Key primary_of(const Key& key) const {
    const auto primary = text_of([&](char** text) { return rnp_key_get_primary_fprint(key.get(), text); });
    return find("fingerprint", primary.empty() ? fingerprint_of(key) : primary);
  }
  /// Removes subkeys that the primary key did not bind.
  static void remove_unbound_subkeys(const Key& primary) {
    for (const auto& subkey : subkeys_of(primary))
      if (!is_bound(subkey)) rnp_key_remove(subkey.get(), RNP_KEY_REMOVE_PUBLIC);
  }
  [[nodiscard]] std::string reason_to_refuse(const Key& signer, const Key& primary, std::int64_t signed_at,
                                             std::int64_t signature_lasts) const;

  std::int64_t now;
  Owned<rnp_ffi_t> ffi =
      owned<rnp_ffi_t>(&destroy_quietly, [](rnp_ffi_t* handle) { return rnp_ffi_create(handle, "GPG", "GPG"); });
  std::vector<std::string> primaries;  ///< fingerprints, in the order in which they were added
};

KeyRing::KeyRing(std::optional<std::int64_t> now) {
  const NoDebugOutput quiet;
  state_ = std::make_unique<State>(now.value_or(std::time(nullptr)));
}
KeyRing::~KeyRing() = default;
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;

void KeyRing::add(std::string_view content, const std::string& name) {
  const NoDebugOutput quiet;
  const auto input = owned<rnp_input_t>(&rnp_input_destroy, [&](rnp_input_t* handle) {
    return rnp_input_from_memory(handle, reinterpret_cast<const std::uint8_t*>(content.data()), content.size(), false);
  });
  const auto report = nlohmann::json::parse(
      text_of([&](char** results) {
        return rnp_import_keys(state_->ffi.get(), input.get(),
                               RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS | RNP_LOAD_SAVE_PERMISSIVE,
                               results);
      }),
      nullptr, false);
  bool any = false;
  if (report.is_object() && report.contains("keys")) {
    for (const auto& entry : report["keys"]) {
      if (entry.value("secret", "none") != "none")
        throw Error(ErrorKind::config, fmt::format("reading key ring '{}': it holds a secret key", name),
                    "export the public key with 'gpg --export --armor FINGERPRINT'");
      any = true;
      const auto key = state_->find("fingerprint", entry.value("fingerprint", ""));
      if (!key) continue;
      const auto primary = state_->primary_of(key);
      if (!primary) continue;
      State::remove_unbound_subkeys(primary);
      const auto fingerprint = fingerprint_of(primary);
      auto& known = state_->primaries;
      if (std::find(known.begin(), known.end(), fingerprint) == known.end()) known.push_back(fingerprint);
    }
  }
  if (!any)
    throw Error(ErrorKind::config, fmt::format("reading key ring '{}': it holds no OpenPGP public key", name),
                "export one with 'gpg --export --armor FINGERPRINT'");
}

void KeyRing::add_file(const std::filesystem::path& file) {
  add(read_text(file, std::size_t{16} << 20U), file.string());
}

bool KeyRing::empty() const { return state_->primaries.empty(); }

std::vector<PublicKey> KeyRing::keys() const {
  const NoDebugOutput quiet;
  std::vector<PublicKey> keys;
  for (const auto& fingerprint : state_->primaries) {
    const auto primary = state_->find("fingerprint", fingerprint);
    PublicKey key{fingerprint, user_id_of(primary), {}, is_revoked(primary), {}};
    for (const auto& subkey : subkeys_of(primary)) {
      if (may_sign(subkey)) key.subkeys.push_back(fingerprint_of(subkey));
      if (is_revoked(subkey)) key.revoked_subkeys.push_back(fingerprint_of(subkey));
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

/// Why a signature that `signer` made does not count; empty when it does. gpg and rpm refuse the same ones; a revoked
/// key is refused for every date, since its thief chooses the date.
std::string KeyRing::State::reason_to_refuse(const Key& signer, const Key& primary, std::int64_t signed_at,
                                             std::int64_t signature_lasts) const {
  const auto fingerprint = fingerprint_of(signer);
  const bool is_subkey = fingerprint != fingerprint_of(primary);
  if (is_revoked(primary)) return fmt::format("key {} is revoked", fingerprint_of(primary));
  if (is_subkey && is_revoked(signer)) return fmt::format("subkey {} is revoked", fingerprint);
  if (!may_sign(signer)) return fmt::format("key {} is not meant for signing", fingerprint);
  for (const auto* key : {&primary, &signer})
    if (const auto end = end_of(*key); end && *end < signed_at)
      return fmt::format("key {} expired on {}, before it signed on {}", fingerprint_of(*key), date_of(*end),
                         date_of(signed_at));
  if (signed_at > now + max_clock_skew)
    return fmt::format("the signature is dated in the future, {}", iso_time(signed_at));
  if (signature_lasts != 0 && signed_at + signature_lasts < now)
    return fmt::format("the signature expired on {}", date_of(signed_at + signature_lasts));
  const auto created = value_of<std::uint32_t>([&](auto* time) { return rnp_key_get_creation(signer.get(), time); });
  if (created > signed_at)
    return fmt::format("the signature is dated {}, but its key was made on {}", date_of(signed_at), date_of(created));
  return {};
}

class SignatureCheck {
 public:
  SignatureCheck(const KeyRing& ring, const SignedBytes& data) : ring_(*ring.state_), data_(data) {}

  SignatureResult run(std::string_view signature) {
    const auto signature_input = owned<rnp_input_t>(&rnp_input_destroy, [&](rnp_input_t* handle) {
      return rnp_input_from_memory(handle, reinterpret_cast<const std::uint8_t*>(signature.data()), signature.size(),
                                   false);
    });
    const auto data_input = owned<rnp_input_t>(&rnp_input_destroy, [&](rnp_input_t* handle) {
      return rnp_input_from_callback(handle, &SignatureCheck::read, nullptr, this);
    });
    const auto check = owned<rnp_op_verify_t>(&rnp_op_verify_destroy, [&](rnp_op_verify_t* handle) {
      return rnp_op_verify_detached_create(handle, ring_.ffi.get(), data_input.get(), signature_input.get());
    });
    if (check) rnp_op_verify_execute(check.get());  // fails when one signature is not good; each is judged below
    std::vector<std::byte> rest(std::size_t{64} << 10U);
    while (!error_ && data_(rest) != 0) {
    }
    if (error_) std::rethrow_exception(error_);
    return best_of(check, "binary");
  }

  SignedText run_on_text(std::string_view file) {
    const auto input = owned<rnp_input_t>(&rnp_input_destroy, [&](rnp_input_t* handle) {
      return rnp_input_from_memory(handle, reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), false);
    });
    const auto output = owned<rnp_output_t>(
        &rnp_output_destroy, [&](rnp_output_t* handle) { return rnp_output_to_memory(handle, file.size()); });
    const auto check = owned<rnp_op_verify_t>(&rnp_op_verify_destroy, [&](rnp_op_verify_t* handle) {
      return rnp_op_verify_create(handle, ring_.ffi.get(), input.get(), output.get());
    });
    if (check) rnp_op_verify_execute(check.get());  // fails when one signature is not good; each is judged below
    SignedText result{best_of(check, "text"), {}};
    std::uint8_t* bytes = nullptr;  // belongs to `output`
    std::size_t size = 0;
    if (result.signature.state != SignatureState::unreadable &&
        rnp_output_memory_get_buf(output.get(), &bytes, &size, false) == RNP_SUCCESS)
      result.text.assign(reinterpret_cast<const char*>(bytes), size);
    return result;
  }

 private:
  /// The best of the signatures of the kind `type`.
  [[nodiscard]] SignatureResult best_of(const Owned<rnp_op_verify_t>& check, std::string_view type) const {
    SignatureResult best;
    best.state = SignatureState::unreadable;
    const auto count =
        check ? value_of<std::size_t>([&](std::size_t* n) { return rnp_op_verify_get_signature_count(check.get(), n); })
              : 0;
    for (std::size_t i = 0; i < count; ++i) {
      rnp_op_verify_signature_t one = nullptr;  // belongs to `check`
      if (rnp_op_verify_get_signature_at(check.get(), i, &one) != RNP_SUCCESS) continue;
      if (auto result = judge(one, type); result.state < best.state) best = std::move(result);
    }
    return best;
  }

  /// librnp calls this for the next bytes. No exception may pass through the library.
  static bool read(void* context, void* buffer, std::size_t size, std::size_t* count) {
    auto& self = *static_cast<SignatureCheck*>(context);
    try {
      *count = self.data_({static_cast<std::byte*>(buffer), size});
      return true;
    } catch (...) {
      self.error_ = std::current_exception();
      return false;
    }
  }

  [[nodiscard]] SignatureResult judge(rnp_op_verify_signature_t one, std::string_view kind) const {
    SignatureResult result;
    result.state = SignatureState::unreadable;
    const auto signature = owned<rnp_signature_handle_t>(
        &rnp_signature_handle_destroy,
        [&](rnp_signature_handle_t* handle) { return rnp_op_verify_signature_get_handle(one, handle); });
    if (!signature || text_of([&](char** type) { return rnp_signature_get_type(signature.get(), type); }) != kind)
      return result;
    result.key_id = text_of([&](char** id) { return rnp_signature_get_keyid(signature.get(), id); });
    const auto hash = text_of([&](char** name) { return rnp_signature_get_hash_alg(signature.get(), name); });
    const auto algorithm = text_of([&](char** name) { return rnp_signature_get_alg(signature.get(), name); });
    result.algorithms = name_of_algorithm(algorithm) + "/" + hash;
    if (algorithm == "DSA" || hash == "SHA1" || hash == "MD5") result.weak.push_back(result.algorithms);

    const auto signer = owned<rnp_key_handle_t>(&rnp_key_handle_destroy, [&](rnp_key_handle_t* handle) {
      return rnp_op_verify_signature_get_key(one, handle);
    });
    const auto primary = signer ? ring_.primary_of(signer) : Key(nullptr, &rnp_key_handle_destroy);
    result.state = SignatureState::unknown_key;
    if (!primary) return result;
    result.fingerprint = fingerprint_of(primary);
    result.user_id = user_id_of(primary);
    const auto bits = value_of<std::uint32_t>([&](auto* n) { return rnp_key_get_bits(signer.get(), n); });
    if (algorithm == "RSA" && bits < 2048) result.weak.push_back(fmt::format("RSA of {} bits", bits));

    std::uint32_t signed_at = 0;
    std::uint32_t lasts = 0;
    rnp_op_verify_signature_get_times(one, &signed_at, &lasts);
    result.reason = ring_.reason_to_refuse(signer, primary, signed_at, lasts);
    const bool matches = rnp_op_verify_signature_get_status(one) == RNP_SUCCESS;
    result.state = !result.reason.empty() ? SignatureState::refused
                   : matches              ? SignatureState::good
                                          : SignatureState::bad;
    return result;
  }

  const KeyRing::State& ring_;
  const SignedBytes& data_;
  std::exception_ptr error_;
};

SignatureResult check_signature(const KeyRing& ring, std::string_view signature, const SignedBytes& data) {
  const NoDebugOutput quiet;
  return SignatureCheck(ring, data).run(signature);
}

SignatureResult check_signature(const KeyRing& ring, std::string_view signature, std::string_view data) {
  return check_signature(ring, signature, [&data](std::span<std::byte> buffer) {
    const auto count = std::min(buffer.size(), data.size());
    std::copy_n(std::as_bytes(std::span(data.data(), data.size())).begin(), count, buffer.begin());
    data.remove_prefix(count);
    return count;
  });
}

SignedText check_signed_text(const KeyRing& ring, std::string_view file) {
  const NoDebugOutput quiet;
  SignedText unreadable;
  unreadable.signature.state = SignatureState::unreadable;
  if (!file.starts_with("-----BEGIN PGP SIGNED MESSAGE-----")) return unreadable;
  const SignedBytes no_other_data = [](std::span<std::byte> /*buffer*/) { return std::size_t{0}; };
  return SignatureCheck(ring, no_other_data).run_on_text(file);
}

}  // namespace bake::signature
