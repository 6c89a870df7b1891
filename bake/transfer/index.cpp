#include "bake/transfer/index.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bake/archive/entry_policy.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/json.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::transfer {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* schema = "bake-carry/v1";

bool is_plain(const std::string& part) {
  return !part.empty() && part != "." && part != ".." && printable(part) == part;
}

bool is_allowed(const std::string& path) {
  const auto parts = split(path, '/');
  if (!std::all_of(parts.begin(), parts.end(), is_plain)) return false;
  const auto& room = parts.front();
  if (room == "recipes" || room == "bases") return parts.size() == 2;
  if (room == "matrix") return parts.size() == 3;
  if (room != "store" || parts.size() < 3) return false;
  if (parts[1] == "keyring") return parts.size() == 3;
  return (parts[1] == "bundles" || parts[1] == "extras") && is_sha256(parts[2]) && parts.size() >= 4 &&
         parts.size() <= 6;
}

IndexedFile file_from(const Json& json) {
  IndexedFile file{json.at("path"), json.at("size"), json.at("sha256")};
  if (!is_allowed(file.path)) throw std::runtime_error("'" + printable(file.path) + "' is not an allowed path");
  if (!is_sha256(file.sha256)) throw std::runtime_error("'" + file.path + "' has no valid digest");
  return file;
}

}  // namespace

std::string to_text(const Index& index) {
  auto files = Json::array();
  for (const auto& file : index.files)
    files.push_back({{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}});
  const Json json{{"schema", schema},           {"bake", index.bake},       {"time", index.time},
                  {"recipes", index.recipes},   {"bundles", index.bundles}, {"extras", index.extras},
                  {"overlays", index.overlays}, {"files", std::move(files)}};
  return json.dump(1) + "\n";
}

Index parse_index(const std::string& text, const std::string& name) {
  try {
    const auto json = parse_untrusted_json<Json>(text);
    if (json.is_discarded()) throw std::runtime_error("it is not JSON, or nested too deeply");
    if (json.at("schema") != schema) throw std::runtime_error("another version of bake wrote it");
    Index index{json.at("bake"),
                json.at("time"),
                json.at("recipes"),
                json.at("bundles"),
                json.at("extras"),
                json.at("overlays"),
                {}};
    for (const auto& file : json.at("files")) index.files.push_back(file_from(file));
    const auto out_of_order = [](const IndexedFile& a, const IndexedFile& b) { return a.path >= b.path; };
    if (std::adjacent_find(index.files.begin(), index.files.end(), out_of_order) != index.files.end())
      throw std::runtime_error("its files are not sorted");
    return index;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::untrusted, fmt::format("reading the index of '{}': {}", name, error.what()));
  }
}

}  // namespace bake::transfer
