// The guest room on the real libguestfs appliance: one launch for all tests.
#include "bake/appliance/guestfs.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "bake/appliance/guestfs_guest.hpp"
#include "bake/appliance/launch.hpp"
#include "bake/appliance/root_search.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/os_release.hpp"
#include "bake/inspect/inspect.hpp"
#include "bake/inspect/package_database.hpp"
#include "tests/contract/guest_contract.hpp"
#include "tests/support/recording_progress.hpp"

namespace bake::guest {
namespace {

namespace fs = std::filesystem;

constexpr const char* root_uuid = "6d3ad4a2-9b0e-4d2e-8a57-1f64b2a90d11";
constexpr const char* boot_uuid = "0b6c1a55-6b1c-4be3-9d5d-6f3fd0b7a4c2";

void must_run(const std::vector<std::string>& arguments) {
  const auto result = run_program(arguments);
  if (result.status != 0)
    throw Error(ErrorKind::environment, fmt::format("{} ended with {}: {}", arguments[0], result.status, result.err));
}

void write_file(const fs::path& file, std::string_view content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

/// A GPT disk like that of an Azure image: ESP, /boot, root (a busybox), swap, and a second root, which bake must
/// reject.
class TestDisk {
 public:
  explicit TestDisk(const fs::path& directory) : directory_(directory), file_(directory / "disk.raw") {
    must_run({"truncate", "-s", "320M", file_});
    must_run({"sgdisk", "-n1:0:+40M", "-t1:EF00", "-n2:0:+40M", "-n3:0:+160M", "-n4:0:+8M", "-t4:8200", "-n5:0:+16M",
              "-c1:EFI", file_});
    make_root_tree();
    put_partition(1, 40, {"mkfs.vfat", "-n", "ESP"});
    put_partition(2, 40, {"mke2fs", "-q", "-t", "ext4", "-U", boot_uuid, "-d", directory_ / "boot"});
    put_partition(3, 160, {"mke2fs", "-q", "-t", "ext4", "-U", root_uuid, "-d", directory_ / "root"});
    put_partition(4, 8, {"mkswap", "-q"});
    put_partition(5, 16, {"mke2fs", "-q", "-t", "ext4", "-d", directory_ / "other"});
  }
  [[nodiscard]] const fs::path& file() const { return file_; }

 private:
  void make_root_tree() {
    const auto root = directory_ / "root";
    for (const auto* name : {"bin", "dev", "proc", "sys", "run", "tmp", "root", "boot", "contract", "var"})
      fs::create_directories(root / name);
    fs::copy_file("/bin/busybox", root / "bin/busybox");
    for (const auto* name : {"sh", "cat", "id", "dd", "yes", "head", "sleep", "rm", "ls", "dpkg"})
      fs::create_symlink("busybox", root / "bin" / name);
    write_file(root / "usr/lib/os-release", "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"20.04\"\n");
    write_file(root / "var/lib/dpkg/status",
               "Package: busybox\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.35.0-4\n");
    fs::create_directories(root / "lib/modules/5.4.0-1010-azure");
    write_file(directory_ / "boot/vmlinuz-5.4.0-1010-azure", "");
    write_file(directory_ / "boot/grub/grub.cfg",
               "set default=\"0\"\nmenuentry 'Ubuntu' {\n\tlinux /vmlinuz-5.4.0-1010-azure ro quiet\n}\n");
    fs::create_directories(root / "etc");
    fs::create_symlink("../usr/lib/os-release", root / "etc/os-release");
    write_file(root / "etc/fstab", fmt::format("UUID={} / ext4 defaults 0 1\n"
                                               "UUID={} /boot ext4 defaults 0 2\n"
                                               "LABEL=ESP /boot/efi vfat umask=0077 0 1\n"
                                               "/dev/sda4 none swap sw 0 0\n"
                                               "tmpfs /tmp tmpfs defaults 0 0\n"
                                               "server:/x /mnt/nfs nfs defaults 0 0\n"
                                               "/dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail 0 2\n",
                                               root_uuid, boot_uuid));
    write_file(directory_ / "other/etc/fstab", "# another system\n");
    write_file(directory_ / "other/etc/os-release", "ID=other\n");
  }

  void put_partition(int number, int mebibytes, std::vector<std::string> make) {
    const auto image = directory_ / fmt::format("part{}", number);
    must_run({"truncate", "-s", fmt::format("{}M", mebibytes), image});
    make.push_back(image);
    must_run(make);
    const auto info = run_program({"sgdisk", fmt::format("-i{}", number), file_}).out;
    const auto at = info.find("First sector: ");
    const auto sector = split_words(info.substr(at + 14)).at(0);
    must_run({"dd", "if=" + image.string(), "of=" + file_.string(), "bs=512", "seek=" + sector, "conv=notrunc,sparse",
              "status=none"});
  }

  fs::path directory_;
  fs::path file_;
};

/// The appliance of the whole binary, and the results of the attempts before the guest was opened.
struct Shared {
  Shared() : disk(directory.path()) {
    write_file(directory.path() / "payload/hello.txt", "hello from the payload\n");
    write_file(directory.path() / "payload/inner/deep", "");
    must_run({"xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", directory.path() / "payload.iso",
              directory.path() / "payload"});
    options.disk = disk.file();
    options.payloads = {directory.path() / "payload.iso"};
    auto appliance = std::make_unique<Appliance>(appliance_options(options), progress);
    progress.warned.clear();  // this test is not about whether this machine has a working KVM
    try_refusals(*appliance);
    guest = std::make_unique<GuestfsGuest>(std::move(appliance), options, progress);
  }

  std::string refusal(Appliance& appliance, const std::vector<FileSystem>& file_systems) {
    try {
      find_root(appliance, file_systems, "disk.raw");
    } catch (const Error& error) {
      return error.message();
    }
    return "nothing thrown";
  }

  void try_refusals(Appliance& appliance) {
    const auto all = appliance.disk_content().file_systems;
    two_systems = refusal(appliance, all);
    no_system = refusal(appliance, {all.at(0), all.at(1)});
    empty_disk = refusal(appliance, {});
    auto encrypted = all.at(2);
    encrypted.type = "crypto_LUKS";
    encrypted_disk = refusal(appliance, {all.at(1), encrypted});
    appliance.mount("/dev/sda5", "/", "");
    appliance.remove_file("/etc/fstab");
    appliance.unmount_all();
  }

  TemporaryDirectory directory;
  TestDisk disk;
  testing::RecordingProgress progress;
  GuestfsOptions options;
  std::string two_systems, no_system, empty_disk, encrypted_disk;
  std::unique_ptr<GuestfsGuest> guest;
};

/// A failed start ends the run: otherwise every further test would start the appliance again.
Shared& shared() {
  static const auto instance = [] {
    try {
      return std::make_unique<Shared>();
    } catch (const Error& error) {
      fmt::print(stderr, "setting the tests up: {}\n", error.message());
      std::_Exit(1);
    }
  }();
  return *instance;
}

struct GuestfsBackend {
  Guest& guest() { return *shared().guest; }
  void expect_script(const std::string& /*script*/, const ShellResult& /*result*/) {}
};

INSTANTIATE_TYPED_TEST_SUITE_P(Guestfs, GuestContract, GuestfsBackend);

TEST(Guestfs, RefusesDisksWithoutOneSystem) {
  EXPECT_EQ(shared().two_systems, "opening disk 'disk.raw': two operating systems, on /dev/sda3 and on /dev/sda5");
  EXPECT_EQ(shared().no_system, "opening disk 'disk.raw': no operating system found in it");
  EXPECT_EQ(shared().empty_disk, "opening disk 'disk.raw': no operating system found in it");
  EXPECT_EQ(shared().encrypted_disk, "opening disk 'disk.raw': /dev/sda3 is encrypted (LUKS)");
}

TEST(Guestfs, MountsByTheGuestsFstab) {
  const auto& layout = shared().guest->layout();
  EXPECT_EQ(layout.partition_table, "gpt");
  EXPECT_TRUE(layout.efi);
  EXPECT_FALSE(layout.lvm);
  std::vector<std::string> mounts;
  for (const auto& mount : layout.mounts)
    mounts.push_back(fmt::format("{} {} {}", mount.device, mount.type, mount.mount_point));
  EXPECT_EQ(mounts, (std::vector<std::string>{"/dev/sda3 ext4 /", "/dev/sda2 ext4 /boot"}));
  EXPECT_EQ(layout.mounts.at(0).uuid, root_uuid);
  EXPECT_GT(layout.mounts.at(0).size, std::uint64_t{100} << 20U);
  EXPECT_GT(layout.mounts.at(0).free, std::uint64_t{50} << 20U);
  // /boot has no directory efi here, and no fstab names sda5.
  EXPECT_EQ(
      shared().progress.warned,
      (std::vector<std::string>{"/dev/sda5 (ext4) is not in the guest's /etc/fstab; bake does not mount it",
                                "/boot/efi of the guest's /etc/fstab is not a directory; /dev/sda1 is not mounted"}));
}

TEST(Guestfs, InspectsARealTree) {
  const auto facts = inspect(*shared().guest, shared().guest->layout());
  EXPECT_EQ(facts.os, (OsRelease{"ubuntu", "20.04", ""}));
  EXPECT_EQ(facts.arch, find_architecture(*shared().guest));
  EXPECT_NE(facts.arch, "unknown");
  EXPECT_EQ(facts.default_kernel, "5.4.0-1010-azure");
  EXPECT_EQ(facts.default_kernel_how, "first entry of /boot/grub/grub.cfg");
  EXPECT_EQ(facts.default_kernel_options, "ro quiet");
  EXPECT_EQ(facts.packages.packages, (std::vector<InstalledPackage>{{"busybox", "1:1.35.0-4", "amd64"}}));
  // The dpkg of busybox does not support --audit: bake passes its complaint on.
  EXPECT_EQ(facts.packages.trouble.find("dpkg: unrecognized option '--audit'"), 0U) << facts.packages.trouble;
  EXPECT_EQ(facts.programs, std::set<std::string>{"dpkg"});
  EXPECT_EQ(facts.root_uuid, root_uuid);
}

TEST(Guestfs, LogsTheOutputOfAFailedScript) {
  auto& details = shared().progress.details;
  details.clear();
  EXPECT_TRUE(shared().guest->shell("echo not this").ok());
  EXPECT_EQ(shared().guest->shell("echo one; echo two >&2; exit 4").status, 4);
  EXPECT_EQ(details,
            (std::vector<std::string>{"a script in the guest ended with status 4; its output:", "one", "two"}));
}

TEST(Guestfs, RunsLongScriptsWithMuchOutput) {
  auto& guest = *shared().guest;
  const auto big = guest.shell("yes 0123456789abcde | head -n 524288");
  EXPECT_EQ(big.status, 0);
  EXPECT_EQ(big.output.size(), std::size_t{8} << 20U);
  const auto longest = guest.shell("echo " + std::string(300000, 'x') + "; exit 4");
  EXPECT_EQ(longest.status, 4);
  EXPECT_EQ(longest.output.size(), 300001U);
  EXPECT_EQ(guest.shell("printf 'a\\0b'").output, std::string("a\0b", 3));
  EXPECT_EQ(guest.shell("kill -TERM $$").status, 143);

  EXPECT_EQ(guest.shell("exit 124").status, 124) << "the script's own status, although timeout(1) also uses it";
  guest.set_script_limit(std::chrono::seconds(3));
  try {
    guest.shell("echo waiting for the network; sleep 1000");
    ADD_FAILURE() << "a script outlived its limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_EQ(
        error.message(),
        "running a script in the guest: not finished within 3 seconds; the end of its output: waiting for the network");
  }
  guest.set_script_limit(std::chrono::hours(1));
  EXPECT_EQ(guest.shell("for p in /proc/[0-9]*; do cat $p/cmdline 2>/dev/null; done").output.find("sleep"),
            std::string::npos)
      << "the script's children end with it";
}

TEST(Guestfs, KeepsOnlyTheEndOfEndlessOutput) {
  auto& guest = *shared().guest;
  const auto failed = guest.shell("yes 0123456789abcde | head -c 60000000; echo; echo the end; exit 5");
  EXPECT_EQ(failed.status, 5);
  EXPECT_TRUE(failed.truncated);
  EXPECT_EQ(failed.output.size(), std::size_t{1} << 20U);
  EXPECT_TRUE(failed.output.ends_with("\nthe end\n"));
  try {
    guest.shell("yes 0123456789abcde | head -c 60000000");
    ADD_FAILURE() << "endless output was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message().find("running a script in the guest: it printed more than 48 MiB or "
                                   "1000000 lines; the end of its output: "),
              0U)
        << error.message();
  }
}

