#include "bake/guest/config_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

std::string whole(const std::vector<std::string>& lines) { return lines.empty() ? "" : join(lines, "\n") + "\n"; }

/// Returns "key" for "  key = value", an empty text for other lines.
std::string_view key_of(std::string_view line) {
  const auto at = line.find('=');
  return at == std::string_view::npos ? std::string_view{} : trim(line.substr(0, at));
}

bool is_comment(std::string_view line) { return trim(line).starts_with('#') || trim(line).starts_with(';'); }

bool shows_key(std::string_view line, std::string_view key) {
  auto text = trim(line);
  if (!text.starts_with('#')) return false;
  while (text.starts_with('#')) text.remove_prefix(1);
  return key_of(text) == key;
}

std::string_view section_of(std::string_view line) {
  const auto text = trim(line);
  const bool header = text.size() > 2 && text.front() == '[' && text.back() == ']';
  return header ? text.substr(1, text.size() - 2) : std::string_view{};
}

bool is_exclude(std::string_view line) {
  return !is_comment(line) && (key_of(line) == "exclude" || key_of(line) == "excludepkgs");
}

void take_words(std::string_view text, std::vector<std::string>& words) {
  for (auto& word : split_words(replace_all(std::string(text), ",", " "))) words.push_back(std::move(word));
}

/// Splits a yum.conf: the words of every exclude list in [main], and all other lines.
struct MainSection {
  std::vector<std::string> lines;     ///< without the exclude lines
  std::vector<std::string> excluded;  ///< in the order written
  std::ptrdiff_t end_of_header = -1;  ///< index in `lines` after "[main]", -1 without one
};

MainSection read_main(std::string_view text) {
  MainSection main;
  bool in_main = false;
  bool in_exclude = false;
  for (const auto& line : split_lines(text)) {
    if (const auto section = section_of(line); !section.empty()) {
      in_main = section == "main";
      in_exclude = false;
      main.lines.push_back(line);
      if (in_main) main.end_of_header = static_cast<std::ptrdiff_t>(main.lines.size());
      continue;
    }
    const bool continues = in_exclude && !line.empty() && (line.front() == ' ' || line.front() == '\t');
    if (in_main && continues && !is_comment(line)) {
      take_words(line, main.excluded);
      continue;
    }
    in_exclude = in_main && is_exclude(line);
    if (in_exclude)
      take_words(std::string_view(line).substr(line.find('=') + 1), main.excluded);
    else
      main.lines.push_back(line);
  }
  return main;
}

}  // namespace

std::string set_key(std::string_view text, std::string_view key, std::string_view value) {
  auto lines = split_lines(text);
  const auto setting = fmt::format("{}={}", key, value);
  const auto sets = [&](const std::string& line) { return !is_comment(line) && key_of(line) == key; };
  auto place = std::find_if(lines.begin(), lines.end(), sets);
  if (place == lines.end())
    place = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) { return shows_key(line, key); });
  if (place == lines.end()) place = lines.insert(lines.end(), std::string{});
  *place = setting;
  lines.erase(std::remove_if(place + 1, lines.end(), sets), lines.end());
  return whole(lines);
}

std::string exclude_packages(std::string_view text, const std::vector<std::string>& packages) {
  auto main = read_main(text);
  auto words = main.excluded;
  for (const auto& package : packages)
    if (std::find(words.begin(), words.end(), package) == words.end()) words.push_back(package);
  if (words.empty()) return whole(split_lines(text));
  if (main.end_of_header < 0) {
    main.lines.insert(main.lines.begin(), "[main]");
    main.end_of_header = 1;
  }
  main.lines.insert(main.lines.begin() + main.end_of_header, "exclude=" + join(words, " "));
  return whole(main.lines);
}

std::vector<std::string> excluded_packages(std::string_view text) { return read_main(text).excluded; }

std::string with_line(std::string_view text, std::string_view line) {
  auto lines = split_lines(text);
  if (std::none_of(lines.begin(), lines.end(), [&](const std::string& there) { return trim(there) == line; }))
    lines.emplace_back(line);
  return whole(lines);
}

std::vector<std::string> install_values(std::string_view unit, std::string_view key) {
  std::vector<std::string> values;
  bool in_install = false;
  for (const auto line : each_line(unit)) {
    if (const auto section = section_of(line); !section.empty()) in_install = section == "Install";
    if (in_install && !is_comment(line) && key_of(line) == key)
      for (auto& word : split_words(std::string_view(line).substr(line.find('=') + 1)))
        values.push_back(std::move(word));
  }
  return values;
}

}  // namespace bake::guest
