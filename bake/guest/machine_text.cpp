#include "bake/guest/machine_text.hpp"

#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

constexpr const char* generic_name = "localhost.localdomain";

using Lines = std::vector<std::string>;

std::string text_of(const Lines& lines) { return lines.empty() ? std::string() : join(lines, "\n") + "\n"; }

/// Returns `text` without the lines that `is_removed` accepts; exactly `text` when it accepts none.
template <class IsRemoved>
std::string without_lines(const std::string& text, IsRemoved is_removed) {
  std::string kept;
  bool changed = false;
  for (const auto line : each_line(text)) {
    if (is_removed(line))
      changed = true;
    else
      kept.append(line) += '\n';
  }
  return changed ? kept : text;
}

/// Returns the value of `KEY=value` or `key = value` without quotes; nothing when the line has another key.
std::optional<std::string> value_of(std::string_view line, std::string_view key) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos || trim(line.substr(0, equals)) != key) return std::nullopt;
  auto value = std::string(trim(line.substr(equals + 1)));
  std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
  return value;
}

// ---- root's password

/// True for a field of /etc/shadow that allows no login and has no hash, not even a locked one.
bool is_locked(std::string_view field) {
  return (field.starts_with('!') || field.starts_with('*')) && field.find('$') == std::string_view::npos;
}

/// Locks root as the agent does (WALinuxAgent, azurelinuxagent/common/osutil/default.py, del_root_password), but keeps
/// the fields about the age of the password.
std::string without_root_password(const std::string& text) {
  constexpr std::string_view name = "root:";
  std::string edited;
  bool changed = false;
  for (const auto line : each_line(text)) {
    const auto password = line.starts_with(name) ? piece_of(line, ':', 1) : std::nullopt;
    if (password && !is_locked(*password)) {
      edited.append(name).append("*LOCK*").append(line.substr(name.size() + password->size()));
      changed = true;
    } else {
      edited.append(line);
    }
    edited += '\n';
  }
  return changed ? edited : text;
}

// ---- host name

/// Removes the name, with every domain, from the lines of /etc/hosts; a line without another name is removed.
std::string hosts_without(const std::string& text, const std::string& host_name) {
  if (host_name.empty()) return text;
  const auto short_name = host_name.substr(0, host_name.find('.'));
  if (short_name == "localhost") return text;  // "localhost.internal": the lines of localhost must stay
  const auto names_host = [&](const std::string& word) {
    return word == short_name || word.starts_with(short_name + ".");
  };
  std::string kept;
  bool changed = false;
  for (const auto line : each_line(text)) {
    auto words = split_words(line.substr(0, line.find('#')));
    const auto removed =
        words.size() < 2
            ? 0
            : words.size() -
                  static_cast<std::size_t>(std::remove_if(words.begin() + 1, words.end(), names_host) - words.begin());
    if (removed == 0) {
      kept.append(line) += '\n';
      continue;
    }
    changed = true;
    words.resize(words.size() - removed);
    if (words.size() > 1) kept += join(words, " ") + "\n";
  }
  return changed ? kept : text;
}

std::string host_name_file_without(const std::string& text) {
  for (const auto line : each_line(text))
    if (!trim(line).empty() && !trim(line).starts_with('#') && !is_generic_host_name(trim(line)))
      return std::string(generic_name) + "\n";
  return text;
}

/// Returns the fixed name of the line `send host-name "name";` of dhclient.conf; nothing for other lines, and for
/// gethostname() and <hostname>, which follow the machine.
std::optional<std::string> sent_host_name(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() < 3 || words[0] != "send" || words[1] != "host-name") return std::nullopt;
  const auto open = line.find('"');
  const auto close = open == std::string_view::npos ? open : line.find('"', open + 1);
  if (close == std::string_view::npos || line.substr(0, open).find('(') != std::string_view::npos) return std::nullopt;
  const auto name = line.substr(open + 1, close - open - 1);
  return name.starts_with('<') ? std::nullopt : std::optional(std::string(name));
}

/// Removes a fixed name that the DHCP client sends; the agent replaces it with localhost.localdomain (WALinuxAgent,
/// azurelinuxagent/common/osutil/default.py, set_dhcp_hostname).
std::string dhclient_without(const std::string& text) {
  return without_lines(text, [&](std::string_view line) {
    const auto name = sent_host_name(line);
    return name && !is_generic_host_name(*name);
  });
}

// ---- MAC addresses