TEST(Guestfs, RefusesMillionsOfLines) {
  auto& guest = *shared().guest;
  EXPECT_EQ(guest.shell("yes /aaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -n 1000000").output.size(), 30'000'000U);
  EXPECT_THROW(guest.shell("yes / | head -n 1000001"), Error);
}

TEST(Guestfs, ASparseFileDoesNotKeepTheDigestsFromEnding) {
  auto& guest = *shared().guest;
  EXPECT_TRUE(guest.shell("dd if=/dev/null of=/contract/sparse bs=1 seek=1099511627776 2>/dev/null").ok());
  EXPECT_EQ(guest.fingerprints({"/contract/sparse"}, {}),
            (std::map<std::string, std::string>{{"/contract/sparse", "0644 0:0 1099511627776 bytes"}}));
  guest.remove("/contract/sparse");
}

TEST(Guestfs, ReadsTheCapabilitiesOfFiles) {
  auto& guest = *shared().guest;
  guest.write("/contract/ping", "x", 0755);
  const auto before = guest.privileged_files().capabilities;
  ASSERT_TRUE(before.has_value()) << "the appliance has getfattr";
  EXPECT_FALSE(before->contains("/contract/ping"));
}

TEST(Guestfs, NoProgramOfTheGuestRunsWhileFilesAreCompared) {
  auto& guest = *shared().guest;
  EXPECT_TRUE(guest.shell("while :; do echo x >>/contract/growing; sleep 0; done </dev/null >/dev/null 2>&1 &").ok());
  const auto first = guest.tree_digest();
  EXPECT_EQ(guest.tree_digest(), first);
  guest.remove("/contract/growing");
}

