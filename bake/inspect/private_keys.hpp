#pragma once

#include <string>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// Returns the private keys in the places where builds of kernel modules find or make one, sorted: DKMS makes
/// /var/lib/dkms/mok.key, and on Ubuntu /var/lib/shim-signed/mok/MOK.priv through update-secureboot-policy (dkms.in,
/// prepare_mok; dkms 2.8, sign_build); akmods has /etc/pki/akmods/private; guides write MOK.priv into /root. A private
/// key is a regular file called *.priv, one called *.key in a directory of DKMS or shim-signed, or one called *.key or
/// *.pem with the header of a private key in it.
std::vector<std::string> find_signing_keys(Guest& guest);

/// Returns the private keys that a bake could bring, sorted: find_signing_keys(), and every file of at most 64 KiB with
/// the header of a private key below /etc, /root, /usr/src, /lib/modules, /var/lib/dkms, /var/lib/shim-signed and the
/// directories for temporary files, without sources and modules. Host keys are among them. Throws Error{failed} when
/// the search fails; a guest for another processor has only the keys of find_signing_keys().
std::vector<std::string> find_private_keys(Guest& guest);

/// The script with which find_private_keys() searches; it prints one path in each line.
std::string private_key_search();

}  // namespace bake::guest
