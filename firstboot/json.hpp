#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// Looks one string up in a JSON document of unknown origin. Time is linear, memory constant, nesting unlimited because
/// nothing recurses; the rest of the document is not validated.
/// `path`: member names; a number selects an element of an array, and an array of one element may be left out.
/// Escapes are decoded to UTF-8. False: not there, not a string, or longer than `out` holds.
bool json_string(View document, const View* path, size_t depth, Text& out);

template <size_t N>
bool json_string(View document, const View (&path)[N], Text& out) {
  return json_string(document, path, N, out);
}

/// Appends `text` as a JSON string with quotes, in pure ASCII: the agent's parser rejects raw control characters and
/// dies of bytes that are not UTF-8 (measured with agent 2.7.3.0).
void json_quote(Text& out, View text);

}  // namespace firstboot
