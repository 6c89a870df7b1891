#include "bake/guest/grub.hpp"

#include <algorithm>
#include <charconv>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

/// GRUB's own menus nest once; anything deeper than this is no menu.
constexpr int depth_limit = 8;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The words of one line of GRUB's script: quotes removed, comments dropped, { } and ; words of their own.
std::vector<std::string> script_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  const auto finish = [&] {
    if (in_word) words.push_back(std::move(word));
    word.clear();
    in_word = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == quote)
        quote = '\0';
      else if (c == '\\' && quote == '"' && i + 1 < line.size())
        word += line[++i];
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == ';') {
      finish();
      if (c == ';') words.emplace_back(";");
    } else if (c == '#' && !in_word) {
      break;
    } else {
      if (c == '\\' && i + 1 < line.size()) ++i;
      word += line[i];
      in_word = true;
    }
  }
  finish();
  return words;
}

bool is_menu_command(std::string_view word) { return word == "menuentry" || word == "submenu"; }
bool is_linux_command(std::string_view word) { return word == "linux" || word == "linux16" || word == "linuxefi"; }

/// Reads a grub.cfg line by line, descending into blocks.
class MenuReader {
 public:
  MenuReader(std::string_view text, GrubMenu& menu) : lines_(split_lines(text)), menu_(menu) {}

  void read() { read_block(menu_.entries, nullptr, 0); }

 private:
  void read_block(std::vector<GrubEntry>& entries, GrubEntry* entry, int depth) {
    while (next_ < lines_.size()) {
      const auto words = script_words(lines_[next_++]);
      if (words.empty()) continue;
      if (words.front() == "}") return;
      if (is_menu_command(words.front()))
        read_entry(words, entries, depth);
      else if (words.back() == "{")
        skip_block(depth);
      else
        read_commands(words, entry);
    }
  }

  void read_entry(const std::vector<std::string>& words, std::vector<GrubEntry>& entries, int depth) {
    GrubEntry entry;
    if (words.size() > 1) entry.title = words[1];
    for (std::size_t i = 2; i + 1 < words.size(); ++i)
      if (words[i] == "--id" || words[i] == "$menuentry_id_option" || words[i] == "${menuentry_id_option}")
        entry.id = words[i + 1];
    if (words.back() == "{") {
      if (depth < depth_limit)
        read_block(entry.entries, &entry, depth + 1);
      else
        skip_block(depth);
    }
    entries.push_back(std::move(entry));
  }

  /// Functions and what else stands in braces.
  void skip_block(int depth) {
    std::vector<GrubEntry> ignored;
    if (depth < depth_limit) return read_block(ignored, nullptr, depth + 1);
    while (next_ < lines_.size() && trim(lines_[next_++]) != "}") {
    }
  }

  void read_commands(const std::vector<std::string>& words, GrubEntry* entry) {
    auto begin = words.begin();
    while (begin != words.end()) {
      const auto end = std::find(begin, words.end(), ";");
      read_command({begin, end}, entry);
      begin = end == words.end() ? end : end + 1;
    }
  }

  void read_command(const std::vector<std::string>& words, GrubEntry* entry) {
    if (words.empty()) return;
    if (words[0] == "blscfg" || words[0] == "bls_import") menu_.uses_bls = true;
    if (words.size() < 2) return;
    // A menu entry may try several ways to boot; the first is what counts.
    if (entry != nullptr && is_linux_command(words[0]) && entry->image.empty()) {
      entry->image = words[1];
      entry->options = join({words.begin() + 2, words.end()}, " ");
    }
    if (words[0] == "set" && entry == nullptr) set_variable(words[1]);
  }

  void set_variable(std::string_view assignment) {
    const auto equals = assignment.find('=');
    if (equals == std::string_view::npos) return;
    const auto name = assignment.substr(0, equals);
    const auto value = assignment.substr(equals + 1);
    if (name != "default") {
      menu_.variables.try_emplace(std::string(name), value);
    } else if (value == "${next_entry}" || value == "$next_entry") {
      menu_.uses_next_entry = true;
    } else {
      menu_.default_value = value;
    }
  }

  std::vector<std::string> lines_;
  std::size_t next_ = 0;
  GrubMenu& menu_;
};

/// Position of the '>' that leads into a submenu; ">>" stands for one '>' in a title.
std::size_t find_step(std::string_view wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] != '>') continue;
    if (i + 1 < wanted.size() && wanted[i + 1] == '>')
      ++i;
    else
      return i;
  }
  return std::string_view::npos;
}

const GrubEntry* find_here(const std::vector<GrubEntry>& entries, std::string_view wanted) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  if (error == std::errc{} && end == wanted.data() + wanted.size())
    return index < entries.size() ? &entries[index] : nullptr;
  for (const auto& entry : entries)
    if ((!entry.id.empty() && entry.id == wanted) || entry.title == wanted) return &entry;
  return nullptr;
}

}  // namespace

GrubMenu parse_grub_cfg(std::string_view text) {
  GrubMenu menu;
  MenuReader(text, menu).read();
  return menu;
}

std::map<std::string, std::string> parse_grubenv(std::string_view text) {
  std::map<std::string, std::string> variables;
  if (!text.starts_with("# GRUB Environment Block\n")) return variables;
  for (const auto& line : split_lines(text)) {
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos || equals == 0) continue;
    const auto name = line.substr(0, equals);
    if (std::all_of(name.begin(), name.end(), is_name_char))
      variables[name] = replace_all(line.substr(equals + 1), "\\\\", "\\");
  }
  return variables;
}

GrubEntry parse_bls_entry(std::string_view id, std::string_view text) {
  GrubEntry entry;
  entry.id = id;
  for (const auto& line : split_lines(text)) {
    const auto words = trim(line);
    const auto space = std::min(words.find_first_of(" \t"), words.size());
    const auto key = words.substr(0, space);
    const auto value = trim(words.substr(space));
    if (key == "title") entry.title = value;
    if (key == "linux") entry.image = value;
    if (key == "options") entry.options += (entry.options.empty() ? "" : " ") + std::string(value);
  }
  return entry;
}

const GrubEntry* first_entry(const std::vector<GrubEntry>& entries) {
  if (entries.empty()) return nullptr;
  const auto& entry = entries.front();
  return entry.entries.empty() ? &entry : first_entry(entry.entries);
}

const GrubEntry* choose_entry(const std::vector<GrubEntry>& entries, std::string_view wanted) {
  const auto step = find_step(wanted);
  const auto* entry = find_here(entries, replace_all(std::string(wanted.substr(0, step)), ">>", ">"));
  if (entry == nullptr) entry = find_here(entries, wanted);
  if (entry == nullptr || entry->entries.empty()) return entry;
  if (step == std::string_view::npos) return first_entry(entry->entries);
  return choose_entry(entry->entries, wanted.substr(step + 1));
}

std::string expand_variables(std::string_view text, const std::map<std::string, std::string>& variables) {
  std::string expanded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      expanded += text[i];
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const auto begin = i + (braces ? 2 : 1);
    auto end = begin;
    while (end < text.size() && is_name_char(text[end])) ++end;
    const auto value = variables.find(std::string(text.substr(begin, end - begin)));
    if (value != variables.end()) expanded += value->second;
    i = braces && end < text.size() && text[end] == '}' ? end : end - 1;
  }
  return expanded;
}

}  // namespace bake::guest
