#include "bake/fleet/result.hpp"

#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"

namespace bake::fleet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* schema = "bake-result/v1";

Json to_json(const KnownFile& file) {
  Json json{{"sha256", file.sha256}};
  if (file.identity)
    json["seen"] = {{"size", file.identity->size},
                    {"mtime_ns", file.identity->mtime_ns},
                    {"ctime_ns", file.identity->ctime_ns},
                    {"inode", file.identity->inode}};
  return json;
}

KnownFile known_file(const nlohmann::json& json) {
  KnownFile file{json.at("sha256"), {}};
  if (json.contains("seen")) {
    const auto& seen = json["seen"];
    file.identity = FileIdentity{seen.at("size"), seen.at("mtime_ns"), seen.at("ctime_ns"), seen.at("inode")};
  }
  return file;
}

}  // namespace

Json to_json(const ImageResult& result) {
  Json json{{"schema", schema}, {"status", result.status}};
  if (!result.message.empty()) json["message"] = result.message;
  if (!result.hint.empty()) json["hint"] = result.hint;
  json.update(Json{{"run", result.run},
                   {"host", result.host},
                   {"started", result.started},
                   {"seconds", result.seconds},
                   {"ofed", result.ofed},
                   {"os", result.os},
                   {"kernel", result.kernel}});
  if (result.key) {
    json["key"] = job::key_of(*result.key);
    json["key_parts"] = to_json(*result.key);
  }
  json["base"] = to_json(result.base);
  json["output"] = to_json(result.output);
  return json;
}

std::optional<ImageResult> parse_result(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("schema") != schema) return std::nullopt;
    ImageResult result;
    result.status = json.at("status");
    result.message = json.value("message", "");
    result.hint = json.value("hint", "");
    result.run = json.at("run");
    result.host = json.at("host");
    result.started = json.at("started");
    result.seconds = json.at("seconds");
    result.ofed = json.at("ofed");
    result.os = json.at("os");
    result.kernel = json.at("kernel");
    if (json.contains("key_parts")) result.key = job::key_parts_from(json["key_parts"]);
    result.base = known_file(json.at("base"));
    result.output = known_file(json.at("output"));
    return result;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // truncated, or written by another program
  }
}

std::optional<ImageResult> read_result(const fs::path& file) {
  if (!fs::is_regular_file(file)) return std::nullopt;
  return parse_result(read_text(file));
}

void write_result(const fs::path& file, const ImageResult& result) {
  write_text_atomically(file, to_json(result).dump(2) + "\n");
}

}  // namespace bake::fleet
