#include "bake/base/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "bake/base/text.hpp"

namespace bake::yaml {
namespace {

/// Aliases repeat content: a file of 2 KB can become gigabytes. The matrix has 20,000 nodes.
constexpr std::size_t max_nodes = 200'000;
constexpr std::size_t max_text = std::size_t{64} << 20U;  // bytes
constexpr int max_depth = 32;  // deeper nesting is not a configuration, but an attack on the stack

struct Size {
  std::size_t nodes = 0;
  std::size_t text = 0;
};

Node convert(const YAML::Node& from, int depth, Size& size) {
  if (depth > max_depth) throw YAML::ParserException(from.Mark(), "nested too deeply");
  if (from.IsScalar()) size.text += from.Scalar().size();
  if (++size.nodes > max_nodes || size.text > max_text)
    throw YAML::ParserException(from.Mark(), "too large: its aliases repeat too much");
  Node node;
  node.line = from.Mark().line + 1;
  switch (from.Type()) {
    case YAML::NodeType::Scalar:
      node.kind = Node::Kind::scalar;
      node.scalar = from.Scalar();
      node.quoted = from.Tag() == "!";
      break;
    case YAML::NodeType::Sequence:
      node.kind = Node::Kind::sequence;
      for (const auto& item : from) node.items.push_back(convert(item, depth + 1, size));
      break;
    case YAML::NodeType::Map:
      node.kind = Node::Kind::map;
      for (const auto& entry : from) {
        if (!entry.first.IsScalar()) throw YAML::ParserException(entry.first.Mark(), "a key must be a plain word");
        size.text += entry.first.Scalar().size();
        auto value = convert(entry.second, depth + 1, size);
        // An empty value has no position; the message names the line of its key.
        if (value.line <= 0 || value.kind == Node::Kind::null) value.line = entry.first.Mark().line + 1;
        node.entries.push_back({entry.first.Scalar(), std::move(value)});
      }
      break;
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      break;
  }
  return node;
}

}  // namespace

Node parse(std::string_view text, const std::filesystem::path& file, std::vector<Problem>& problems) {
  try {
    Size size;
    return convert(YAML::Load(std::string(text)), 0, size);
  } catch (const YAML::Exception& error) {
    problems.push_back({fmt::format("{}:{}", file.string(), std::max(0, error.mark.line) + 1), error.msg, {}});
    return {};
  }
}

MapReader::MapReader(const Node& node, std::string what, std::filesystem::path file, std::vector<Problem>& problems)
    : node_(&node), what_(std::move(what)), file_(std::move(file)), problems_(&problems) {
  if (node.kind != Node::Kind::map && node.kind != Node::Kind::null)
    problems_->push_back({where(node.line), fmt::format("{} must be a map of keys and values", what_), {}});
  std::set<std::string_view> seen;
  for (const auto& [key, value] : node.entries)
    if (!seen.insert(key).second)
      problems_->push_back({where(value.line), fmt::format("duplicate key '{}' in {}", key, what_), {}});
}

std::string MapReader::where(int line) const { return fmt::format("{}:{}", file_.string(), std::max(1, line)); }

const Node* MapReader::lookup(std::string_view key) const {
  for (const auto& [name, value] : node_->entries)
    if (name == key) return &value;
  return nullptr;
}

bool MapReader::has(std::string_view key) const { return lookup(key) != nullptr; }

const Node* MapReader::find(std::string_view key) {
  known_.emplace(key);
  return lookup(key);
}

void MapReader::problem(std::string_view key, std::string message, std::string hint, std::vector<Remedy> remedies) {
  const Node* node = lookup(key);
  problems_->push_back(
      {where(node != nullptr ? node->line : node_->line), std::move(message), std::move(hint), std::move(remedies)});
}

std::optional<std::string> MapReader::scalar_of(const Node& node, std::string_view key) {
  if (node.kind == Node::Kind::scalar) return node.scalar;
  problems_->push_back({where(node.line), fmt::format("'{}' must be a single value", key), {}});
  return std::nullopt;
}

std::optional<std::string> MapReader::text(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr || node->kind == Node::Kind::null) return std::nullopt;
  return scalar_of(*node, key);
}

std::string MapReader::text_or(std::string_view key, std::string fallback) {
  return text(key).value_or(std::move(fallback));
}

std::string MapReader::required_text(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr || node->kind == Node::Kind::null) {
    problem(key, fmt::format("{} has no '{}'", what_, key));
    return {};
  }
  return scalar_of(*node, key).value_or("");
}

bool MapReader::flag_or(std::string_view key, bool fallback) {
  const auto value = text(key);
  if (!value) return fallback;
  const auto lower = to_lower(*value);
  if (lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "no" || lower == "off") return false;
  problem(key, fmt::format("'{}' must be true or false, not '{}'", key, *value));
  return fallback;
}

std::int64_t MapReader::number_or(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  const auto value = text(key);
  if (!value) return fallback;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size() || number < min || number > max) {
    problem(key, fmt::format("'{}' must be a whole number from {} to {}, not '{}'", key, min, max, *value));
    return fallback;
  }
  return number;
}

std::vector<std::string> MapReader::texts(std::string_view key, bool or_scalar) {
  const Node* node = find(key);
  if (node == nullptr || node->kind == Node::Kind::null) return {};
  if (node->kind == Node::Kind::scalar && or_scalar) return {node->scalar};
  std::vector<std::string> values;
  if (node->kind != Node::Kind::sequence) {
    problem(key, fmt::format("'{}' must be a list", key));
    return values;
  }
  for (const auto& item : node->items)
    if (auto value = scalar_of(item, key)) values.push_back(std::move(*value));
  return values;
}

std::string MapReader::choice_or(std::string_view key, const std::vector<std::string>& allowed, std::string fallback) {
  const auto value = text(key);
  if (!value) return fallback;
  if (std::find(allowed.begin(), allowed.end(), *value) != allowed.end()) return *value;
  problem(key, fmt::format("'{}' must be one of {}, not '{}'", key, join(allowed, ", "), *value),
          did_you_mean(*value, allowed));
  return fallback;
}

void MapReader::finish() {
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const auto& [key, value] : node_->entries) {
    if (known_.contains(key)) continue;
    auto hint = did_you_mean(key, known);
    if (hint.empty()) hint = fmt::format("known keys: {}", join(known, ", "));
    problems_->push_back({where(value.line), fmt::format("unknown key '{}' in {}", key, what_), std::move(hint)});
  }
}

std::string quote(std::string_view text) {
  static constexpr std::string_view safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+";
  const bool plain = !text.empty() && text.find_first_not_of(safe) == std::string_view::npos && text.front() != '-' &&
                     text.front() != '.' && text.find_first_not_of("0123456789.eE+-") != std::string_view::npos;
  static const std::set<std::string> words{"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  if (plain && !words.contains(to_lower(text))) return std::string(text);
  return "\"" + replace_all(replace_all(std::string(text), "\\", "\\\\"), "\"", "\\\"") + "\"";
}

}  // namespace bake::yaml
