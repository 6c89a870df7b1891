#include "bake/signature/dsse.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bake/base/base64.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/json.hpp"
#include "bake/signature/signing.hpp"

namespace bake::signature {
namespace {

/// Returns the text to sign: DSSE's pre-authentication encoding, so that a signature for one kind of document does not
/// match another kind.
std::string encoded(std::string_view type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, payload.size(), payload);
}

}  // namespace

std::string make_envelope(std::string_view payload, std::string_view payload_type, std::string_view private_pem) {
  auto signatures = nlohmann::ordered_json::array();
  if (!private_pem.empty())
    signatures.push_back({{"keyid", key_fingerprint(public_half(private_pem))},
                          {"sig", to_base64(sign_raw(encoded(payload_type, payload), private_pem))}});
  const nlohmann::ordered_json envelope{
      {"payloadType", payload_type}, {"payload", to_base64(payload)}, {"signatures", signatures}};
  return envelope.dump() + "\n";
}

Envelope read_envelope(const std::string& text, const std::string& name) {
  const auto json = parse_untrusted_json(text);
  if (json.is_object() && json.contains("payload") && json["payload"].is_string() && json.contains("payloadType") &&
      json["payloadType"].is_string())
    if (auto payload = from_base64(json["payload"].get_ref<const std::string&>()))
      return {std::move(*payload), json["payloadType"].get<std::string>(), text};
  throw Error(ErrorKind::untrusted, fmt::format("reading '{}': not a signed document (DSSE envelope)", name));
}

void require_signed(const Envelope& envelope, std::string_view public_pem, const std::string& name) {
  const auto json = parse_untrusted_json(envelope.text);
  const auto trusted = key_fingerprint(public_pem);
  const auto signatures = json.is_object() ? json.value("signatures", nlohmann::json::array()) : nlohmann::json();
  std::string others;
  if (signatures.is_array()) {
    for (const auto& entry : signatures) {
      if (!entry.is_object() || !entry.contains("sig") || !entry["sig"].is_string()) continue;
      const auto signature = from_base64(entry["sig"].get_ref<const std::string&>());
      // The key's name is only a hint for people. The trusted key must have made the signature.
      if (signature && verify_signature_bytes(encoded(envelope.payload_type, envelope.payload), *signature, public_pem))
        return;
      others = "of another kind";
      if (entry.contains("keyid") && entry["keyid"].is_string() &&
          is_sha256(entry["keyid"].get_ref<const std::string&>()))
        others = entry["keyid"].get<std::string>();
    }
  }
  if (others.empty()) throw Error(ErrorKind::untrusted, fmt::format("verifying '{}': it is not signed", name));
  throw Error(ErrorKind::untrusted,
              others == trusted
                  ? fmt::format("verifying '{}': its signature names the trusted key, but is wrong", name)
                  : fmt::format("verifying '{}': signed by key {}, not by the trusted key {}", name, others, trusted),
              others == trusted ? "the file was changed after signing: fetch it again" : "");
}

}  // namespace bake::signature
