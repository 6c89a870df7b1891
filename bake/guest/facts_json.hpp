#pragma once

#include <nlohmann/json.hpp>

#include "bake/guest/facts.hpp"

namespace bake::guest {

/// Returns the facts for programs and golden files: keys in a fixed order, without the dump of the package database.
nlohmann::ordered_json to_json(const Facts& facts);

}  // namespace bake::guest
