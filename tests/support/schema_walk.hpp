#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"

namespace bake {

/// Walks a JSON Schema of docs/ and compares it with a parser, which reads JSON because JSON is YAML. For each map of
/// the schema it gives the parser a document with a wrong key or value in that place, and reads in the problems what
/// the parser knows: all its keys ("known keys: …"), the words of a choice, and which keys are flags and numbers.
class SchemaWalk {
 public:
  using Json = nlohmann::ordered_json;
  using Parse = std::function<std::vector<Problem>(const std::string& text)>;

  SchemaWalk(const std::string& kind, Parse parse)
      : schema_(Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/" + kind + ".schema.json"))),
        parse_(std::move(parse)) {}

  /// Walks the whole schema. `head` has the keys that every document needs.
  void walk(const Json& head) {
    visit(schema_, "", [head](const Json& map) {
      auto document = head;
      document.update(map);
      return document;
    });
  }

  std::vector<std::string> differences;  ///< one line for each
  std::size_t maps = 0, choices = 0, flags = 0, numbers = 0;
  std::vector<std::string> undescribed;  ///< keys without a description

 private:
  using Wrap = std::function<Json(const Json&)>;  ///< a value in a place → the document

  const Json& resolved(const Json& node) const {
    if (!node.contains("$ref")) return node;
    return schema_.at(Json::json_pointer(node.at("$ref").get<std::string>().substr(1)));
  }

  /// Returns what follows `beginning` in the first text that has it: a message, or a hint.
  std::string told(const Json& document, const std::string& about, const std::string& beginning) const {
    for (const auto& problem : parse_(document.dump()))
      if (problem.message.find(about) != std::string::npos)
        for (const auto& text : {problem.hint, problem.message})
          if (const auto at = text.find(beginning); at != std::string::npos) return text.substr(at + beginning.size());
    return "(nothing)";
  }

  void expect(const std::string& place, const std::string& what, const std::set<std::string>& schema,
              const std::set<std::string>& parser) {
    if (schema == parser) return;
    differences.push_back(place + ": " + what + ": the schema has " + join({schema.begin(), schema.end()}, " ") +
                          "; the parser has " + join({parser.begin(), parser.end()}, " "));
  }

  static std::set<std::string> words(const std::string& list) {
    std::set<std::string> result;
    for (const auto& word : split(list, ',')) result.emplace(trim(word));
    return result;
  }

  void compare_keys(const Json& map, const std::string& place, const Wrap& wrap) {
    std::set<std::string> keys;
    for (const auto& [key, value] : map.at("properties").items()) keys.insert(key);
    ++maps;
    expect(place, "keys", keys, words(told(wrap({{"zzzzzz", 1}}), "unknown key 'zzzzzz'", "known keys: ")));
  }

  void compare_value(const std::string& key, const Json& value, const std::string& place, const Wrap& wrap) {
    const auto wrong = wrap({{key, "zzzzzz"}});
    const auto about = "'" + key + "' must be ";
    if (value.contains("enum")) {
      std::set<std::string> allowed;
      for (const auto& word : value.at("enum")) allowed.insert(word.get<std::string>());
      const auto told_words = told(wrong, about, "must be one of ");
      if (told_words == "(nothing)") return;  // a value that the parser checks in another way, such as a card
      ++choices;
      expect(place, "words", allowed, words(told_words.substr(0, told_words.rfind(", not "))));
    }
    const auto type = value.value("type", Json());
    const bool is_flag = told(wrong, about, "must be ") == "true or false, not 'zzzzzz'";
    if (is_flag != (type == "boolean")) differences.push_back(place + ": only one of schema and parser has a flag");
    flags += is_flag ? 1 : 0;
    const auto range = told(wrong, about, "a whole number ");
    if ((range != "(nothing)") != (type == "integer"))
      differences.push_back(place + ": only one of schema and parser has a number");
    if (type != "integer") return;
    ++numbers;
    const auto expected = "from " + value.at("minimum").dump() + " to " + value.at("maximum").dump() + ", not 'zzzzzz'";
    if (range != expected) differences.push_back(place + ": the parser's number is " + range);
  }

  void visit(const Json& unresolved, const std::string& place, const Wrap& wrap) {
    const auto& node = resolved(unresolved);
    if (node.contains("properties") && node.value("additionalProperties", Json()) == false) {
      compare_keys(node, place.empty() ? "the document" : place, wrap);
      for (const auto& [key, value] : node.at("properties").items()) {
        const auto where = place.empty() ? key : place + "." + key;
        if (!value.contains("description") && !resolved(value).contains("description")) undescribed.push_back(where);
        compare_value(key, resolved(value), where, wrap);
        visit(value, where, [wrap, key](const Json& inner) { return wrap({{key, inner}}); });
      }
    }
    if (node.contains("items"))
      visit(node.at("items"), place + "[]", [wrap](const Json& inner) { return wrap(Json::array({inner})); });
    if (node.contains("anyOf"))
      for (const auto& alternative : node.at("anyOf")) visit(alternative, place, wrap);
  }

  Json schema_;
  Parse parse_;
};

}  // namespace bake