/// virt-sysprep removes the same keys (guestfs-tools, sysprep/sysprep_operation_net_hwaddr.ml and _net_hostname.ml).
std::string ifcfg_without(const std::string& text) {
  return without_lines(text, [](std::string_view line) {
    if (value_of(line, "HWADDR")) return true;
    const auto name = value_of(line, "HOSTNAME");
    const auto dhcp_name = value_of(line, "DHCP_HOSTNAME");
    return (name && !is_generic_host_name(*name)) || (dhcp_name && !is_generic_host_name(*dhcp_name));
  });
}

std::string keyfile_without(const std::string& text) {
  return without_lines(text, [](std::string_view line) { return value_of(line, "mac-address").has_value(); });
}

bool has_mac(const std::string& text) {
  static const std::regex mac("(^|[^0-9A-Fa-f:])([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}([^0-9A-Fa-f:]|$)");
  constexpr std::size_t mac_length = 17;
  for (const auto line : each_line(text))
    if (line.size() >= mac_length && !trim(line).starts_with('#') && std::regex_search(line.begin(), line.end(), mac))
      return true;
  return false;
}

std::size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

/// Returns the end of the YAML block that `lines[start]` opens: the next line that is not deeper.
std::size_t end_of_block(const Lines& lines, std::size_t start) {
  auto end = start + 1;
  while (end < lines.size() && (trim(lines[end]).empty() || indent_of(lines[end]) > indent_of(lines[start]))) ++end;
  return end;
}

bool has_key(std::string_view line, std::string_view key) {
  const auto text = trim(line);
  return text.starts_with(key) && text.substr(key.size()).starts_with(':');
}

std::string scalar_of(std::string_view line) {
  auto value = std::string(trim(line.substr(line.find(':') + 1)));
  std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
  return value;
}

bool looks_like_interface(std::string_view id) {
  const auto begins = [&](std::string_view prefix) { return id.size() > prefix.size() && id.starts_with(prefix); };
  return begins("eth") || begins("en") || begins("ib");
}

/// Removes `match` and `set-name` of the interface whose block is [start, end) when it is matched by MAC address;
/// netplan then matches the interface by its name. Returns false when the name would change.
bool unmatch_interface(Lines& lines, std::size_t start) {
  const auto id = std::string(trim(lines[start]).substr(0, trim(lines[start]).find(':')));
  const auto end = end_of_block(lines, start);
  std::optional<std::size_t> match;
  std::optional<std::size_t> set_name;
  for (auto i = start + 1; i < end; ++i) {
    if (has_key(lines[i], "match")) match = i;
    if (has_key(lines[i], "set-name")) set_name = i;
  }
  if (!match) return true;
  const auto match_end = end_of_block(lines, *match);
  const bool by_mac = std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(*match),
                                  lines.begin() + static_cast<std::ptrdiff_t>(match_end),
                                  [](const std::string& line) { return has_key(line, "macaddress"); });
  if (!by_mac) return true;
  if (set_name ? scalar_of(lines[*set_name]) != id : !looks_like_interface(id)) return false;
  if (set_name && *set_name > *match) lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(*set_name));
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(*match),
              lines.begin() + static_cast<std::ptrdiff_t>(match_end));
  if (set_name && *set_name < *match) lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(*set_name));
  return true;
}

/// A line of a netplan file without the indentation names an interface when its block has `match` one level deeper.
bool opens_interface(const Lines& lines, std::size_t start) {
  const auto end = end_of_block(lines, start);
  if (start + 1 >= end || !trim(lines[start]).ends_with(':')) return false;
  const auto depth = indent_of(lines[start + 1]);
  for (auto i = start + 1; i < end; ++i)
    if (indent_of(lines[i]) == depth && has_key(lines[i], "match")) return true;
  return false;
}

/// Returns the lines without comments and blank lines, which do not count for depth and blocks. A comment after a
/// value stays: a '#' there may be part of the value.
Lines without_comments(const std::string& text) {
  static const std::regex key_and_comment("^(\\s*[^\\s#:]+:)\\s+#.*$");
  Lines lines;
  for (const auto line : each_line(text))
    if (const auto words = trim(line); !words.empty() && !words.starts_with('#'))
      lines.push_back(std::regex_replace(std::string(line), key_and_comment, "$1"));
  return lines;
}

/// Returns whether a `match` is left that matches nothing, which netplan refuses.
bool has_empty_match(const Lines& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (has_key(lines[i], "match") && trim(lines[i]).ends_with(':') && end_of_block(lines, i) == i + 1) return true;
  return false;
}

