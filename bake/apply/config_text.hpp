#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bake::apply {

// Pure edits of configuration files. Every one gives the whole new text, ends with a newline, and gives back its own
// output unchanged.

/// `text` with exactly one uncommented `key=value` line (shell-like files: waagent.conf, openib.conf). It takes the
/// place of the first line that sets the key, else of the first comment that shows it ("# OS.EnableRDMA=n"), else it is
/// a new last line; other lines that set the key are dropped.
std::string set_key(std::string_view text, std::string_view key, std::string_view value);

/// yum.conf or dnf.conf with `packages` in the `exclude=` list of [main], whatever stood there: a list that continues
/// on indented lines, several `exclude`/`excludepkgs` lines, no [main], no newline at the end.
std::string exclude_packages(std::string_view text, const std::vector<std::string>& packages);

/// The packages excluded in [main].
std::vector<std::string> excluded_packages(std::string_view text);

/// `text` with `line` as a line of its own, unless it is one already.
std::string with_line(std::string_view text, std::string_view line);

/// The values of `keys` ("WantedBy") in section [Install] of a systemd unit, split at blanks.
std::vector<std::string> install_values(std::string_view unit, std::string_view key);

}  // namespace bake::apply
