#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// Where the Instance Metadata Service answers. IPv4 in host byte order.
struct ImdsEndpoint {
  unsigned address = 0xA9FEA9FE;  // 169.254.169.254
  unsigned short port = 80;
};

/// "http://127.0.0.1:8080", an address and an optional port only: names would need a resolver.
bool parse_endpoint(View url, ImdsEndpoint& out);

/// One GET of `path` without a proxy; tries again on 404, 410, 429, 5xx and on network errors until `budget_ms` is used
/// up (learn.microsoft.com/azure/virtual-machines/instance-metadata-service, "Errors and debugging").
/// Gives the body, in `buffer`; when it is empty, `note` says why in a few words.
View imds_get(const ImdsEndpoint& endpoint, View path, long budget_ms, char* buffer, size_t capacity, Text& note);

}  // namespace firstboot
