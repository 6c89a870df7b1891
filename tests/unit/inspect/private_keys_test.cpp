#include "bake/inspect/private_keys.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::guest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";

TEST(SigningKeys, AreFoundWhereDkmsPutsThem) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dkms/mok.key", key)
      .with_file("/var/lib/dkms/mok.pub", "DER")
      .with_file("/var/lib/shim-signed/mok/MOK.priv", "DER, without a header")
      .with_file("/var/lib/shim-signed/mok/MOK.der", "DER")
      .with_file("/etc/dkms/site.pem", "text before\n-----BEGIN RSA PRIVATE KEY-----\n")
      .with_file("/root/module.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_THAT(find_signing_keys(guest), ElementsAre("/etc/dkms/site.pem", "/root/module.pem", "/var/lib/dkms/mok.key",
                                                    "/var/lib/shim-signed/mok/MOK.priv"));
}

TEST(SigningKeys, NeedNoHeaderWhereDkmsPutsThem) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dkms/mok.key", "DER")
      .with_file("/var/lib/shim-signed/mok/MOK.key", "DER")
      .with_file("/root/notes.key", "no key");
  EXPECT_THAT(find_signing_keys(guest), ElementsAre("/var/lib/dkms/mok.key", "/var/lib/shim-signed/mok/MOK.key"));
}

TEST(SigningKeys, OtherFilesAreNot) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dkms/public.pem", "-----BEGIN PUBLIC KEY-----\n")
      .with_file("/var/lib/dkms/certificate.pem", "-----BEGIN CERTIFICATE-----\n")
      .with_file("/var/lib/dkms/notes.txt", key)
      .with_file("/var/lib/dkms/large.key", fmt::format("{}{}", std::string(1 << 20, 'x'), key))
      .with_directory("/root/keys.priv")
      .with_link("/etc/dkms/mok.key", "/etc/ssl/private/site.key")
      .with_file("/etc/ssl/private/site.key", key);
  EXPECT_THAT(find_signing_keys(guest), IsEmpty());
}

TEST(PrivateKeys, AreThoseOfTheSearchAndTheSigningKeys) {
  MemoryGuest guest;
  guest.with_file("/root/module.pem", key)
      .with_file("/var/lib/dkms/mok.key", "DER")
      .with_answer(private_key_search(),
                   {0, "/root/module.pem\n/etc/ssl/private/site.key\n/usr/src/linux/certs/signing_key.pem\n"});
  EXPECT_THAT(find_private_keys(guest), ElementsAre("/etc/ssl/private/site.key", "/root/module.pem",
                                                    "/usr/src/linux/certs/signing_key.pem", "/var/lib/dkms/mok.key"));
}

TEST(PrivateKeys, TheSearchReadsEverySmallFile) {
  MemoryGuest guest;
  HostShell shell(guest);
  shell.with_place("/etc/ /root/ /tmp/ /usr/src/ /lib/modules/ /var/lib/dkms/ /var/lib/shim-signed/ /var/tmp/",
                   "tree/");
  const auto write = [&](const std::string& name, const std::string& text) {
    const auto file = std::filesystem::path(shell.file("tree/" + name));
    std::filesystem::create_directories(file.parent_path());
    write_text_atomically(file, text);
  };
  write("ssl/private/site", fmt::format("x\n{}", key));
  write("notes.txt", key);
  write("certificate.pem", "-----BEGIN CERTIFICATE-----\n");
  write("header.h", key);
  write("module.ko.xz", key);
  write("limit", fmt::format("{:x>{}}{}", "", (64 << 10) - std::string_view(key).size(), key));
  write("large", fmt::format("{:x>{}}{}", "", (64 << 10) + 1 - std::string_view(key).size(), key));
  std::filesystem::create_symlink("notes.txt", shell.file("tree/link"));
  EXPECT_THAT(find_private_keys(guest),
              ElementsAre(shell.file("tree/limit"), shell.file("tree/notes.txt"), shell.file("tree/ssl/private/site")));
  std::filesystem::remove_all(shell.file("tree"));
  EXPECT_THAT(find_private_keys(guest), IsEmpty());
}

TEST(PrivateKeys, ThousandsOfThemAreAnError) {
  MemoryGuest guest;
  std::string many;
  for (int i = 0; i <= 10'000; ++i) many += "/\n";
  guest.with_answer(private_key_search(), {0, many});
  EXPECT_EQ(error_of([&] { static_cast<void>(find_private_keys(guest)); }).message(),
            "looking for private keys: there are more than 10000");
}

TEST(PrivateKeys, ASearchThatFailsIsAnError) {
  MemoryGuest guest;
  guest.with_answer(private_key_search(), {1, "not finished within 300 seconds\n"});
  const auto error = error_of([&] { static_cast<void>(find_private_keys(guest)); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(), "searching the guest for private keys: exit status 1: not finished within 300 seconds");
}

TEST(PrivateKeys, OfAGuestForAnotherProcessorAreTheSigningKeys) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dkms/mok.key", key).with_handler([](const std::string&) -> std::optional<ShellResult> {
    throw ShellNotStarted(ErrorKind::failed, "running a script with '/bin/sh' in the guest: Exec format error");
  });
  EXPECT_THAT(find_private_keys(guest), ElementsAre("/var/lib/dkms/mok.key"));
}

}  // namespace
}  // namespace bake::guest
