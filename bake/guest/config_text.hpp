#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// The largest configuration file that bake edits. The functions below keep every line of it in memory.
inline constexpr std::size_t config_limit = std::size_t{1} << 20U;

// Pure edits of configuration files. Each returns the whole new text, which ends with a newline. Editing the result
// again changes nothing.

/// Returns `text` with exactly one uncommented `key=value` line (shell-like files: waagent.conf, openib.conf). The line
/// replaces the first line that sets the key, else the first comment that shows it ("# OS.EnableRDMA=n"), else it is a
/// new last line. Other lines that set the key are dropped.
std::string set_key(std::string_view text, std::string_view key, std::string_view value);

/// Returns yum.conf or dnf.conf with `packages` in the `exclude=` list of [main]. `text` may have a list that continues
/// on indented lines, several `exclude`/`excludepkgs` lines, no [main], or no newline at the end.
std::string exclude_packages(std::string_view text, const std::vector<std::string>& packages);

/// Returns the packages that [main] excludes.
std::vector<std::string> excluded_packages(std::string_view text);

/// Returns `text` with `line` as one of its lines; adds it at the end when it is missing.
std::string with_line(std::string_view text, std::string_view line);

/// Returns the values of `key` ("WantedBy") in section [Install] of a systemd unit, split at blanks.
std::vector<std::string> install_values(std::string_view unit, std::string_view key);

}  // namespace bake::guest
