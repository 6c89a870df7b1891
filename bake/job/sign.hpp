#pragma once

#include <filesystem>
#include <string>

#include "bake/job/environment.hpp"

namespace bake::job {

/// The result of sign_image().
struct SignedImage {
  std::string sha256;               ///< of the image
  std::filesystem::path signature;  ///< the file that was written
  std::string key;                  ///< fingerprint of the key
};

/// Signs the provenance of a finished image, and writes OUT.SHA256SUMS again. Hashes the image first: the manifest, the
/// SBOMs and the provenance next to it must describe this file. Does not start the appliance. Throws Error{untrusted}
/// when one of them does not, Error{config} when the manifest has another form, Error{usage} when a document is missing
/// or `private_pem` is not a private Ed25519 key; then nothing is written.
SignedImage sign_image(const std::filesystem::path& image, const std::string& private_pem, Environment& environment);

}  // namespace bake::job
