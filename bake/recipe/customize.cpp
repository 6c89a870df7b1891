#include "bake/recipe/customize.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/base/text.hpp"
#include "bake/recipe/read.hpp"

namespace bake::recipe {
namespace {

using yaml::MapReader;
using yaml::Node;

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool consists_of(std::string_view text, const std::string& allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// Returns whether a path of the image is absolute, plain and not in a file system of the running kernel.
bool is_image_path(std::string_view path) {
  if (!path.starts_with('/') || path.size() < 2 || path.ends_with('/') || path.find('\n') != std::string_view::npos)
    return false;
  if (std::filesystem::path(path).lexically_normal().string() != path) return false;
  constexpr std::array<std::string_view, 5> of_the_kernel{"/proc/", "/sys/", "/dev/", "/run/", "/.bake-"};
  return std::none_of(of_the_kernel.begin(), of_the_kernel.end(),
                      [&](std::string_view directory) { return path.starts_with(directory); });
}

/// Reads the items of a list of maps.
template <typename Read>
void each_map(Input& input, MapReader& reader, const char* key, Read read) {
  const Node* node = reader.find(key);
  if (node == nullptr || node->kind == Node::Kind::null) return;
  if (node->kind != Node::Kind::sequence)
    return reader.problem(key, fmt::format("'{}' must be a list", key), fmt::format("for example: {}: [{{…}}]", key));
  for (const auto& item : node->items) {
    auto map = input.map(item, key);
    read(map);
    map.finish();
  }
}

std::string image_path(MapReader& reader) {
  auto path = reader.required_text("path");
  if (!path.empty() && !is_image_path(path))
    reader.problem("path", fmt::format("'path' must be an absolute path of the image, not '{}'", path),
                   "for example: /etc/motd; not below /proc, /sys, /dev or /run");
  return path;
}

unsigned read_mode(MapReader& reader) {
  const auto text = reader.text_or("mode", "");
  if (text.empty()) return 0;
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  constexpr unsigned permissions = 0777;
  if (error == std::errc() && end == text.data() + text.size() && mode != 0 && (mode & ~permissions) == 0) return mode;
  reader.problem("mode", fmt::format("'mode' must be permissions in octal, not '{}'", text),
                 "for example: mode: 0644; bake installs no setuid file");
  return 0;
}

void read_owner(MapReader& reader, CustomFile& file) {
  const auto text = reader.text_or("owner", "root");
  if (text == "root" || text == "root:root") return;
  const auto colon = text.find(':');
  const auto number = [&](std::string_view part, unsigned& into) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), into);
    return error == std::errc() && end == part.data() + part.size();
  };
  const std::string_view whole = text;
  if (colon == std::string::npos || !number(whole.substr(0, colon), file.uid) ||
      !number(whole.substr(colon + 1), file.gid))
    reader.problem("owner", fmt::format("'owner' must be root or UID:GID, not '{}'", text),
                   "for example: owner: 1000:1000");
}

std::vector<std::filesystem::path> paths_of(Input& input, MapReader& reader, const char* key) {
  std::vector<std::filesystem::path> paths;
  for (const auto& text : reader.texts(key)) paths.push_back(resolve_against(input.file, text));
  return paths;
}

void check_names(MapReader& reader, const char* key, const std::vector<std::string>& names, std::string_view more) {
  const auto allowed = std::string(letters) + std::string(digits) + std::string(more);
  for (const auto& name : names)
    if (!consists_of(name, allowed) || name.front() == '-')
      reader.problem(key, fmt::format("'{}' in '{}' is not a valid name", name, key));
}

/// Returns the name of a unit; one without the suffix of a unit type (systemd.unit(5)) is a service.
std::string unit_of(std::string name) {
  constexpr std::array types{".service", ".socket", ".target", ".device", ".mount", ".automount",
                             ".swap",    ".timer",  ".path",   ".slice",  ".scope"};
  const bool typed = std::any_of(types.begin(), types.end(), [&](const char* type) { return name.ends_with(type); });
  return typed ? name : name + ".service";
}

