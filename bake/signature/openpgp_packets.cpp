#include "bake/signature/openpgp_packets.hpp"

#include <array>
#include <cstdint>

#include "bake/base/text.hpp"

namespace bake::signature {
namespace {

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

std::size_t big_endian(std::string_view bytes, std::size_t count) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | byte_at(bytes, i);
  return value;
}

/// Decodes base64, skipping all that is no digit of it; stops at "=".
std::string decode_base64(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) continue;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    if (++count % 4 == 1) continue;
    const auto shift = count % 4 == 2 ? 4U : count % 4 == 3 ? 2U : 0U;
    bytes += static_cast<char>(bits >> shift & 0xFFU);
  }
  return bytes;
}

/// The decoded armour blocks of `text`, one behind the other; nothing when it has none.
std::optional<std::string> unarmour(std::string_view text) {
  std::optional<std::string> bytes;
  std::string base64;
  enum class Where { outside, headers, data } where = Where::outside;
  for (const auto& line : split_lines(text)) {
    const auto stripped = trim(line);
    if (stripped.starts_with("-----BEGIN PGP ")) {
      where = Where::headers;
      base64.clear();
    } else if (stripped.starts_with("-----END PGP ")) {
      if (where == Where::data) bytes = bytes.value_or("") + decode_base64(base64);
      where = Where::outside;
    } else if (where == Where::headers) {
      if (stripped.empty()) where = Where::data;
    } else if (where == Where::data && !stripped.starts_with('=')) {
      base64 += stripped;
    }
  }
  return bytes;
}

/// Takes one length as packets (new format) and subpackets write it; nothing when it is cut short or partial.
std::optional<std::size_t> take_length(std::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto first = byte_at(bytes, 0);
  bytes.remove_prefix(1);
  if (first < 192) return first;
  if (first < 224) {
    if (bytes.empty()) return std::nullopt;
    const auto length = ((first - 192U) << 8U) + byte_at(bytes, 0) + 192U;
    bytes.remove_prefix(1);
    return length;
  }
  if (first != 255 || bytes.size() < 4) return std::nullopt;
  const auto length = big_endian(bytes, 4);
  bytes.remove_prefix(4);
  return length;
}

std::optional<PgpPacket> take_packet(std::string_view& bytes) {
  const auto start = bytes;
  const auto head = byte_at(bytes, 0);
  if ((head & 0x80U) == 0) return std::nullopt;
  bytes.remove_prefix(1);
  PgpPacket packet;
  std::size_t length = 0;
  if ((head & 0x40U) != 0) {
    packet.tag = static_cast<int>(head & 0x3FU);
    const auto taken = take_length(bytes);
    if (!taken) return std::nullopt;
    length = *taken;
  } else {
    packet.tag = static_cast<int>(head >> 2U & 0x0FU);
    const auto width = std::size_t{1} << (head & 3U);
    if (width > 4 || bytes.size() < width) return std::nullopt;
    length = big_endian(bytes, width);
    bytes.remove_prefix(width);
  }
  // libsolv reads lengths of at most three bytes; no honest key or signature comes near.
  if (length > bytes.size() || length >= (std::size_t{1} << 24U)) return std::nullopt;
  packet.body = bytes.substr(0, length);
  bytes.remove_prefix(length);
  packet.whole = start.substr(0, start.size() - bytes.size());
  return packet;
}

/// Takes one area of subpackets; false when a length in it is out of bounds.
bool take_subpackets(std::string_view& bytes) {
  if (bytes.size() < 2) return false;
  const auto size = big_endian(bytes, 2);
  bytes.remove_prefix(2);
  if (size > bytes.size()) return false;
  auto area = bytes.substr(0, size);
  bytes.remove_prefix(size);
  while (!area.empty()) {
    const auto length = take_length(area);
    if (!length || *length == 0 || *length > area.size()) return false;
    const auto type = byte_at(area, 0) & 0x7FU;
    const bool is_time = type == 2 || type == 3 || type == 9;  // creation, expiration, key expiration
    if (is_time && *length != 5) return false;
    if (type == 16 && *length != 9) return false;  // issuer
    area.remove_prefix(*length);
  }
  return true;
}

}  // namespace

std::vector<PgpPacket> parse_packets(std::string_view content) {
  const auto unarmoured = unarmour(content);
  std::string_view bytes = unarmoured ? std::string_view(*unarmoured) : content;
  std::vector<PgpPacket> packets;
  while (!bytes.empty()) {
    auto packet = take_packet(bytes);
    if (!packet) break;
    packets.push_back(std::move(*packet));
  }
  return packets;
}

std::string signature_trailer(std::string_view body) {
  if (body[0] == 3) return std::string(body.substr(2, 5));
  const auto hashed = 6 + big_endian(body.substr(4), 2);
  std::string trailer(body.substr(0, hashed));
  trailer += "\x04\xFF";
  for (int shift = 24; shift >= 0; shift -= 8) trailer += static_cast<char>(hashed >> shift & 0xFFU);
  return trailer;
}

std::optional<std::string> ed25519_signature(std::string_view body) {
  if (body[0] != 4) return std::nullopt;
  auto rest = body.substr(4);
  take_subpackets(rest);
  take_subpackets(rest);
  rest.remove_prefix(2);  // the first two bytes of the digest
  std::string signature;
  for (int number = 0; number < 2; ++number) {
    if (rest.size() < 2) return std::nullopt;
    const auto size = (big_endian(rest, 2) + 7) / 8;
    rest.remove_prefix(2);
    if (size > 32 || size > rest.size()) return std::nullopt;
    signature += std::string(32 - size, '\0');  // numbers are written without leading zeros
    signature += rest.substr(0, size);
    rest.remove_prefix(size);
  }
  return signature;
}

std::optional<std::string> ed25519_key(std::string_view key_data) {
  using namespace std::string_view_literals;
  // EdDSA, the curve's object identifier, a number of 263 bits whose first byte 0x40 marks a native point.
  constexpr auto prefix = "\x16\x09\x2B\x06\x01\x04\x01\xDA\x47\x0F\x01\x01\x07\x40"sv;
  if (!key_data.starts_with(prefix) || key_data.size() != prefix.size() + 32) return std::nullopt;
  return std::string(key_data.substr(prefix.size()));
}

std::optional<SignatureFacts> inspect_signature(std::string_view body) {
  if (body.size() < 10) return std::nullopt;
  if (body[0] == 3) {
    if (body.size() <= 22 || body[1] != 5) return std::nullopt;
    return SignatureFacts{body[2], body[15], body[16]};
  }
  if (body[0] != 4) return std::nullopt;
  const SignatureFacts facts{body[1], body[2], body[3]};
  auto rest = body.substr(4);
  if (!take_subpackets(rest) || !take_subpackets(rest)) return std::nullopt;
  // Two bytes of the digest, then at least one number with its two bytes of length.
  return rest.size() > 4 ? std::optional(facts) : std::nullopt;
}

}  // namespace bake::signature
