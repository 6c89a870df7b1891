#pragma once

#include <nlohmann/json.hpp>

#include "matrix/matrix.hpp"

namespace bake::matrix {

/// The JSON form of rows and answers, for nlohmann's argument-dependent lookup: `ordered_json(row)`. Every row ends
/// with its source, its confidence and the file and line that it comes from.
void to_json(nlohmann::ordered_json& json, const OsRow& row);
void to_json(nlohmann::ordered_json& json, const InboxRow& row);
void to_json(nlohmann::ordered_json& json, const OfedRow& row);
void to_json(nlohmann::ordered_json& json, const BundleRow& row);
void to_json(nlohmann::ordered_json& json, const SizeRow& row);
void to_json(nlohmann::ordered_json& json, const PciRow& row);
void to_json(nlohmann::ordered_json& json, const RuleRow& row);
void to_json(nlohmann::ordered_json& json, const SecureBootRow& row);
void to_json(nlohmann::ordered_json& json, const ManifestRow& row);

void to_json(nlohmann::ordered_json& json, const Choice& choice);
void to_json(nlohmann::ordered_json& json, const TopicCount& count);

}  // namespace bake::matrix
