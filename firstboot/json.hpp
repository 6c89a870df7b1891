#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// Looks up one string in an untrusted JSON document. Needs linear time and constant memory at any nesting depth,
/// because nothing recurses. Does not validate the rest of the document. `path`: member names; a number selects an
/// element of an array, and an array of one element needs none. Decodes escapes to UTF-8. False: the string is missing,
/// is not a string, or is longer than `out`.
bool json_string(View document, const View* path, size_t depth, Text& out);

template <size_t N>
bool json_string(View document, const View (&path)[N], Text& out) {
  return json_string(document, path, N, out);
}

/// Appends `text` as a quoted JSON string in ASCII: the agent's parser rejects raw control characters and crashes on
/// bytes that are not UTF-8 (measured with agent 2.7.3.0).
void json_quote(Text& out, View text);

}  // namespace firstboot
