#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bake/guest/facts.hpp"

namespace bake::guest {

/// Returns all facts, as CBOR (RFC 8949). Only the same build of bake can read them again.
std::string to_cbor(const Facts& facts);

/// Reads what to_cbor() returned; empty when the bytes are anything else.
std::optional<Facts> facts_from_cbor(std::string_view bytes);

}  // namespace bake::guest
