#include "firstboot/http.hpp"

namespace firstboot {
namespace {

constexpr unsigned max_body_size = 1 << 20;

bool find_header(View headers, View name, View& value) {
  for (View line; next_line(headers, line);) {
    line = trim(line);
    if (line.size > name.size && line[name.size] == ':' && equal_ignoring_case(first(line, name.size), name)) {
      value = trim(skip(line, name.size + 1));
      return true;
    }
  }
  return false;
}

/// Joins the chunks in place. False: the body is not complete or not chunked.
bool join_chunks(char* data, size_t size, View& body) {
  const View whole(data, size);
  size_t read = 0;
  size_t joined = 0;
  for (bool dry_run = true;;) {  // the first pass moves nothing: an incomplete body must stay unchanged
    View rest = skip(whole, read);
    View line;
    unsigned length = 0;
    if (!next_line(rest, line) || !parse_hex(line, length)) return false;
    read += line.size + 1;
    if (length == 0) {
      if (!dry_run) break;
      dry_run = false;
      read = joined = 0;
      continue;
    }
    if (length > size || read + length > size) return false;
    if (!dry_run) memmove(data + joined, data + read, length);
    joined += length;
    read += length;
    rest = skip(whole, read);
    if (!next_line(rest, line) || !trim(line).empty()) return false;
    read += line.size + 1;
  }
  body = {data, joined};
  return true;
}

}  // namespace

HttpAnswer parse_http(char* data, size_t size, bool closed) {
  HttpAnswer answer;
  const View text(data, size);
  unsigned status = 0;
  if (!starts_with(text, "HTTP/1.") || size < 12 || text[8] != ' ' || !parse_number(View(data + 9, 3), 599, status) ||
      status < 100)
    return answer;
  answer.status = status;
  const ptrdiff_t end = find(text, "\r\n\r\n");
  if (end < 0) return answer;
  const View headers = first(text, static_cast<size_t>(end));
  answer.body = skip(text, headers.size + 4);
  View value;
  unsigned length = 0;
  if (find_header(headers, "Transfer-Encoding", value) && equal_ignoring_case(value, "chunked")) {
    answer.complete = join_chunks(data + headers.size + 4, answer.body.size, answer.body);
  } else if (find_header(headers, "Content-Length", value) && parse_number(value, max_body_size, length)) {
    answer.complete = answer.body.size >= length;
    answer.body = first(answer.body, length);
  } else {
    answer.complete = closed;
  }
  return answer;
}

}  // namespace firstboot
