#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// The answer of an HTTP server. `status` is 0 when it is not HTTP/1.x.
struct HttpAnswer {
  unsigned status = 0;
  View body;
  bool complete = false;  ///< the body is complete according to the headers
};

/// Parses the bytes that have arrived so far; `closed`: the server has closed the connection. Joins a chunked body in
/// place when it is complete. Safe on any bytes.
HttpAnswer parse_http(char* data, size_t size, bool closed);

}  // namespace firstboot
