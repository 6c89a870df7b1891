#include "bake/evidence/licence.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"

namespace bake::evidence {
namespace {

/// Identifiers of the SPDX License List (spdx.org/licenses) that packages of distributions have.
constexpr std::array identifiers{"0BSD",
                                 "AFL-2.1",
                                 "AFL-3.0",
                                 "AGPL-3.0-only",
                                 "AGPL-3.0-or-later",
                                 "Apache-1.1",
                                 "Apache-2.0",
                                 "Artistic-1.0-Perl",
                                 "Artistic-2.0",
                                 "BSD-2-Clause",
                                 "BSD-3-Clause",
                                 "BSD-4-Clause",
                                 "BSD-4-Clause-UC",
                                 "BSL-1.0",
                                 "bzip2-1.0.6",
                                 "CC0-1.0",
                                 "CC-BY-3.0",
                                 "CC-BY-4.0",
                                 "CC-BY-SA-3.0",
                                 "CC-BY-SA-4.0",
                                 "CDDL-1.0",
                                 "CPL-1.0",
                                 "curl",
                                 "EPL-1.0",
                                 "EPL-2.0",
                                 "EUPL-1.2",
                                 "FSFAP",
                                 "FSFUL",
                                 "FSFULLR",
                                 "FTL",
                                 "GFDL-1.1-only",
                                 "GFDL-1.1-or-later",
                                 "GFDL-1.2-only",
                                 "GFDL-1.2-or-later",
                                 "GFDL-1.3-only",
                                 "GPL-1.0-only",
                                 "GPL-1.0-or-later",
                                 "GPL-2.0-only",
                                 "GPL-2.0-or-later",
                                 "GPL-3.0-only",
                                 "HPND",
                                 "GPL-3.0-or-later",
                                 "GFDL-1.3-or-later",
                                 "ICU",
                                 "IJG",
                                 "ISC",
                                 "Latex2e",
                                 "LGPL-2.0-only",
                                 "LGPL-2.0-or-later",
                                 "LGPL-2.1-only",
                                 "Libpng",
                                 "LGPL-2.1-or-later",
                                 "LGPL-3.0-only",
                                 "LGPL-3.0-or-later",
                                 "LPPL-1.3c",
                                 "Linux-OpenIB",
                                 "MIT",
                                 "MIT-0",
                                 "MIT-CMU",
                                 "MPL-1.1",
                                 "MPL-2.0",
                                 "MS-PL",
                                 "NCSA",
                                 "NTP",
                                 "OFL-1.1",
                                 "OLDAP-2.8",
                                 "OpenSSL",
                                 "PHP-3.01",
                                 "PostgreSQL",
                                 "PSF-2.0",
                                 "Python-2.0",
                                 "Python-2.0.1",
                                 "Ruby",
                                 "Sleepycat",
                                 "SISSL",
                                 "SMLNJ",
                                 "TCL",
                                 "Unicode-DFS-2016",
                                 "Unicode-3.0",
                                 "Unlicense",
                                 "UPL-1.0",
                                 "Vim",
                                 "W3C",
                                 "WTFPL",
                                 "X11",
                                 "Zlib",
                                 "zlib-acknowledgement",
                                 "ZPL-2.1"};

constexpr std::array exceptions{"Autoconf-exception-2.0",  "Autoconf-exception-3.0", "Bison-exception-2.2",
                                "Classpath-exception-2.0", "GCC-exception-2.0",      "GCC-exception-3.1",
                                "Linux-syscall-note",      "LLVM-exception",         "OpenSSL-exception",
                                "Libtool-exception",       "u-boot-exception-2.0"};

template <class List>
bool is_one_of(const List& list, std::string_view name) {
  // Annex D.2: identifiers are compared without regard to case.
  return std::any_of(list.begin(), list.end(), [&](const char* each) { return to_lower(each) == to_lower(name); });
}

/// The words and parentheses of an expression.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) tokens.push_back(std::move(word));
    word.clear();
  };
  for (const char c : text)
    if (c == '(' || c == ')') {
      finish();
      tokens.emplace_back(1, c);
    } else if (c == ' ') {
      finish();
    } else {
      word += c;
    }
  finish();
  return tokens;
}

/// Reads the grammar of Annex D.1 without recursion: operands and operators must alternate, and parentheses must match.
bool is_expression(const std::vector<std::string>& tokens) {
  std::size_t open = 0;
  bool wants_operand = true;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto token = tokens[i];
    if (token == "(") {
      if (!wants_operand) return false;
      ++open;
    } else if (token == ")") {
      if (wants_operand || open-- == 0) return false;
    } else if (wants_operand) {
      if (token.ends_with('+')) token.pop_back();
      if (!is_one_of(identifiers, token)) return false;
      wants_operand = false;
      if (i + 2 < tokens.size() && tokens[i + 1] == "WITH") {
        if (!is_one_of(exceptions, tokens[i + 2])) return false;
        i += 2;
      }
    } else {
      if (token != "AND" && token != "OR") return false;
      wants_operand = true;
    }
  }
  return open == 0 && !wants_operand;
}

}  // namespace

std::optional<std::string> licence_expression(std::string_view text) {
  const auto tokens = tokens_of(text);
  return is_expression(tokens) ? std::optional(std::string(trim(text))) : std::nullopt;
}

std::string licence_reference(std::string_view text) {
  constexpr std::size_t max_readable = 40;
  std::string readable;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.';
    if (plain)
      readable += c;
    else if (!readable.empty() && readable.back() != '-')
      readable += '-';
    if (readable.size() == max_readable) break;
  }
  while (readable.ends_with('-')) readable.pop_back();
  return "LicenseRef-rpm-" + (readable.empty() ? "" : readable + "-") + digest_of(text).substr(0, 8);
}

}  // namespace bake::evidence
