#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/archive/archive.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/memory.hpp"
#include "bake/guest/module_elf.hpp"
#include "bake/inspect/outside_modules.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/module_key.hpp"
#include "tests/support/recording_progress.hpp"

namespace bake::apply {
namespace {

namespace fs = std::filesystem;
using signature::ModuleForm;
using signature::ModuleState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kernel = "6.1.0-50-amd64";
const std::string tree = std::string("/lib/modules/") + kernel + "/";
const std::string work = "/var/tmp/.bake-sign";

/// A guest whose listing of modules is `listing`. The script that puts modules into place runs on this machine, with
/// copies of the guest's files.
class SignModules : public ::testing::Test {
 protected:
  SignModules() {
    plan.fit.kernel = kernel;
    plan.family = guest::Family::deb;
    plan::SecureBoot secure_boot;
    secure_boot.certificates = {testing::site_key().certificate};
    secure_boot.signs = true;
    secure_boot.hash = "sha256";
    plan.secure_boot = secure_boot;
    guest.with_handler([this](const std::string& script) -> std::optional<guest::ShellResult> {
      if (script.find("sort -u") != std::string::npos) return guest::ShellResult{0, listing};
      if (script.find(work) != std::string::npos) return run_with_files(script);
      return guest::ShellResult{0, ""};
    });
  }

  guest::ShellResult run_with_files(std::string script) {
    const TemporaryDirectory root;
    const auto host = root.path().string();
    const auto replaced = [&](std::string text) {
      for (const auto* directory : {"/lib/modules", "/var/lib/dkms", "/var/tmp/.bake-sign"})
        text = replace_all(std::move(text), directory, host + directory);
      return text;
    };
    std::vector<std::string> files;
    for (const auto& path : guest.paths()) {
      const auto stat = guest.stat(path);
      if (!stat || stat->type != guest::FileType::regular) continue;
      fs::create_directories(fs::path(host + path).parent_path());
      const auto content = guest.read(path, guest::max_module).value_or("");
      write_text_atomically(host + path, path == work + "/list" ? replaced(content) : content);
      files.push_back(path);
    }
    const auto result = run_program({"/bin/sh", "-c", replaced("depmod() { echo depmod \"$@\"; }\n" + script)});
    for (const auto& path : files)
      if (fs::exists(host + path))
        guest.write(path, read_text(host + path));
      else
        guest.remove(path);
    if (!fs::exists(host + work)) guest.remove(work);
    return {result.status, result.out + result.err};
  }

  void add(const std::string& path, const std::string& content, bool of_base = false) {
    guest.with_file(path, content, 0640).with_owner(path, 7, 8);
    listing += fmt::format("{} {}\n", of_base ? "base" : "bake", path);
  }

  static std::string fake_module() { return read_text(FAKE_MODULE); }

  std::string unpacked(const std::string& path) {
    return archive::unpack(guest.read(path, guest::max_module).value_or(""), path, guest::max_module);
  }

  auto sign() {
    const auto signer = testing::signer_of(testing::site_key());
    return sign_modules(plan, guest, &signer, progress);
  }

  /// Returns `bytes` as the program of the suffix packs them.
  static std::string packed(const std::string& bytes, const std::string& suffix) {
    const TemporaryDirectory directory;
    const auto file = (directory.path() / "x.ko").string();
    write_text_atomically(file, bytes);
    const auto program = suffix == ".zst" ? "zstd" : suffix == ".xz" ? "xz" : "gzip";
    EXPECT_EQ(run_program({program, "-q", "-k", file}).status, 0);
    return read_text(file + suffix);
  }

