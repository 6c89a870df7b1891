#include "bake/verify/privileges.hpp"

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::verify {
namespace {

const std::string one(64, '1');
const std::string two(64, '2');

/// A guest with sudo as a setuid file of its base. The base is recorded unless a test deletes the record.
struct Image {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  plan::Expectations expected;

  Image() {
    guest.with_file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nhpc:x:1000:1000::/home/hpc:/bin/bash\n")
        .with_file("/etc/shadow", "root:!:19000::::::\nhpc:*:19000::::::\n");
    shell.with_place("/root/.ssh", "root").with_place("/home/hpc/.ssh", "hpc");
    expected.packages = {{"slurm", "20-1", "x86_64"}};
    setuid({{"/usr/bin/sudo", one}});
    expected.base_privileges = find_privileges(guest);
  }

  /// The search finds these files, path → digest.
  void setuid(const std::map<std::string, std::string>& files) {
    std::string text;
    for (const auto& [path, digest] : files) text += "echo '" + digest + "  " + path + "'\n";
    shell.with_program("find", text);
  }

  Check check(const std::string& rule) {
    for (const auto& check : verify_privileges(guest, expected))
      if (check.rule == rule) return check;
    return {};
  }
};

TEST(VerifyPrivileges, TheImageOfAnUnchangedBasePasses) {
  Image image;
  EXPECT_EQ(image.expected.base_privileges->setuid, (std::map<std::string, std::string>{{"/usr/bin/sudo", one}}));
  EXPECT_EQ(verify_privileges(image.guest, image.expected),
            (std::vector<Check>{
                {"accounts", true, "only root has the user id 0; no account has an empty password"},
                {"setuid files", true, "1 setuid and setgid files, each as in the base or from a package of the bake"},
                {"authorized keys", true, "no account has an authorized key"}}));
}

TEST(VerifyPrivileges, FindsASecondRootAndAnEmptyPassword) {
  Image image;
  image.guest.write("/etc/passwd",
                    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n zero:x:-00:0::/:/bin/sh\n"
                    "open::1000:0::/:/bin/sh\n+::::::\n");
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

TEST(VerifyPrivileges, FindsANewAndAChangedSetuidFile) {
  Image image;
  image.setuid({{"/usr/bin/sudo", two}, {"/usr/bin/rootsh", one}});
  image.shell.with_program("rpm", "case $4 in /usr/bin/sudo) echo sudo;; *) exit 1;; esac\n");
  const auto check = image.check("setuid files");
  EXPECT_TRUE(check.failed());
  EXPECT_EQ(
      check.evidence,
      "setuid or setgid, and neither the base nor a package of the bake has them: /usr/bin/rootsh, /usr/bin/sudo");
}

TEST(VerifyPrivileges, APackageOfTheBakeMayHaveASetuidFile) {
  Image image;
  image.setuid({{"/usr/bin/sudo", one}, {"/usr/sbin/slurmstepd", two}});
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

TEST(VerifyPrivileges, WithoutARecordAFileThatNoPackageOwnsIsAdvice) {
  Image image;
  image.expected.base_privileges.reset();
  image.setuid({{"/usr/bin/sudo", one}, {"/usr/local/bin/starter", two}});
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
  const auto file = image.shell.file("hpc/authorized_keys");
  std::filesystem::create_directories(image.shell.file("hpc"));
  write_text_atomically(file, "ssh-ed25519 A\n");
  EXPECT_TRUE(image.check("authorized keys").failed());
  EXPECT_EQ(image.check("authorized keys").evidence, "the base does not have these keys: " + file);
  image.expected.base_privileges = find_privileges(image.guest);
  EXPECT_EQ(image.expected.base_privileges->authorized_keys,
            (std::map<std::string, std::string>{{file, digest_of("ssh-ed25519 A\n")}}));
  EXPECT_EQ(image.check("authorized keys"), (Check{"authorized keys", true, "the same keys as in the base"}));
  write_text_atomically(file, "ssh-ed25519 B\n");
  EXPECT_EQ(image.check("authorized keys").evidence, "the base does not have these keys: " + file);
}

TEST(VerifyPrivileges, AFailedSearchIsNeverPassed) {
  Image image;
  image.shell.with_program("find", "echo find: damaged >&2; exit 1\n");
  EXPECT_EQ(image.check("setuid files"),
            (Check{"setuid files", false, "the search failed: exit status 1: == setuid | find: damaged"}));
  EXPECT_EQ(image.check("authorized keys").status, Status::skipped);
  EXPECT_EQ(error_of([&] { find_privileges(image.guest); }).message(),
            "searching the guest for setuid files: exit status 1: == setuid | find: damaged");
}

}  // namespace
}  // namespace bake::verify
