#include "bake/verify/secure_boot.hpp"

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/guest/memory.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/module_key.hpp"

namespace bake::verify {
namespace {

using bake::testing::signed_by;
using bake::testing::site_key;
using bake::testing::vendor_key;

constexpr const char* kernel = "6.1.0-57-cloud-amd64";
const std::string tree = std::string("/lib/modules/") + kernel + "/";

/// A PE file whose certificate table has `size` bytes.
std::string pe(std::uint32_t size) {
  std::string bytes(0x40 + 24 + 240, '\0');
  bytes.replace(0, 2, "MZ");
  bytes[0x3c] = 0x40;
  bytes.replace(0x40, 2, "PE");
  bytes.replace(0x40 + 24, 2, "\x0b\x02");
  const auto table = 0x40 + 24 + 112 + 4 * 8;
  if (size == 0) return bytes;
  bytes[table] = static_cast<char>(bytes.size() & 0xffU);
  bytes[table + 1] = static_cast<char>(bytes.size() >> 8U);
  bytes[table + 4] = static_cast<char>(size);
  return bytes + std::string(size, 'c');
}

/// An image whose modules outside the kernel's own are in `listing`.
struct SignedImage {
  guest::MemoryGuest guest;
  guest::Facts facts;
  plan::Expectations expected;
  std::string listing;

  SignedImage() {
    facts.kernels = {{kernel, "/boot/vmlinuz", "/boot/initrd.img", {}, {}, {}, {}, false}};
    expected.kernel = kernel;
    expected.secure_boot = plan::SecureBootState{{site_key().certificate}, "sha256", signature::ModuleForm::cms, {}};
    guest.with_file("/boot/vmlinuz", pe(8)).with_file("/boot/initrd.img", bake::testing::cpio({{"init", "x"}}));
    guest.with_handler([this](const std::string&) { return guest::ShellResult{0, listing}; });
  }

  /// Adds a module, and its digest to the manifest if the bake signed it.
  void add(const std::string& path, const std::string& content, bool of_base = false) {
    guest.with_file(path, content);
    listing += (of_base ? "base " : "bake ") + path + "\n";
    if (!of_base) expected.secure_boot->modules[path] = digest_of(content);
  }