  guest::MemoryGuest guest;
  plan::Plan plan;
  testing::RecordingProgress progress;
  std::string listing;
};

TEST_F(SignModules, SignsEachKindOfFile) {
  for (const std::string suffix : {"", ".xz", ".gz", ".zst"}) {
    const auto path = tree + "updates/dkms/mlx5_core" + suffix + ".ko" + suffix;
    const auto before = suffix.empty() ? fake_module() : packed(fake_module(), suffix);
    add(path, before);
  }
  const auto done = sign();
  EXPECT_EQ(done.size(), 4U);
  for (const auto& [path, module] : done) {
    const auto check = signature::check_module(unpacked(path), {testing::site_key().certificate});
    EXPECT_EQ(check.state, ModuleState::good) << path << ": " << check.reason;
    EXPECT_EQ(check.hash, "sha256");
    EXPECT_EQ(module.after, digest_of(guest.read(path, guest::max_module).value_or("")));
    EXPECT_NE(module.before, module.after);
    EXPECT_EQ(module.signer, "");
    const auto stat = guest.stat(path);
    EXPECT_EQ(stat->mode, 0640U);
    EXPECT_EQ(stat->uid, 7U);
  }
  EXPECT_FALSE(guest.exists(work));
}

// kmod is another program than bake. It reads the signature inside a compressed module.
TEST_F(SignModules, ModinfoReadsTheSignatures) {
  for (const std::string suffix : {"", ".xz", ".zst"})
    add(tree + "extra/fake.ko" + suffix, suffix.empty() ? fake_module() : packed(fake_module(), suffix));
  sign();
  const TemporaryDirectory directory;
  for (const std::string suffix : {"", ".xz", ".zst"}) {
    const auto file = (directory.path() / ("fake.ko" + suffix)).string();
    write_text_atomically(file, guest.read(tree + "extra/fake.ko" + suffix, guest::max_module).value_or(""));
    EXPECT_EQ(run_program({"modinfo", "-F", "signer", file}).out, "Example site modules\n") << suffix;
    EXPECT_EQ(run_program({"modinfo", "-F", "sig_hashalgo", file}).out, "sha256\n") << suffix;
  }
}

// The kernel unpacks xz only with CRC32 (lib/xz): byte 7 of the file names the check.
TEST_F(SignModules, XzHasTheCheckThatTheKernelReads) {
  add(tree + "extra/fake.ko.xz", packed(fake_module(), ".xz"));
  sign();
  EXPECT_EQ(guest.read(tree + "extra/fake.ko.xz", guest::max_module).value_or("").at(7), '\x01');
}

TEST_F(SignModules, KeepsWhatAChosenKeySigned) {
  plan.secure_boot->certificates.push_back(testing::vendor_key().certificate);
  add(tree + "extra/site.ko", testing::signed_by(testing::site_key(), fake_module()));
  add(tree + "extra/vendor.ko", testing::signed_by(testing::vendor_key(), fake_module()));
  EXPECT_THAT(sign(), IsEmpty());
  EXPECT_THAT(guest.paths(), ::testing::Not(::testing::Contains(work)));
}

TEST_F(SignModules, ReplacesTheSignatureOfAnotherKey) {
  add(tree + "extra/vendor.ko", testing::signed_by(testing::vendor_key(), fake_module()));
  EXPECT_EQ(sign().at(tree + "extra/vendor.ko").signer, "Example vendor");
  EXPECT_EQ(guest.read(tree + "extra/vendor.ko", guest::max_module),
            testing::signed_by(testing::site_key(), fake_module()));
}

TEST_F(SignModules, ReplacesAGoodSignatureWithAnotherHashOrForm) {
  add(tree + "extra/hash.ko", testing::signed_by(testing::site_key(), fake_module(), "sha512"));
  add(tree + "extra/form.ko", testing::signed_by(testing::site_key(), fake_module(), "sha256", ModuleForm::legacy));
  EXPECT_EQ(sign().size(), 2U);
}

TEST_F(SignModules, LegacyFormForAnOldKernel) {
  plan.secure_boot->form = ModuleForm::legacy;
  add(tree + "extra/fake.ko", fake_module());
  sign();
  EXPECT_EQ(guest.read(tree + "extra/fake.ko", guest::max_module),
            testing::signed_by(testing::site_key(), fake_module(), "sha256", ModuleForm::legacy));
}

// The recipe does not ask for signatures of modules that the base has. A module that the bake replaced is one of the
// bake.
TEST_F(SignModules, LeavesModulesThatTheBaseHad) {
  add(tree + "extra/lustre.ko", testing::signed_by(testing::vendor_key(), fake_module()), true);
  add(tree + "extra/unsigned.ko", fake_module());
  add(tree + "extra/replaced.ko", "another module");
  plan.secure_boot->base_modules = guest::base_modules(guest, plan.family, kernel);
  guest.with_file(tree + "extra/replaced.ko", fake_module());
  const auto done = sign();
  EXPECT_EQ(done.size(), 1U);
  EXPECT_TRUE(done.contains(tree + "extra/replaced.ko"));
  EXPECT_EQ(guest.read(tree + "extra/unsigned.ko", guest::max_module), fake_module());
}

// A signature over a part of a boot loader would be good for the firmware too.
TEST_F(SignModules, RefusesWhatIsNotAModule) {
  for (const auto& content : {std::string("0\x82 a part of a boot loader"),
                              std::string("\x7f"
                                          "ELF\x02\x01\x01"),
                              std::string("\x7f"
                                          "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0",
                                          18),
                              std::string()}) {
    guest.with_file(tree + "extra/x.ko", content);
    listing = "bake " + tree + "extra/x.ko\n";
    const auto error = error_of([&] { sign(); });
    EXPECT_EQ(error.kind(), ErrorKind::untrusted);
    EXPECT_EQ(error.message(), "signing '" + tree + "extra/x.ko': it is not a kernel module");
  }
}

// dkms status compares the module that it built with the installed one.
TEST_F(SignModules, TheCopyOfDkmsStaysEqual) {
  const auto copy = std::string("/var/lib/dkms/mlnx/5.5/") + kernel + "/x86_64/module/mlx5_core.ko";
  const auto other = std::string("/var/lib/dkms/other/1.0/") + kernel + "/x86_64/module/mlx5_core.ko";
  guest.with_file(copy, fake_module()).with_file(other, "another module");
  add(tree + "updates/dkms/mlx5_core.ko", fake_module());
  sign();
  EXPECT_EQ(guest.read(copy, guest::max_module), guest.read(tree + "updates/dkms/mlx5_core.ko", guest::max_module));
  EXPECT_EQ(guest.read(other), "another module");
}

TEST_F(SignModules, DoesNothingWithoutAKey) {
  add(tree + "extra/fake.ko", fake_module());
  plan.secure_boot->signs = false;
  EXPECT_THAT(sign_modules(plan, guest, nullptr, progress), IsEmpty());
  plan.secure_boot.reset();
  EXPECT_THAT(sign_modules(plan, guest, nullptr, progress), IsEmpty());
  EXPECT_THAT(guest.scripts(), IsEmpty());
}

TEST_F(SignModules, DamagedModulesAreNamed) {
  add(tree + "extra/fake.ko", fake_module() + "~Module signature appended~\n");
  const auto error = error_of([&] { sign(); });
  EXPECT_THAT(error.message(), HasSubstr("(module '" + tree + "extra/fake.ko')"));
}

TEST_F(SignModules, AnInitramfsWithTheModuleIsBuiltAgain) {
  plan.initramfs = "/boot/initrd.img";
  plan.initramfs_tool = guest::InitramfsTool::initramfs_tools;
  const auto directory = tree.substr(1);
  guest.with_file(plan.initramfs, testing::cpio({{"init", "x"},
                                                 {directory + "modules.dep", "updates/raid.ko:\nkernel/nvme.ko:\n"},
                                                 {directory + "updates/raid.ko", "1"},
                                                 {directory + "kernel/nvme.ko", "2"}}));
  const std::map<std::string, plan::SignedModule> none{{tree + "extra/mlx5_core.ko", {}}};
  EXPECT_FALSE(change_initramfs(plan, guest, progress, none));
  EXPECT_THAT(guest.scripts(), IsEmpty());
  const std::map<std::string, plan::SignedModule> raid{{tree + "updates/raid.ko", {}}};
  EXPECT_TRUE(change_initramfs(plan, guest, progress, raid));
}

}  // namespace
}  // namespace bake::apply