/// cloud-init's netplan files match each interface by its MAC address (cloud-init, cloudinit/net/netplan.py).
std::optional<std::string> netplan_without(const std::string& text) {
  if (!has_mac(text)) return text;
  // Real files are smaller than 4 KiB. The time that the search for blocks takes grows with the square of the size.
  constexpr std::size_t max_size = 16 << 10;
  if (text.size() > max_size) return std::nullopt;
  auto lines = without_comments(text);
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (opens_interface(lines, i) && !unmatch_interface(lines, i)) return std::nullopt;
  std::erase_if(lines, [](const std::string& line) { return has_key(line, "macaddress"); });
  const auto edited = text_of(lines);
  return has_mac(edited) || has_empty_match(lines) ? std::nullopt : std::optional(edited);
}

}  // namespace

std::vector<Account> parse_accounts(std::string_view passwd) {
  std::vector<Account> accounts;
  for (const auto line : each_line(passwd)) {
    const auto shell = piece_of(line, ':', 6);
    if (!shell || line.starts_with(':') || line.starts_with('#')) continue;
    Account account{std::string(*piece_of(line, ':', 0)), 0, std::string(*piece_of(line, ':', 5)), std::string(*shell)};
    const auto uid = *piece_of(line, ':', 2);
    const auto* end = uid.data() + uid.size();
    if (std::from_chars(uid.data(), end, account.uid).ptr != end || uid.empty()) continue;
    while (account.home.size() > 1 && account.home.ends_with('/')) account.home.pop_back();
    accounts.push_back(std::move(account));
  }
  return accounts;
}

std::vector<std::string> users_of_sudoers(std::string_view text) {
  std::vector<std::string> users;
  std::set<std::string> known{"", "root", "ALL"};
  for (const auto line : each_line(text)) {
    const auto words = split_words(line);
    // "#1000 ALL=…" names a number, "%wheel" a group, "+x" a netgroup, "User_Alias" and "Defaults" are not rules.
    if (words.size() < 2 || std::string_view("#%+@!").find(words[0][0]) != std::string_view::npos) continue;
    if (words[0].starts_with("Defaults") || words[0].ends_with("_Alias")) continue;
    for (const auto& name : split(words[0], ','))
      if (known.insert(name).second) users.push_back(name);
  }
  return users;
}

std::string user_of_ovf(std::string_view xml) {
  // The element has a namespace prefix or none: <UserName>, <ns1:UserName>. A longer look back from every place would
  // take the square of the size.
  constexpr std::string_view element = "UserName";
  constexpr std::size_t max_prefix = 128;
  for (auto at = xml.find(element); at != std::string_view::npos; at = xml.find(element, at + 1)) {
    const auto start = at - std::min(at, max_prefix);
    const auto found = xml.substr(start, at - start).rfind('<');
    const auto tag = found == std::string_view::npos ? found : start + found;
    if (tag == std::string_view::npos || (tag + 1 != at && xml[at - 1] != ':')) continue;
    const auto open = xml.find('>', at);
    if (open == std::string_view::npos) break;
    if (xml[tag + 1] == '/') continue;
    if (!trim(xml.substr(at + element.size(), open - at - element.size())).empty() && xml[at + element.size()] != ' ')
      continue;
    return std::string(trim(xml.substr(open + 1, xml.find('<', open) - open - 1)));
  }
  return {};
}

bool is_generic_host_name(std::string_view name) { return name.empty() || name == "localhost" || name == generic_name; }

std::optional<std::string> without_machine(const std::string& path, const std::string& text,
                                           const std::string& host_name) {
  if (path == "/etc/shadow") return without_root_password(text);
  if (path == "/etc/hostname") return host_name_file_without(text);
  if (path == "/etc/hosts") return hosts_without(text, host_name);
  if (path.ends_with("/dhclient.conf")) return dhclient_without(text);
  if (is_below(path, keyfile_directory)) return keyfile_without(text);
  if (path.ends_with(".yaml")) return netplan_without(text);
  return ifcfg_without(text);
}

bool disables_network(std::string_view cloud_config) {
  std::string plain;
  for (const char c : cloud_config)
    if (std::string_view(" \t\r\n{\"'").find(c) == std::string_view::npos) plain += c;
  return plain.find("network:config:disabled") != std::string::npos;
}

}  // namespace bake::guest
