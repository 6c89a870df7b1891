#include "bake/report/document.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/json.hpp"
#include "bake/guest/facts_json.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::report {
namespace {

using Json = nlohmann::ordered_json;

const Json null;

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::manifest:
      return "manifest";
    case Kind::plan:
      return "plan";
    case Kind::disk:
      return "disk";
  }
  return "";
}

std::optional<Kind> kind_of(const Json& json) {
  const auto has = [&](const char* key) { return json.contains(key); };
  if (!json.is_object()) return std::nullopt;
  if (text_at(json, "/schema") == verify::manifest_schema) return Kind::manifest;
  if (has("recipe") && has("works") && has("fit") && has("changes") && has("refusals")) return Kind::plan;
  return std::nullopt;
}

Document read_document(const std::string& text, const std::string& file) {
  auto json = parse_untrusted_json<Json>(text);
  const auto kind = json.is_discarded() ? std::nullopt : kind_of(json);
  if (!kind)
    throw Error(ErrorKind::config, fmt::format("reading '{}': it is neither the manifest of an image nor a plan", file),
                "accepted are: a manifest (OUT.manifest.json), an image, a recipe, a plan in JSON, or a disk");
  return {*kind, file, "", std::move(json)};
}

Document document_of(const guest::Facts& facts, const std::string& file) {
  auto disk = guest::to_json(facts);
  if (!facts.baked_manifest) return {Kind::disk, file, "", std::move(disk)};
  auto manifest = parse_untrusted_json<Json>(*facts.baked_manifest);
  if (manifest.is_discarded() || kind_of(manifest) != Kind::manifest) return {Kind::disk, file, "", std::move(disk)};
  manifest["packages"] = std::move(disk["packages"]["installed"]);
  return {Kind::manifest, file, fmt::format("{} in it", guest::manifest_path), std::move(manifest)};
}

const Json& at(const Json& json, const char* pointer) {
  const Json::json_pointer place(pointer);
  return json.contains(place) ? json.at(place) : null;
}

std::string text_at(const Json& json, const char* pointer) {
  const auto& value = at(json, pointer);
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() || value.is_boolean() ? value.dump() : "";
}

std::vector<std::string> texts_at(const Json& json, const char* pointer) {
  std::vector<std::string> texts;
  const auto& list = at(json, pointer);
  if (!list.is_array()) return texts;
  for (const auto& value : list)
    if (value.is_string()) texts.push_back(value.get<std::string>());
  return texts;
}

}  // namespace bake::report