TEST(Guestfs, ResolvesLinksInsideTheGuest) {
  auto& guest = *shared().guest;
  // "/var" is a directory of the appliance too: an absolute link must lead to the guest's.
  guest.write("/var/inside/file", "guest");
  guest.make_link("/var/inside", "/contract/out");
  guest.make_link("x", "/contract/out/link");
  EXPECT_EQ(guest.list("/var/inside"), (std::vector<std::string>{"file", "link"}));
  guest.write("/var/inside/tree/leaf", "");
  guest.remove("/contract/out/tree");
  EXPECT_EQ(guest.list("/var/inside"), (std::vector<std::string>{"file", "link"}));
}

TEST(GuestfsEnd, UnmountsAndTrims) {
  auto& guest = *shared().guest;
  struct stat before {};
  ASSERT_EQ(::stat(shared().disk.file().c_str(), &before), 0);
  EXPECT_TRUE(guest.shell("yes 0123456789abcde | head -c 60000000 >/var/big; rm /var/big").ok());
  EXPECT_TRUE(guest.shell("cd /var; sleep 1000 </dev/null >/dev/null 2>&1 & echo busy >/var/kept").ok());
  EXPECT_EQ(guest.list("/run"), std::vector<std::string>{"bake"});
  guest.remove("/bin/sh");
  try {
    guest.shell("true");
    ADD_FAILURE() << "ran without a shell";
  } catch (const Error& error) {
    EXPECT_EQ(error.message().find("running a script with '/bin/sh' in the guest: chroot: failed to run command"), 0U)
        << error.message();
  }
  guest.make_link("busybox", "/bin/sh");
  guest.finish();
  EXPECT_THROW(guest.exists("/"), Error);
  EXPECT_EQ(GuestfsGuest::launches(), 1);

  struct stat after {};
  ASSERT_EQ(::stat(shared().disk.file().c_str(), &after), 0);
  EXPECT_LT((after.st_blocks - before.st_blocks) * 512, 20000000) << "the space of removed files is free again";
  const auto root = shared().directory.path() / "after.img";
  const auto info = run_program({"sgdisk", "-i3", shared().disk.file()}).out;
  const auto sector = split_words(info.substr(info.find("First sector: ") + 14)).at(0);
  must_run({"dd", "if=" + shared().disk.file().string(), "of=" + root.string(), "bs=512", "skip=" + sector,
            "count=327680", "conv=sparse", "status=none"});
  EXPECT_EQ(run_program({"debugfs", "-R", "cat /var/kept", root}).out, "busy\n");
  EXPECT_EQ(run_program({"debugfs", "-R", "ls -p /run", root}).out.find("bake"), std::string::npos);
  EXPECT_EQ(run_program({"e2fsck", "-fn", root}).status, 0);
}

