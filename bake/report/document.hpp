#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"

namespace bake::report {

/// What a document describes.
enum class Kind {
  manifest,  ///< a finished image: OUT.manifest.json
  plan,      ///< an image that would be baked: plan::to_json()
  disk,      ///< any disk: guest::to_json()
};

/// "manifest", "plan" or "disk".
std::string_view name_of(Kind kind);

/// A document that can be compared and reported. It comes from outside: only its kind is checked.
struct Document {
  Kind kind = Kind::manifest;
  std::string file;       ///< what the user named
  std::string read_from;  ///< the file that was read, if it is another one
  nlohmann::ordered_json json;
};

/// Returns the kind of a JSON document; nothing when it is none of them.
std::optional<Kind> kind_of(const nlohmann::ordered_json& json);

/// Reads a manifest or a plan. Throws Error{config} when `text` is neither; the message names `file` and says what is
/// accepted.
Document read_document(const std::string& text, const std::string& file);

/// Returns the document of a disk that bake inspected: the manifest in it if bake made it, with all its packages.
Document document_of(const guest::Facts& facts, const std::string& file);

// The next functions read values of a document whose form is not known. A value of another type counts as missing.

/// Returns the value at `pointer` ("/driver/bundle/name"), or null.
const nlohmann::ordered_json& at(const nlohmann::ordered_json& json, const char* pointer);
/// Returns the text there: a string as it is, a number or a boolean as JSON writes it; otherwise nothing.
std::string text_at(const nlohmann::ordered_json& json, const char* pointer);
/// Returns the texts of the array there, without elements that are not texts.
std::vector<std::string> texts_at(const nlohmann::ordered_json& json, const char* pointer);

}  // namespace bake::report
