#include "bake/bundle/vendor_keys.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace bake::bundle {
namespace {

struct VendorKey {
  std::string_view fingerprint;
  std::string_view description;
};

// The first three are in Azure/AgentBaker@06836ee2, parts/linux/cloud-init/artifacts/ubuntu/gb/doca.pub; the last one
// is in its pull requests 9256 and 9394, as that of doca_keyring.gpg. The key for rpm repositories of 2026, published
// as nvidia-doca-rpm-gpg-public-key.asc, is missing because no source for its fingerprint was found.
constexpr std::array<VendorKey, 4> vendor_keys{
    {{"B35DA2F24879E6493C9F1C8101048FA7A9E4B643", "Mellanox, made 2013, no longer in use"},
     {"0DAED433E148394D18F3BA51C5ED83E26224C050", "Mellanox, made 2014, signs MLNX_OFED"},
     {"CAE649B3B3929F8470D4D33BA024F6F0E6D6A281", "Mellanox, made 2018, signs MLNX_OFED and DOCA-Host rpms"},
     {"70454E6BF5D9C2D3B78709E8DC726C5E41B9CC50", "NVIDIA DOCA Host, made 2026-01-20, signs deb repositories"}}};

const VendorKey* find(std::string_view fingerprint) {
  const auto found = std::find_if(vendor_keys.begin(), vendor_keys.end(), [&](const VendorKey& key) {
    return fingerprint.size() >= 16 && key.fingerprint.ends_with(fingerprint);
  });
  return found == vendor_keys.end() ? nullptr : &*found;
}

}  // namespace

std::string known_vendor_key(std::string_view fingerprint) {
  const auto* key = find(fingerprint);
  return key == nullptr ? std::string() : std::string(key->description);
}

std::string hint_about_key(std::string_view key_id, bool doca_rpm) {
  if (const auto* key = find(key_id))
    return fmt::format("key {} is known as '{}': compare it with the vendor's before you trust it", key->fingerprint,
                       key->description);
  return doca_rpm
             ? "trust the key if it is the vendor's; bake does not know the fingerprint of NVIDIA's key of 2026 for "
               "DOCA rpms"
             : "trust the key if it is the vendor's";
}

}  // namespace bake::bundle