/// Runs the query of the package database with this machine's rpm, for a package built for this test.
TEST(RpmQuery, RunsOnARealRpm) {
  const TemporaryDirectory directory;
  const auto& top = directory.path();
  write_file(top / "probe.spec",
             "Name: probe\nEpoch: 3\nVersion: 1.0\nRelease: 2\nSummary: probe\nLicense: none\nBuildArch: noarch\n"
             "Requires: (systemd if filesystem)\nRequires: libfoo >= 2:1.1-1\nRequires(post): /sbin/ldconfig\n"
             "Provides: virtual = 7\nObsoletes: old-probe < 1.0\nConflicts: bad-probe\n%description\nprobe\n"
             "%install\nmkdir -p '%{buildroot}/opt/a dir'\ntouch '%{buildroot}/opt/a dir/file'\n"
             "%files\n\"/opt/a dir\"\n");
  must_run({"rpmbuild", "-bb", "--quiet", "--define", "_topdir " + top.string(), top / "probe.spec"});
  const auto answer =
      run_program({"rpm", "-qp", "--queryformat", rpm_dump_format(), top / "RPMS/noarch/probe-1.0-2.noarch.rpm"});
  const auto lines = split_lines(answer.out);
  const std::set<std::string> all(lines.begin(), lines.end());
  EXPECT_EQ(lines.at(0), "P probe\t3\t1.0\t2\tnoarch") << answer.err;
  // Flags carry more bits than the comparison (8 =, 2 <, 4 >); their low four count.
  for (const auto* line : {"v probe\t8\t3:1.0-2", "v virtual\t8\t7", "r libfoo\t12\t2:1.1-1", "o old-probe\t2\t1.0",
                           "c bad-probe\t0\t", "f /opt/a dir", "f /opt/a dir/file"})
    EXPECT_TRUE(all.contains(line)) << line << "\n" << answer.out;
  EXPECT_NE(answer.out.find("r (systemd if filesystem)\t"), std::string::npos);
  EXPECT_EQ(installed_of_rpm_dump(answer.out), (std::vector<InstalledPackage>{{"probe", "3:1.0-2", "noarch"}}));
}

