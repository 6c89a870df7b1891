#include "bake/inspect/private_keys.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/guest/shell.hpp"

namespace bake::guest {
namespace {

struct KeyPlace {
  const char* directory;
  bool has_der;  ///< every *.key in it is a private key: one in DER has no header
};

constexpr KeyPlace places[] = {{"/etc/dkms", true},
                               {"/etc/pki/akmods/private", false},
                               {"/root", false},
                               {"/var/lib/dkms", true},
                               {"/var/lib/shim-signed/mok", true}};
constexpr const char* not_finished = "not finished within 300 seconds";
/// An RSA key of 16384 bits has 12 KiB.
constexpr std::size_t max_keys = 10'000;
constexpr std::size_t max_key = std::size_t{64} << 10U;

bool is_private_key(Guest& guest, const std::string& path, bool has_der) {
  const bool by_name = path.ends_with(".priv");
  if (!by_name && !path.ends_with(".key") && !path.ends_with(".pem")) return false;
  const auto info = guest.stat(path);
  if (!info || info->type != FileType::regular) return false;
  if (by_name || info->size > max_key) return by_name;
  if (has_der && path.ends_with(".key")) return true;
  // "BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY" (RFC 7468)
  return guest.read(path, max_key).value_or("").find("PRIVATE KEY-----") != std::string::npos;
}

/// Returns what the search prints. Programs of a guest for another processor cannot run here.
std::string search(Guest& guest) {
  ShellResult result;
  try {
    result = guest.shell(private_key_search());
  } catch (const ShellNotStarted&) {
    return {};
  }
  if (result.ok()) return result.output;
  const bool finished = result.output.find(not_finished) == std::string::npos;
  throw Error(ErrorKind::failed,
              "searching the guest for private keys: exit status " + std::to_string(result.status) + ": " +
                  last_lines(result.output),
              finished ? "the search needs find, grep and timeout of the guest; -v shows the whole output"
                       : "remove sources from /usr/src of the base, or use a machine with KVM");
}

}  // namespace

std::string private_key_search() {
  // 128 blocks of 512 bytes are max_key. Names come first: they need no look at the file.
  return std::string(
             "timeout 300 find /etc/ /root/ /tmp/ /usr/src/ /lib/modules/ /var/lib/dkms/ /var/lib/shim-signed/ "
             "/var/tmp/ "
             "-xdev -type f ! -name '*.[choS]' ! -name '*.ko' ! -name '*.ko.*' ! -name 'Kconfig*' ! -name 'Makefile*' "
             "-size -129 -exec grep -l -F -e 'PRIVATE KEY-----' {} + 2>/dev/null\n"
             "status=$?\n"
             "[ $status != 124 ] || echo '") +
         not_finished +
         "'\n"
         "[ $status -lt 124 ]\n";
}

std::vector<std::string> find_signing_keys(Guest& guest) {
  std::vector<std::string> found;
  for (const auto& [directory, has_der] : places)
    for (const auto& name : guest.list(directory))
      if (auto path = join_path(directory, name); is_private_key(guest, path, has_der))
        found.push_back(std::move(path));
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> find_private_keys(Guest& guest) {
  auto found = find_signing_keys(guest);
  for (auto& path : found) path = printable(path);  // a manifest can only contain UTF-8
  const auto output = search(guest);
  for (const auto line : each_line(output)) {
    if (!line.starts_with('/')) continue;
    if (found.size() == max_keys)
      throw Error(ErrorKind::failed, fmt::format("looking for private keys: there are more than {}", max_keys),
                  "no working system has so many; look at them in the image");
    found.push_back(printable(line));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace bake::guest
