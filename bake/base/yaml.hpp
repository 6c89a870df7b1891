#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"

namespace bake::yaml {

/// A value of a YAML document that remembers its line. Plain data: yaml-cpp stays in yaml.cpp.
struct Node {
  enum class Kind { null, scalar, sequence, map };
  struct Entry;
  Kind kind = Kind::null;
  int line = 0;                ///< 1-based
  std::string scalar;          ///< of a scalar
  bool quoted = false;         ///< a scalar written in quotes
  std::vector<Node> items;     ///< of a sequence
  std::vector<Entry> entries;  ///< of a map, in the order written, duplicates included
};

/// One entry of a map. Not a std::pair: clang rejects a pair of an incomplete class.
struct Node::Entry {
  std::string first;
  Node second;
};

/// Parses one document. A syntax error becomes a Problem ("file:line") and a null node.
Node parse(std::string_view text, const std::filesystem::path& file, std::vector<Problem>& problems);

/// Reads the entries of one map and reports every problem with file:line: wrong types, missing or duplicate keys and,
/// in finish(), keys that no reader method asked for. Every reader method returns a usable default after a problem, so
/// that one pass finds every problem.
class MapReader {
 public:
  /// `what` names the map in messages: "recipe", "os row". A node that is not a map is a problem (null counts as
  /// empty).
  MapReader(const Node& node, std::string what, std::filesystem::path file, std::vector<Problem>& problems);

  [[nodiscard]] bool has(std::string_view key) const;
  /// The entry's node, or null when the key is absent. Marks the key as known.
  const Node* find(std::string_view key);

  std::optional<std::string> text(std::string_view key);
  std::string text_or(std::string_view key, std::string fallback);
  std::string required_text(std::string_view key);
  bool flag_or(std::string_view key, bool fallback);
  std::int64_t number_or(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max);
  /// A sequence of scalars; with `or_scalar` a single scalar counts as a sequence of one.
  std::vector<std::string> texts(std::string_view key, bool or_scalar = true);
  /// Returns one of `allowed`; another value is a problem, whose hint is the closest allowed value.
  std::string choice_or(std::string_view key, const std::vector<std::string>& allowed, std::string fallback);

  /// Reports a problem at the line of `key`, or of the map when the key is absent.
  void problem(std::string_view key, std::string message, std::string hint = {}, std::vector<Remedy> remedies = {});
  /// Reports keys that no reader method asked for, each with the closest known key, or with all of them if none is
  /// close. Call it last.
  void finish();

  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] std::string where(int line) const;

 private:
  const Node* lookup(std::string_view key) const;
  std::optional<std::string> scalar_of(const Node& node, std::string_view key);

  const Node* node_;
  std::string what_;
  std::filesystem::path file_;
  std::vector<Problem>* problems_;
  std::set<std::string, std::less<>> known_;
};

/// `text` as a YAML scalar: plain when that is safe, otherwise double-quoted.
std::string quote(std::string_view text);

}  // namespace bake::yaml