/// Processes whose command line contains `text`.
int count_processes(const std::string& text) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream in(entry.path() / "cmdline", std::ios::binary);
    const std::string line{std::istreambuf_iterator<char>(in), {}};
    if (line.find(text) != std::string::npos) ++count;
  }
  return count;
}

bool becomes(int wanted, const std::string& text, std::chrono::seconds limit) {
  for (auto waited = std::chrono::milliseconds(0); waited < limit; waited += std::chrono::milliseconds(100)) {
    if (count_processes(text) == wanted) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

TEST(GuestfsLaunch, StopsInTimeWithAHint) {
  ::setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1);
  ::setenv("BAKE_LAUNCH_TIMEOUT", "1", 1);
  testing::RecordingProgress progress;
  try {
    const Appliance appliance({{{shared().disk.file(), true, false, ""}}, 1024, 1}, progress);
    ADD_FAILURE() << "started within a second";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_EQ(error.message().find("starting the libguestfs appliance: not running after 1 s"), 0U) << error.message();
    EXPECT_EQ(error.remedies(), std::vector<Remedy>{{Remedy::Action::check_machine}});
  }
  ::unsetenv("BAKE_LAUNCH_TIMEOUT");
  EXPECT_EQ(Appliance::launches(), 1);
}

TEST(GuestfsLaunch, SaysThatTheApplianceDied) {
  testing::RecordingProgress progress;
  GuestfsOptions options;
  options.disk = shared().disk.file();
  GuestfsGuest guest(options, progress);
  try {
    guest.shell("echo o >/proc/sysrq-trigger; sleep 60");
    ADD_FAILURE() << "the appliance is still there";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_NE(error.message().find("in the guest: the appliance died"), std::string::npos) << error.message();
  }
}

TEST(GuestfsLaunch, LeavesNoMachineBehindWhenKilled) {
  ::setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1);
  const auto file = shared().disk.file();
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SilentProgress progress;
    const Appliance appliance({{{file, true, false, ""}}, 1024, 1}, progress);
    ::_exit(0);
  }
  const auto machine = fmt::format("bake-{}-", child);
  EXPECT_TRUE(becomes(1, machine, std::chrono::seconds(60)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(becomes(0, machine, std::chrono::seconds(5)));
}

}  // namespace
}  // namespace bake::guest
