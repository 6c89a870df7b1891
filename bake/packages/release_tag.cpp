#include "bake/packages/release_tag.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace bake::bundle {
namespace {

struct Release {
  std::string_view family;  ///< distributions with the same packages are one family
  std::string major;
  std::string minor;  ///< empty: not named
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> families{{{"rhel", "EL"},
                                                                                  {"centos", "EL"},
                                                                                  {"rocky", "EL"},
                                                                                  {"almalinux", "EL"},
                                                                                  {"oel", "EL"},
                                                                                  {"ol", "EL"},
                                                                                  {"el", "EL"},
                                                                                  {"fc", "Fedora"},
                                                                                  {"sles", "SLES"},
                                                                                  {"ubuntu", "Ubuntu"}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string take_digits(std::string_view& text) {
  const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  std::string digits(text.substr(0, end));
  text.remove_prefix(end);
  return digits;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Reads the name of a distribution and its release: "rhel8.2", "rhel8u2", "el8_3", "sles15sp3".
std::optional<Release> release_of(std::string_view text) {
  for (const auto& [name, family] : families) {
    auto rest = text;
    if (!take(rest, name)) continue;
    Release release{family, take_digits(rest), ""};
    if (release.major.empty() || release.major.size() > 2) return std::nullopt;
    // An underscore ("el8_3") begins the minor release of a kernel; a bundle may have kernels of several.
    if (take(rest, "u") || take(rest, "sp") || take(rest, ".")) release.minor = take_digits(rest);
    // "fc30ab1" is a commit.
    if (family == "Fedora" && !rest.empty()) return std::nullopt;
    return release;
  }
  return std::nullopt;
}

/// The words of a version that may name a release, each with what can belong to it: "rhel8u2", "el8_3", "u20.04".
std::vector<std::string_view> words_of(std::string_view version) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < version.size(); ++at) {
    const bool begins =
        is_letter(version[at]) && (at == 0 || (!is_letter(version[at - 1]) && !is_digit(version[at - 1])));
    if (!begins) continue;
    auto end = at;
    while (end < version.size() && (is_letter(version[end]) || is_digit(version[end]))) ++end;
    words.push_back(version.substr(at, end - at));
  }
  return words;
}

/// Returns what an Ubuntu version names: "u20.04" behind a tilde, or "ubuntu20.04". ("ubuntu1" is a revision.)
std::string_view ubuntu_word(std::string_view version) {
  for (const std::string_view mark : {"~u", "ubuntu"})
    for (auto at = version.find(mark); at != std::string_view::npos; at = version.find(mark, at + 1)) {
      auto rest = version.substr(at + mark.size());
      if (take_digits(rest).size() == 2 && take(rest, ".") && take_digits(rest).size() == 2)
        return version.substr(at, version.size() - at - rest.size());
    }
  return {};
}

}  // namespace

std::string contradicting_release(std::string_view version, std::string_view distro) {
  const auto stated = release_of(distro);
  if (!stated) return {};
  if (auto word = ubuntu_word(version); !word.empty()) {
    if (word.front() == '~') word.remove_prefix(1);
    const auto number = word.substr(word.find_first_of("0123456789"));
    if (stated->family != "Ubuntu" || number != stated->major + "." + stated->minor) return std::string(word);
  }
  for (const auto word : words_of(version)) {
    const auto named = release_of(word);
    if (!named || named->family == "Ubuntu") continue;
    const bool minor_differs = !named->minor.empty() && !stated->minor.empty() && named->minor != stated->minor;
    if (named->family != stated->family || named->major != stated->major || minor_differs) return std::string(word);
  }
  return {};
}

}  // namespace bake::bundle
