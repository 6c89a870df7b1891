#include "bake/boot/menu_entry_id.hpp"

#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// Returns the id of a line "menuentry 'Title' … $menuentry_id_option 'ID' {"; empty if it names none.
std::string id_of(std::string_view line) {
  constexpr std::string_view option = "$menuentry_id_option '";
  const auto at = line.find(option);
  if (at == std::string_view::npos) return {};
  const auto begin = at + option.size();
  const auto end = line.find('\'', begin);
  return end == std::string_view::npos ? std::string() : std::string(line.substr(begin, end - begin));
}

/// The words of a command that loads Linux: "linux", "linuxefi", "linux16".
bool loads(std::string_view line, const std::string& image) {
  const auto words = split_words(line);
  return words.size() > 1 && words[0].starts_with("linux") && base_name_of(words[1]) == image;
}

}  // namespace

std::optional<std::string> menu_entry_id(std::string_view grub_cfg, std::string_view release) {
  const auto image = "vmlinuz-" + std::string(release);
  std::string submenu;
  std::string entry;
  bool nested = false;
  for (const auto line : each_line(grub_cfg)) {
    const auto text = trim(line);
    // grub-mkconfig indents what is in a submenu, and nothing else before an entry.
    if (text.starts_with("submenu ")) {
      submenu = id_of(text);
    } else if (text.starts_with("menuentry ")) {
      entry = id_of(text);
      nested = line.front() != 'm';
    } else if (!entry.empty() && entry.find("-advanced-") != std::string::npos && loads(text, image)) {
      return nested && !submenu.empty() ? submenu + ">" + entry : entry;
    }
  }
  return std::nullopt;
}

}  // namespace bake::guest