  std::string said(const std::string& rule) {
    for (const auto& check : verify_secure_boot(guest, facts, expected))
      if (check.rule == rule) return std::string(name_of(check.status)) + ": " + check.evidence;
    return "no such check";
  }
  std::string modules() { return said("module signatures"); }
  std::string initramfs() { return said("module signatures in the initramfs"); }
};

std::string fake() { return read_text(FAKE_MODULE); }

TEST(VerifySecureBoot, SkippedWithoutIt) {
  SignedImage image;
  image.expected.secure_boot.reset();
  EXPECT_EQ(image.modules(), "skipped: the recipe has no 'secure_boot'");
  EXPECT_EQ(image.initramfs(), "skipped: the recipe has no 'secure_boot'");
  EXPECT_EQ(image.said("kernel signature"), "skipped: the recipe has no 'secure_boot'");
}

TEST(VerifySecureBoot, GoodSignaturesPass) {
  SignedImage image;
  image.add(tree + "extra/a.ko", signed_by(site_key(), fake()));
  image.add(tree + "extra/b.ko", signed_by(site_key(), fake()));
  EXPECT_EQ(image.modules(), "passed: 2 modules, signed by CN=Example site modules (sha256, cms)");
  EXPECT_EQ(image.initramfs(), "passed: all modules in /boot/initrd.img come with the kernel");
  EXPECT_EQ(image.said("kernel signature"), "passed: /boot/vmlinuz has a signature for UEFI");
}

TEST(VerifySecureBoot, EachFaultFails) {
  const auto fault = [](const std::string& content) {
    SignedImage image;
    image.add(tree + "extra/a.ko", content);
    return image.modules();
  };
  const auto start = "failed: " + tree + "extra/a.ko: ";
  EXPECT_EQ(fault(fake()), start + "it has no signature");
  EXPECT_EQ(fault(signed_by(vendor_key(), fake())), start + "another key signed it (Example vendor)");
  EXPECT_EQ(fault(signed_by(site_key(), fake(), "sha512")), start + "the signature has sha512, the kernel uses sha256");
  EXPECT_EQ(fault(signed_by(site_key(), fake(), "sha256", signature::ModuleForm::legacy)),
            start + "the signature has the form 'legacy', the kernel reads 'cms'");
  auto changed = signed_by(site_key(), fake());
  changed[200] = static_cast<char>(changed[200] ^ 1);
  EXPECT_EQ(fault(changed), start + "the signature does not match the module");
  SignedImage packed;
  packed.add(tree + "extra/a.ko.xz", "not xz");
  EXPECT_TRUE(packed.modules().starts_with("failed: " + tree + "extra/a.ko.xz: ")) << packed.modules();
}

TEST(VerifySecureBoot, SignedModuleThatTheBakeDidNotMakeFails) {
  SignedImage image;
  image.add(tree + "extra/a.ko", signed_by(site_key(), fake()));
  image.expected.secure_boot->modules[tree + "extra/a.ko"] = std::string(64, '0');
  image.expected.secure_boot->modules[tree + "extra/gone.ko"] = std::string(64, '0');
  EXPECT_EQ(image.modules(), "failed: " + tree + "extra/a.ko is not the module that the bake signed; " + tree +
                                 "extra/gone.ko is missing");
}

TEST(VerifySecureBoot, ModulesOfTheBaseThatOthersSignedAreNamed) {
  SignedImage image;
  image.add(tree + "extra/a.ko", signed_by(site_key(), fake()));
  image.add(tree + "extra/lustre.ko", signed_by(vendor_key(), fake()), true);
  EXPECT_EQ(image.modules(),
            "passed: 1 module, signed by CN=Example site modules (sha256, cms); not checked, because other keys signed "
            "these modules of the base: " +
                tree + "extra/lustre.ko (Example vendor)");
  image.add(tree + "extra/unsigned.ko", fake(), true);
  EXPECT_EQ(image.modules(), "failed: " + tree + "extra/unsigned.ko: it has no signature");
}

TEST(VerifySecureBoot, NoModuleOutsideTheKernel) {
  EXPECT_EQ(SignedImage().modules(), "skipped: all modules come with the kernel");
}

TEST(VerifySecureBoot, ModulesInTheInitramfs) {
  SignedImage image;
  image.add(tree + "updates/dkms/raid.ko", signed_by(site_key(), fake()));
  const auto with = [&](const std::string& path, const std::string& content) {
    image.guest.with_file("/boot/initrd.img", bake::testing::cpio({{"init", "x"},
                                                                   {"usr" + tree + "kernel/nvme.ko", "not checked"},
                                                                   {"usr" + tree + path, content}}));
    return image.initramfs();
  };
  EXPECT_EQ(with("updates/dkms/raid.ko", signed_by(site_key(), fake())),
            "passed: 1 module in /boot/initrd.img with a good signature");
  const auto start = std::string("failed: ") + tree.substr(1);
  EXPECT_EQ(with("updates/dkms/raid.ko", fake()), start + "updates/dkms/raid.ko: it has no signature");
  EXPECT_EQ(with("kernel/raid.ko", fake()), start + "kernel/raid.ko: it has no signature");
  EXPECT_EQ(with("extra/other.ko", fake()), start + "extra/other.ko: it has no signature");
}

TEST(VerifySecureBoot, KernelWithoutASignature) {
  SignedImage image;
  for (const auto& bytes : {std::string("MZ"), std::string(), pe(0), pe(8).substr(0, 300), std::string(500, 'M')}) {
    image.guest.with_file("/boot/vmlinuz", bytes);
    EXPECT_EQ(image.said("kernel signature"),
              "failed: /boot/vmlinuz has no signature for UEFI, so the boot loader refuses it with Secure Boot");
  }
}

}  // namespace
}  // namespace bake::verify
