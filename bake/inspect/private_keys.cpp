#include "bake/inspect/private_keys.hpp"

#include <algorithm>

#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

constexpr const char* places[] = {"/etc/dkms", "/etc/pki/akmods/private", "/root", "/var/lib/dkms",
                                  "/var/lib/shim-signed/mok"};
/// An RSA key of 16384 bits has 12 KiB.
constexpr std::size_t max_key = std::size_t{64} << 10U;

bool is_private_key(Guest& guest, const std::string& path) {
  const bool by_name = path.ends_with(".priv");
  if (!by_name && !path.ends_with(".key") && !path.ends_with(".pem")) return false;
  const auto info = guest.stat(path);
  if (!info || info->type != FileType::regular) return false;
  if (by_name || info->size > max_key) return by_name;
  // "BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY" (RFC 7468)
  return guest.read(path, max_key).value_or("").find("PRIVATE KEY-----") != std::string::npos;
}

}  // namespace

std::vector<std::string> find_private_keys(Guest& guest) {
  std::vector<std::string> found;
  for (const auto* place : places)
    for (const auto& name : guest.list(place))
      if (auto path = join_path(place, name); is_private_key(guest, path)) found.push_back(std::move(path));
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace bake::guest
