#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// What an HTTP server said. `status` is 0 when it did not speak HTTP/1.x.
struct HttpAnswer {
  unsigned status = 0;
  View body;
  bool complete = false;  ///< all of the body is here, as far as the headers tell
};

/// Reads an answer that has arrived so far; `closed` once the server hung up. A chunked body is joined in place only
/// when it is complete. Any bytes are safe.
HttpAnswer parse_http(char* data, size_t size, bool closed);

}  // namespace firstboot
