#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace bake {

/// Returns `text` for the text of an HTML element or for an attribute value in quotes: it cannot end either. Control
/// characters are shown as without_controls() shows them, and so are the characters that change the direction of text
/// (U+202A to U+202E, U+2066 to U+2069), because they can make a name look like another one. Bytes that are not UTF-8
/// become U+FFFD.
std::string escape_html(std::string_view text);

/// Returns `page` with each {{name}} replaced by the part of that name. The text of a part is not a template. Throws
/// std::out_of_range when a part is missing.
std::string fill_template(std::string_view page, const std::map<std::string, std::string, std::less<>>& parts);

/// The style sheet that all pages share: light and dark, screen and print, from 320 px of width on.
std::string_view style_sheet();

}  // namespace bake
