#include "matrix/words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

#include "bake/base/text.hpp"

namespace bake::matrix {
namespace {

constexpr std::string_view separators = " :-_";
constexpr std::string_view digits = "0123456789";

/// What people call the distributions, and their ids in os-release.
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> distributions{{
    {"ubuntu", "ubuntu"},
    {"centos", "centos"},
    {"rhel", "rhel"},
    {"almalinux", "almalinux"},
    {"rocky", "rocky"},
    {"el", "rhel"},
    {"redhat", "rhel"},
    {"red hat", "rhel"},
    {"redhatenterpriselinux", "rhel"},
    {"red hat enterprise linux", "rhel"},
    {"alma", "almalinux"},
    {"alma linux", "almalinux"},
    {"rockylinux", "rocky"},
    {"rocky linux", "rocky"},
    {"centos linux", "centos"},
    {"ubuntu linux", "ubuntu"},
}};

std::string id_of(const std::string& words) {
  const auto known =
      std::find_if(distributions.begin(), distributions.end(), [&](const auto& entry) { return entry.first == words; });
  return known == distributions.end() ? words : std::string(known->second);
}

std::string without_prefix(std::string text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

const std::regex& whole_release() {
  static const std::regex pattern(R"((\d+(\.\d+)+-\d+(\.\d+)+)|(doca-\d+(\.\d+)+-\d+))");
  return pattern;
}

}  // namespace

std::pair<std::string, std::string> release_words(std::string_view text) {
  auto words = to_lower(trim(text));
  if (words.ends_with(" lts")) words.resize(words.size() - 4);
  const auto number = std::min(words.find_first_of(digits), words.size());
  auto name = words.substr(0, number);
  auto version = words.substr(number);
  for (auto& c : name)
    if (separators.find(c) != std::string_view::npos) c = ' ';
  name = join(split_words(name), " ");
  if (!version.empty()) return {id_of(name), version};
  // Without a number: a code name, alone or after the distribution.
  const auto space = name.rfind(' ');
  if (is_distribution(name) || id_of(name) != name || space == std::string::npos) return {id_of(name), ""};
  return {id_of(name.substr(0, space)), name.substr(space + 1)};
}

bool is_distribution(std::string_view id) {
  return std::any_of(distributions.begin(), distributions.end(), [&](const auto& entry) { return entry.second == id; });
}

std::optional<std::string> driver_words(std::string_view text) {
  auto words = to_lower(trim(text));
  for (auto& c : words)
    if (c == ' ' || c == '_' || c == ':') c = '-';
  const bool doca = words.starts_with("doca-");
  for (const auto* prefix : {"mlnx-", "doca-", "ofed-", "host-", "linux-"}) words = without_prefix(words, prefix);
  // The build of DOCA is one number: builds for other machines have the same version.
  static const std::regex mlnx(R"(\d+(\.\d+)+(-\d+(\.\d+)*)?)");
  static const std::regex host(R"(\d+(\.\d+)+(-\d+)?)");
  if (!std::regex_match(words, doca ? host : mlnx)) return std::nullopt;
  return (doca ? "doca-" : "") + words;
}

bool is_whole_release(std::string_view text) { return std::regex_match(text.begin(), text.end(), whole_release()); }

bool names_size_without_infiniband(std::string_view name) {
  // Family, number of processors, features in small letters.
  static const std::regex pattern(R"((standard_|basic_)?(a|b|d|dc|ds|e|ec|f|fx|g|gs|l|m|n|nc|nd|np|nv|ng)(\d+)(-\d+)?)"
                                  R"(([a-z]*)(_.*)?)");
  std::match_results<std::string::const_iterator> match;
  const auto lower = to_lower(trim(name));
  if (!std::regex_match(lower, match, pattern)) return false;
  return !match[2].str().starts_with("n") || match[5].str().find('r') == std::string::npos;
}

}  // namespace bake::matrix
