#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// Address of the Instance Metadata Service: IPv4 in host byte order.
struct ImdsEndpoint {
  unsigned address = 0xA9FEA9FE;  // 169.254.169.254
  unsigned short port = 80;
};

/// Parses "http://127.0.0.1:8080": an address and an optional port, because a name needs a resolver.
bool parse_endpoint(View url, ImdsEndpoint& out);

/// Sends GET `path` without a proxy. Retries for `budget_ms` on 404, 410, 429, 5xx and network errors
/// (learn.microsoft.com/azure/virtual-machines/instance-metadata-service, "Errors and debugging").
/// Returns the body, stored in `buffer`; on failure the body is empty and `note` has the reason.
View imds_get(const ImdsEndpoint& endpoint, View path, long budget_ms, char* buffer, size_t capacity, Text& note);

}  // namespace firstboot
