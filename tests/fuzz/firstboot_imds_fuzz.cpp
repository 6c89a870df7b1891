// Any bytes from the metadata service, whole and in part: HTTP, then JSON. Also any JSON of cloud-init and the agent.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "firstboot/handler.hpp"
#include "firstboot/http.hpp"
#include "firstboot/json.hpp"
#include "firstboot/sources.hpp"

namespace {

using firstboot::View;

void look_up(View document) {
  firstboot::Buffer<80> size;
  const View imds[] = {"vmSize"};
  const View cached[] = {"ds", "meta_data", "imds", "compute", "vmSize"};
  if (firstboot::json_string(document, imds, size) && firstboot::is_vm_size(size)) {
    firstboot::Buffer<80> normal;
    firstboot::normalise_vm_size(size, normal);
    if (normal.truncated() || normal.size() > size.size()) std::abort();
    firstboot::name_implies_rdma(normal);
  }
  size.clear();
  firstboot::json_string(document, cached, size);
  firstboot::HandlerFolders folders;
  firstboot::parse_handler_environment(document, folders);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  for (const std::size_t part : {size / 2, size}) {
    std::string buffer = bytes.substr(0, part);
    const auto answer = firstboot::parse_http(buffer.data(), buffer.size(), part == size);
    if (answer.complete && answer.status == 0) std::abort();
    look_up(answer.body);
  }
  look_up({bytes.data(), bytes.size()});

  // A quoted text gives the same bytes when it is read back, for bytes below 0x7f.
  static firstboot::Buffer<8192> quoted;
  static firstboot::Buffer<4096> again;
  quoted.clear();
  again.clear();
  quoted << "{\"k\":";
  firstboot::json_quote(quoted, {bytes.data(), bytes.size()});
  quoted << '}';
  for (const char c : quoted.view())
    if (c < ' ' || c > '~') std::abort();
  const View key[] = {"k"};
  const bool plain = bytes.find_first_not_of([] {
    std::string ascii;
    for (char c = 0; c < 0x7F; ++c) ascii += c;
    return ascii;
  }()) == std::string::npos;
  if (plain && !quoted.truncated() && firstboot::json_string(quoted, key, again) &&
      std::string(again.c_str(), again.size()) != bytes)
    std::abort();
  return 0;
}