void read_services(Input& input, MapReader& reader, Customize& customize) {
  const Node* node = reader.find("services");
  if (node == nullptr) return;
  auto services = input.map(*node, "services");
  std::set<std::string> seen;
  for (const auto& [key, list] : {std::pair{"enable", &customize.enable}, std::pair{"disable", &customize.disable},
                                  std::pair{"mask", &customize.mask}}) {
    *list = services.texts(key);
    check_names(services, key, *list, "@._:-");
    for (auto& unit : *list) {
      unit = unit_of(unit);
      if (unit.front() == '.') services.problem(key, fmt::format("'{}' in '{}' is not the name of a unit", unit, key));
      if (!seen.insert(unit).second) services.problem(key, fmt::format("'services' names {} twice", unit));
    }
  }
  services.finish();
}

void read_sysctl(Input& input, MapReader& reader, Customize& customize) {
  const Node* node = reader.find("sysctl");
  if (node == nullptr) return;
  auto map = input.map(*node, "sysctl");
  for (const auto& [key, value] : node->entries) {
    customize.sysctl[key] = map.text_or(key, "");
    check_names(map, key.c_str(), {key}, "._-/*");
    if (customize.sysctl[key].find('\n') != std::string::npos)
      map.problem(key, fmt::format("the value of '{}' has several lines", key));
  }
  map.finish();
}

CustomUser read_user(Input& input, MapReader& reader) {
  CustomUser user;
  user.name = reader.required_text("name");
  constexpr std::size_t max_name = 32;  // useradd(8)
  const auto allowed = std::string("abcdefghijklmnopqrstuvwxyz_-") + std::string(digits);
  if (!consists_of(user.name, allowed) || user.name.size() > max_name || user.name.find_first_of("-0123456789") == 0)
    reader.problem("name", fmt::format("'{}' is not the name of an account", user.name),
                   "small letters, digits, '_' and '-'; first a letter; at most 32");
  user.groups = reader.texts("groups");
  check_names(reader, "groups", user.groups, "_-");
  user.shell = reader.text_or("shell", user.shell);
  if (!is_image_path(user.shell))
    reader.problem("shell", fmt::format("'shell' must be an absolute path, not '{}'", user.shell));
  user.authorized_keys = paths_of(input, reader, "authorized_keys");
  if (user.name == "root") reader.problem("name", "'users' cannot change root");
  return user;
}

CustomFile read_file(Input& input, MapReader& reader) {
  CustomFile file;
  file.source = resolve_against(input.file, reader.required_text("source"));
  file.path = image_path(reader);
  file.mode = read_mode(reader);
  read_owner(reader, file);
  return file;
}

CustomLine read_line(MapReader& reader) {
  CustomLine line{image_path(reader), reader.required_text("line")};
  if (trim(line.line) != line.line) reader.problem("line", "'line' begins or ends with a blank");
  if (line.line.find('\n') != std::string::npos)
    reader.problem("line", "'line' has several lines", "write one entry for each");
  return line;
}

}  // namespace

Customize read_customize(Input& input, MapReader& recipe) {
  Customize customize;
  const Node* node = recipe.find("customize");
  if (node == nullptr || node->kind == Node::Kind::null) return customize;
  auto reader = input.map(*node, "customize");
  customize.packages = reader.texts("packages");
  check_names(reader, "packages", customize.packages, "+._=:~-");
  customize.remove = reader.texts("remove");
  check_names(reader, "remove", customize.remove, "+._-");
  each_map(input, reader, "files", [&](MapReader& map) { customize.files.push_back(read_file(input, map)); });
  each_map(input, reader, "lines", [&](MapReader& map) { customize.lines.push_back(read_line(map)); });
  read_sysctl(input, reader, customize);
  read_services(input, reader, customize);
  each_map(input, reader, "users", [&](MapReader& map) {
    auto user = read_user(input, map);
    if (std::any_of(customize.users.begin(), customize.users.end(),
                    [&](const auto& each) { return each.name == user.name; }))
      map.problem("name", fmt::format("'users' names {} twice", user.name));
    customize.users.push_back(std::move(user));
  });
  customize.run = paths_of(input, reader, "run");
  customize.first_boot = paths_of(input, reader, "first_boot");
  reader.finish();
  return customize;
}

}  // namespace bake::recipe
