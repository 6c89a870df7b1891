#include "bake/inspect/private_keys.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"

namespace bake::guest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";

TEST(PrivateKeys, AreFoundWhereDkmsPutsThem) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dkms/mok.key", key)
      .with_file("/var/lib/dkms/mok.pub", "DER")
      .with_file("/var/lib/shim-signed/mok/MOK.priv", "DER, without a header")
      .with_file("/var/lib/shim-signed/mok/MOK.der", "DER")
      .with_file("/etc/dkms/site.pem", "text before\n-----BEGIN RSA PRIVATE KEY-----\n")
      .with_file("/root/module.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_THAT(find_private_keys(guest), ElementsAre("/etc/dkms/site.pem", "/root/module.pem", "/var/lib/dkms/mok.key",
                                                    "/var/lib/shim-signed/mok/MOK.priv"));
}

TEST(PrivateKeys, OtherFilesAreNot) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dkms/public.pem", "-----BEGIN PUBLIC KEY-----\n")
      .with_file("/var/lib/dkms/certificate.pem", "-----BEGIN CERTIFICATE-----\n")
      .with_file("/var/lib/dkms/notes.txt", key)
      .with_file("/var/lib/dkms/large.key", fmt::format("{}{}", std::string(1 << 20, 'x'), key))
      .with_directory("/root/keys.priv")
      .with_link("/etc/dkms/mok.key", "/etc/ssl/private/site.key")
      .with_file("/etc/ssl/private/site.key", key);
  EXPECT_THAT(find_private_keys(guest), IsEmpty());
}

}  // namespace
}  // namespace bake::guest
