#pragma once

#include <string>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// Returns the private keys in the places where builds of kernel modules find or make one, sorted: DKMS makes
/// /var/lib/dkms/mok.key, and on Ubuntu /var/lib/shim-signed/mok/MOK.priv through update-secureboot-policy (dkms.in,
/// prepare_mok; dkms 2.8, sign_build); akmods has /etc/pki/akmods/private; guides write MOK.priv into /root. A private
/// key is a regular file called *.priv, or one called *.key or *.pem with the header of a private key in it.
std::vector<std::string> find_private_keys(Guest& guest);

}  // namespace bake::guest
