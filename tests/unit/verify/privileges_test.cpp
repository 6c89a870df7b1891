#include "bake/verify/privileges.hpp"

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::verify {
namespace {

using States = std::map<std::string, std::string>;

constexpr const char* ping = "0x0100000200200000000000000000000000000000";
constexpr const char* every = "0x010000020000ffff00000000ffff000000000000";

/// A guest with sudo as a setuid file and ping as a file with a capability. The base is recorded, the finished image
/// only after finish().
struct Image {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  plan::Expectations expected;

  Image() {
    guest.with_file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nhpc:x:1000:1000::/home/hpc:/bin/bash\n")
        .with_file("/etc/shadow", "root:!:19000::::::\nhpc:*:19000::::::\n")
        .with_file("/usr/bin/sudo", "sudo", 04755)
        .with_file("/usr/bin/ping", "ping", 0755)
        .with_capability("/usr/bin/ping", ping);
    expected.packages = {{"slurm", "20-1", "x86_64"}};
    expected.base_privileges = find_privileges(guest);
  }

  void finish() { expected.privileges = find_privileges(guest); }

  std::vector<Check> checks() { return verify_privileges(guest, expected, find_privileges(guest)); }
  Check check(const std::string& rule) {
    for (const auto& check : checks())
      if (check.rule == rule) return check;
    return {};
  }
};

TEST(VerifyPrivileges, TheImageOfAnUnchangedBasePasses) {
  Image image;
  EXPECT_EQ(image.expected.base_privileges->setuid, (States{{"/usr/bin/sudo", "4755 0:0 " + digest_of("sudo")}}));
  EXPECT_EQ(image.expected.base_privileges->capabilities,
            (States{{"/usr/bin/ping", "0755 0:0 " + digest_of("ping") + " " + ping}}));
  EXPECT_EQ(
      image.checks(),
      (std::vector<Check>{
          {"accounts", true, "only root has the user id 0; no account has an empty password"},
          {"setuid files", true, "1 setuid and setgid files, each as in the base or from a package of the bake"},
          {"file capabilities", true, "1 files with capabilities, each as in the base or from a package of the bake"},
          {"authorized keys", true, "no account has an authorized key"}}));
  image.finish();
  EXPECT_EQ(image.check("setuid files").evidence,
            "1 setuid and setgid files, each as in the base or from a package of the bake; the same as in the finished "
            "image");
}

TEST(VerifyPrivileges, FindsASecondRootAndAnEmptyPassword) {
  Image image;
  image.guest.write("/etc/passwd",
                    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n zero:x:-00:0::/:/bin/sh\n"
                    "open::1000:0::/:/bin/sh\n+::::::\n#old::0:0::/:\nincomplete\n");
  image.guest.write("/etc/shadow", "root::19000::::::\n");
  const auto check = image.check("accounts");
  EXPECT_TRUE(check.failed());
  EXPECT_EQ(check.evidence,
            "toor has the user id 0; zero has the user id 0; open has an empty password; root has an empty password");
}

TEST(VerifyPrivileges, AnAccountOfTheBaseIsAdvice) {
  Image image;
  image.guest.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n");
  image.expected.base_privileges = find_privileges(image.guest);
  auto check = image.check("accounts");
  EXPECT_TRUE(check.advises());
  EXPECT_EQ(check.evidence, "toor has the user id 0");
  EXPECT_EQ(check.remedy, "delete the account in the base, or lock it: passwd -l");
  image.guest.write("/etc/shadow", "toor::19000::::::\n");
  check = image.check("accounts");
  EXPECT_TRUE(check.failed());
  EXPECT_EQ(check.evidence, "toor has an empty password");
}

TEST(VerifyPrivileges, AnAccountThatTheBakeRemovedMayNotComeBack) {
  Image image;
  const std::string with_toor = "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n";
  image.guest.write("/etc/passwd", with_toor);
  image.expected.base_privileges = find_privileges(image.guest);
  image.guest.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
  image.finish();
  image.guest.write("/etc/passwd", with_toor);
  EXPECT_TRUE(image.check("accounts").failed());
}

TEST(VerifyPrivileges, AHostileListOfAccountsIsAnError) {
  Image image;
  std::string text;
  for (int i = 0; i < 1001; ++i) text += "u" + std::to_string(i) + "::0:0::/:/bin/sh\n";
  image.guest.write("/etc/passwd", text);
  EXPECT_EQ(error_of([&] { find_privileges(image.guest); }).message(),
            "reading '/etc/passwd' in the guest: more than 1000 accounts have the user id 0");
}

TEST(VerifyPrivileges, FindsANewAndAChangedSetuidFile) {
  Image image;
  image.guest.write("/usr/bin/sudo", "SUDO");
  image.guest.with_file("/usr/bin/rootsh", "sh", 04755);
  image.shell.with_program("rpm", "case $4 in /usr/bin/sudo) echo sudo;; *) exit 1;; esac\n");
  const auto check = image.check("setuid files");
  EXPECT_TRUE(check.failed());
  EXPECT_EQ(
      check.evidence,
      "setuid or setgid, and neither the base nor a package of the bake has them: /usr/bin/rootsh, /usr/bin/sudo");
}

TEST(VerifyPrivileges, APackageOfTheBakeMayHaveASetuidFile) {
  Image image;
  image.guest.with_file("/usr/sbin/slurmstepd", "slurm", 04755);
  image.shell.with_program("rpm", "[ \"$4\" = /usr/sbin/slurmstepd ] && echo slurm\n");
  EXPECT_EQ(image.check("setuid files"),
            (Check{"setuid files", true,
                   "2 setuid and setgid files, each as in the base or from a package of the bake; of the bake: "
                   "/usr/sbin/slurmstepd"}));
  image.expected.family = guest::Family::deb;
  // With a merged /usr, dpkg may know the file below /sbin only.
  image.shell.with_program("dpkg", "[ \"$2\" = /sbin/slurmstepd ] && echo slurm:amd64: $2\n");
  EXPECT_EQ(image.check("setuid files").status, Status::passed);
}

TEST(VerifyPrivileges, AnEntryInThePackageDatabaseDoesNotExcuseAFileThatTheFinishedImageDidNotHave) {
  Image image;
  image.guest.with_file("/usr/sbin/slurmstepd", "slurm", 04755);
  image.shell.with_program("rpm", "[ \"$4\" = /usr/bin/sudo ] || echo slurm\n");  // it owns every other file
  image.finish();
  EXPECT_EQ(image.check("setuid files").status, Status::passed);
  image.guest.with_file("/usr/bin/rootsh", "sh", 04755);
  EXPECT_EQ(image.check("setuid files").evidence, "not the files that the finished image had: new: /usr/bin/rootsh");
  EXPECT_TRUE(image.check("setuid files").failed());
  image.guest.write("/usr/sbin/slurmstepd", "SLURM");
  image.guest.set_mode("/usr/bin/sudo", 0755);
  EXPECT_EQ(image.check("setuid files").evidence,
            "not the files that the finished image had: new: /usr/bin/rootsh; changed: /usr/sbin/slurmstepd; missing: "
            "/usr/bin/sudo");
}

TEST(VerifyPrivileges, TheModeAndTheOwnerCountToo) {
  Image image;
  image.finish();
  image.guest.with_owner("/usr/bin/sudo", 1000, 0);
  EXPECT_TRUE(image.check("setuid files").failed());
  image.guest.with_owner("/usr/bin/sudo", 0, 0);
  image.guest.set_mode("/usr/bin/sudo", 06777);
  EXPECT_EQ(image.check("setuid files").evidence, "not the files that the finished image had: changed: /usr/bin/sudo");
}

TEST(VerifyPrivileges, AnOlderManifestRecordsOnlyTheDigest) {
  Image image;
  image.expected.base_privileges->setuid["/usr/bin/sudo"] = digest_of("sudo");
  image.expected.base_privileges->capabilities.reset();
  EXPECT_EQ(
      image.check("setuid files"),
      (Check{"setuid files", true, "1 setuid and setgid files, each as in the base or from a package of the bake"}));
  EXPECT_EQ(image.check("file capabilities"),
            skipped("file capabilities", "the manifest does not list those of the base"));
  image.guest.write("/usr/bin/sudo", "SUDO");
  EXPECT_TRUE(image.check("setuid files").failed());
}

TEST(VerifyPrivileges, FindsANewCapability) {
  Image image;
  image.guest.with_file("/usr/bin/python3", "python", 0755).with_capability("/usr/bin/python3", every);
  image.shell.with_program("rpm", "exit 1\n");
  const auto check = image.check("file capabilities");
  EXPECT_TRUE(check.failed());
  EXPECT_EQ(check.evidence,
            "with capabilities, and neither the base nor a package of the bake has them: /usr/bin/python3");
  EXPECT_EQ(check.remedy, "remove the file, or its capabilities: setcap -r");
  image.finish();
  image.guest.with_capability("/usr/bin/ping", every);
  EXPECT_EQ(image.check("file capabilities").evidence,
            "not the files that the finished image had: changed: /usr/bin/ping");
}

TEST(VerifyPrivileges, CapabilitiesThatCannotBeReadAreSkipped) {
  Image image;
  image.guest.without_capabilities();
  EXPECT_EQ(image.check("file capabilities"),
            skipped("file capabilities", "the appliance has no program that reads them"));
}

TEST(VerifyPrivileges, WithoutARecordAFileThatNoPackageOwnsIsAdvice) {
  Image image;
  image.expected.base_privileges.reset();
  image.guest.with_file("/usr/local/bin/starter", "x", 02755);
  image.shell.with_program("rpm", "[ \"$4\" = /usr/bin/sudo ] && echo sudo\n");
  const auto check = image.check("setuid files");
  EXPECT_TRUE(check.advises());
  EXPECT_EQ(check.evidence, "setuid or setgid, and no package owns them: /usr/local/bin/starter");
  EXPECT_EQ(
      image.check("authorized keys"),
      skipped("authorized keys", "the manifest does not list those of the base; 'ssh keys' lists those of the image"));
}

TEST(VerifyPrivileges, FindsANewAndAChangedKey) {
  Image image;
  const std::string file = "/home/hpc/.ssh/authorized_keys";
  image.guest.with_file(file, "").with_file("/root/.ssh/authorized_keys2", "");
  EXPECT_EQ(image.check("authorized keys"), (Check{"authorized keys", true, "no account has an authorized key"}));
  image.guest.write(file, "ssh-ed25519 A\n");
  EXPECT_TRUE(image.check("authorized keys").failed());
  EXPECT_EQ(image.check("authorized keys").evidence, "the base does not have these keys: " + file);
  image.expected.base_privileges = find_privileges(image.guest);
  EXPECT_EQ(image.expected.base_privileges->authorized_keys, (States{{file, digest_of("ssh-ed25519 A\n")}}));
  EXPECT_EQ(image.check("authorized keys"), (Check{"authorized keys", true, "the same keys as in the base"}));
  image.guest.write(file, "ssh-ed25519 B\n");
  EXPECT_EQ(image.check("authorized keys").evidence, "the base does not have these keys: " + file);
}

TEST(VerifyPrivileges, FindsAKeyBelowALink) {
  Image image;
  image.guest.with_file("/srv/keys/authorized_keys2", "ssh-ed25519 A\n").with_link("/root/.ssh", "/srv/keys");
  EXPECT_EQ(image.check("authorized keys").evidence, "the base does not have these keys: /root/.ssh/authorized_keys2");
}

TEST(VerifyPrivileges, AKeyThatTheBakeRemovedMayNotComeBack) {
  Image image;
  const std::string file = "/home/hpc/.ssh/authorized_keys";
  image.guest.with_file(file, "ssh-ed25519 A\n");
  image.expected.base_privileges = find_privileges(image.guest);
  image.guest.remove(file);
  image.finish();
  image.guest.with_file(file, "ssh-ed25519 A\n");
  EXPECT_EQ(image.check("authorized keys").evidence, "not the keys that the finished image had: new: " + file);
}

}  // namespace
}  // namespace bake::verify
