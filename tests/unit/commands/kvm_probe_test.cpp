#include "bake/commands/kvm_probe.hpp"

#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

using State = KvmProbe::State;
using std::chrono::milliseconds;

/// A PATH with only a shell script as qemu-system-x86_64, and a file in the place of /dev/kvm.
class KvmProbeTest : public ::testing::Test {
 protected:
  KvmProbeTest() {
    write_text_atomically(device(), "");
    ::setenv("PATH", scratch.path().c_str(), 1);
  }
  ~KvmProbeTest() override { ::setenv("PATH", path_.c_str(), 1); }

  [[nodiscard]] std::filesystem::path device() const { return scratch.path() / "kvm"; }
  /// Installs a qemu that runs `script`, and probes.
  [[nodiscard]] KvmProbe probe(const std::string& script, milliseconds limit = milliseconds(20000)) const {
    write_text_atomically(scratch.path() / "qemu-system-x86_64", "#!/bin/sh\nPATH=/usr/bin:/bin\n" + script, 0755);
    return probe_kvm(device(), limit);
  }

  TemporaryDirectory scratch;

 private:
  std::string path_ = std::getenv("PATH");
};

TEST_F(KvmProbeTest, AGuestThatReachesItsExitPortShowsThatKvmWorks) {
  const auto arguments = scratch.path() / "arguments";
  const auto disk = scratch.path() / "disk";
  const auto result = probe(
      fmt::format("for word; do echo \"$word\"; done >{}\nfile=${{word#file=}}\ncp \"${{file%%,*}}\" {}\nexit 33\n",
                  arguments.string(), disk.string()));
  EXPECT_EQ(result.state, State::works);
  EXPECT_NE(read_text(arguments).find("-accel\nkvm\n"), std::string::npos);
  const auto sector = read_text(disk);
  ASSERT_EQ(sector.size(), 512U);
  EXPECT_EQ(sector.substr(0, 4), std::string("\xB0\x10\xE6\xF4"));
  EXPECT_EQ(sector.substr(510), std::string("\x55\xAA"));
}

TEST_F(KvmProbeTest, QemuIsFoundUnderTheNameOfRhelToo) {
  write_text_atomically(scratch.path() / "qemu-kvm", "#!/bin/sh\n", 0755);
  EXPECT_EQ(find_qemu(), (scratch.path() / "qemu-kvm").string());
  write_text_atomically(scratch.path() / "qemu-system-x86_64", "#!/bin/sh\n", 0755);
  EXPECT_EQ(find_qemu(), (scratch.path() / "qemu-system-x86_64").string());
}

TEST_F(KvmProbeTest, AGuestThatHangsIsKilledWithItsChildren) {
  const auto pid_file = scratch.path() / "pid";
  const auto begin = std::chrono::steady_clock::now();
  const auto result = probe(fmt::format("sleep 60 &\necho $! >{}\nwait\n", pid_file.string()), milliseconds(500));
  EXPECT_EQ(result.state, State::hangs);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  const auto child = std::string(trim(read_text(pid_file)));
  const auto stat = std::filesystem::path("/proc") / child / "stat";
  for (int i = 0; i < 100 && std::filesystem::exists(stat); ++i) ::usleep(20000);
  // In a container without an init that collects them, killed orphans stay as zombies.
  const auto left = std::filesystem::exists(stat) ? read_text(stat) : std::string("1 (sleep) Z ");
  EXPECT_NE(left.find(") Z "), std::string::npos) << left;
}

TEST_F(KvmProbeTest, AGuestThatClosesItsOutputAndHangsIsKilledToo) {
  EXPECT_EQ(probe("exec >/dev/null 2>&1\nsleep 60\n", milliseconds(300)).state, State::hangs);
}

TEST_F(KvmProbeTest, TheFirstLineOfQemuIsTheReason) {
  const auto result =
      probe("echo 'ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy' >&2\necho more >&2\nexit 1\n");
  EXPECT_EQ(result.state, State::fails);
  EXPECT_EQ(result.reason, "ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy");
  EXPECT_EQ(probe("exit 3\n").reason, "qemu ends with 3");
}

TEST_F(KvmProbeTest, ADeviceThatDoesNotOpenIsReportedWithoutAGuest) {
  EXPECT_EQ(probe_kvm(scratch.path() / "none", milliseconds(1)).state, State::missing);
  EXPECT_EQ(probe_kvm(scratch.path(), milliseconds(1)).reason, "Is a directory");
  EXPECT_EQ(probe_kvm(device(), milliseconds(1)).state, State::not_tried);
}

TEST_F(KvmProbeTest, AUserWithoutPermissionIsTold) {
  constexpr ::uid_t unprivileged = 65534;
  ::chmod(device().c_str(), 0);
  const auto me = ::geteuid();
  if (me == 0) {  // root may open every file
    ASSERT_EQ(::seteuid(unprivileged), 0);
  }
  const auto state = probe_kvm(device(), milliseconds(1)).state;
  ASSERT_EQ(::seteuid(me), 0);
  EXPECT_EQ(state, State::no_permission);
}

}  // namespace
}  // namespace bake::cli
