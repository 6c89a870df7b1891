#include "bake/verify/files.hpp"

#include <functional>
#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "tests/support/error_of.hpp"

namespace bake::verify {
namespace {

constexpr const char* module = "/usr/lib/modules/K/updates/dkms/mlx5_core.ko";
constexpr const char* md5sums = "/var/lib/dpkg/info/ibverbs-utils.md5sums";

/// A finished image of Ubuntu with a merged /usr, and its manifest.
struct Image {
  guest::MemoryGuest guest;
  nlohmann::json manifest;

  Image() {
    guest.with_link("/lib", "usr/lib")
        .with_file(module, "module")
        .with_file("/usr/lib/modules/K/modules.dep", "updates/dkms/mlx5_core.ko:\n")
        .with_file("/usr/lib/modules/K/kernel/fs/ext4.ko", "not recorded")
        .with_file("/usr/lib/udev/rules.d/90-ib.rules", "rule")
        .with_file("/usr/bin/ibv_devinfo", "program", 0755)
        .with_file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .with_file("/etc/umlaut-\xfc", "")
        .with_file(md5sums, "sums")
        .with_answer("dpkg-query -L ibverbs-utils\n",
                     {0,
                      "/.\n/usr/bin\n/usr/bin/ibv_devinfo\n/lib/udev/rules.d/90-ib.rules\npackage diverts others to: "
                      "/x\n/usr/share/man/man1/ibv_devinfo.1.gz\n"});
    plan::Plan plan;
    plan.family = guest::Family::deb;
    plan.fit.kernel = "K";
    plan.expectations.packages = {{"ibverbs-utils", "5.5", "amd64"}};
    // As the file next to the image has it.
    manifest = nlohmann::json::parse(nlohmann::ordered_json{{"files", record_files(guest, plan)}}.dump());
  }

  Check check() { return verify_files(guest, manifest); }
};

TEST(VerifyFiles, RecordsTheFilesOfThePackagesAndTheConfiguration) {
  const Image image;
  std::vector<std::string> paths;
  for (const auto& [path, state] : image.manifest.at("files").at("list").items()) paths.push_back(path);
  EXPECT_EQ(paths,
            (std::vector<std::string>{"/etc/passwd", "/etc/umlaut-\\xfc", "/usr/bin/ibv_devinfo",
                                      "/usr/lib/modules/K/modules.dep", module, "/usr/lib/udev/rules.d/90-ib.rules"}));
}

TEST(VerifyFiles, AnUnchangedImagePasses) {
  Image image;
  const std::string unchanged =
      "6 files of the packages, of bake and of the system's configuration are as the bake left them";
  EXPECT_EQ(image.check(),
            (Check{"files", true,
                   unchanged + "; all others have the same names, types, modes, owners, sizes and link targets"}));
  // The manifest of an older bake.
  image.manifest["files"].erase("rest");
  image.guest.with_file("/usr/bin/new");
  EXPECT_EQ(image.check(), (Check{"files", true, unchanged}));
}

TEST(VerifyFiles, FindsAChangeOfAFileThatIsNotListed) {
  const std::string others =
      "files that the manifest does not list were added, removed or changed (type, mode, owner, size or link target)";
  const auto evidence_after = [](const std::function<void(guest::MemoryGuest&)>& change) {
    Image image;
    change(image.guest);
    return image.check().evidence;
  };
  EXPECT_EQ(evidence_after([](auto& guest) { guest.with_file("/usr/bin/rootsh", "x", 04755); }), others);
  EXPECT_EQ(evidence_after([](auto& guest) { guest.remove("/usr/lib/modules/K/kernel/fs/ext4.ko"); }), others);
  EXPECT_EQ(evidence_after([](auto& guest) { guest.set_mode("/usr/lib/modules/K/kernel/fs/ext4.ko", 0666); }), others);
  EXPECT_EQ(evidence_after([](auto& guest) { guest.with_owner(md5sums, 1000, 1000); }), others);
  EXPECT_EQ(evidence_after([](auto& guest) { guest.write(md5sums, "more sums"); }), others);
  EXPECT_EQ(evidence_after([](auto& guest) { guest.make_link("usr/lib64", "/lib"); }), others);
}

TEST(VerifyFiles, FindsAModuleWhoseMd5sumsWereChangedAlongWithIt) {
  Image image;
  image.guest.write(module, "MODULE");
  image.guest.write(md5sums, "new sums");
  EXPECT_EQ(image.check(),
            (Check{"files", false,
                   std::string("changed: ") + module + "; files that the manifest does not list may differ too"}));
}

TEST(VerifyFiles, NamesChangedMissingAndNewFiles) {
  Image image;
  image.guest.set_mode("/usr/bin/ibv_devinfo", 04755);
  image.guest.write("/etc/passwd", "toor:x:0:0::/:/bin/sh\n");
  image.guest.remove("/usr/lib/udev/rules.d/90-ib.rules");
  image.guest.write("/etc/cron.d/x", "* * * * * root id\n");
  image.guest.make_link("/tmp/evil.ko", "/usr/lib/modules/K/updates/mlx5_ib.ko");
  EXPECT_EQ(image.check().evidence,
            "changed: /etc/passwd, /usr/bin/ibv_devinfo; missing: /usr/lib/udev/rules.d/90-ib.rules; new: "
            "/etc/cron.d/x, /usr/lib/modules/K/updates/mlx5_ib.ko; files that the manifest does not list may differ "
            "too");
}

TEST(VerifyFiles, NamesAtMostTwentyFilesOfAKind) {
  Image image;
  for (int i = 100; i < 125; ++i) image.guest.write("/etc/x" + std::to_string(i), "");
  EXPECT_TRUE(image.check().evidence.ends_with(
      "/etc/x118, /etc/x119 and 5 more; files that the manifest does not list may differ too"))
      << image.check().evidence;
}

TEST(VerifyFiles, AManifestWithoutARecordSkipsTheCheck) {
  Image image;
  EXPECT_EQ(verify_files(image.guest, nlohmann::json::object()),
            skipped("files", "the manifest does not list the files of the image"));
  image.manifest["files"]["list"] = 5;
  EXPECT_EQ(error_of([&] { image.check(); }).kind(), ErrorKind::config);
}

}  // namespace
}  // namespace bake::verify
