#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string>
#include <string_view>

#include "bake/signature/certificate.hpp"

namespace bake::signature {

// OpenSSL's objects, for the files of this room.

template <auto free_function>
struct Free {
  template <typename Object>
  void operator()(Object* object) const {
    free_function(object);
  }
};
using BioPointer = std::unique_ptr<BIO, Free<BIO_free_all>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Free<X509_free>>;
using CmsPointer = std::unique_ptr<CMS_ContentInfo, Free<CMS_ContentInfo_free>>;
using DigestPointer = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

/// Returns a BIO that reads `bytes`, which must outlive it.
BioPointer reading(std::string_view bytes);
/// Returns a BIO that collects what is written.
BioPointer collecting();
/// Returns what was written to a BIO of collecting().
std::string content_of(BIO* bio);

/// Returns OpenSSL's object of a certificate. Throws Error{bug} if it cannot be read again.
X509Pointer x509_of(const Certificate& certificate);

/// Returns the last message of OpenSSL and forgets all of them; "unknown reason" without one.
std::string last_openssl_error();

}  // namespace bake::signature
