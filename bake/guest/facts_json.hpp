#pragma once

#include <nlohmann/json.hpp>

#include "bake/guest/facts.hpp"

namespace bake::guest {

/// Facts for programs and golden files: keys in a fixed order, the package database's dump left out.
nlohmann::ordered_json to_json(const Facts& facts);

}  // namespace bake::guest
