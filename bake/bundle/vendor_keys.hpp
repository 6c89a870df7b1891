#pragma once

#include <string>
#include <string_view>

namespace bake::bundle {

/// Returns what bake knows about the key whose fingerprint ends with `fingerprint` (16 digits or more, upper case):
/// "NVIDIA DOCA Host, made 2026-01-20, signs deb repositories"; empty for another key. It is a help for the comparison
/// with the vendor's publication: no key is trusted because it is known.
std::string known_vendor_key(std::string_view fingerprint);

/// Returns the hint for a file that is signed by a key outside the user's ring, with this key id of 16 digits.
/// `doca_rpm`: the file is an rpm of DOCA-Host, and NVIDIA's key of 2026 for them is not known by its fingerprint.
std::string hint_about_key(std::string_view key_id, bool doca_rpm);

}  // namespace bake::bundle
