#include "bake/appliance/launch.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bake/appliance/script.hpp"
#include "bake/base/error.hpp"
#include "tests/support/error_of.hpp"

extern char** environ;

namespace bake::guest {
namespace {

using std::chrono::seconds;

TEST(LaunchPlan, TriesKvmBrieflyThenEmulation) {
  const auto plan = plan_launch({.kvm_usable = true});
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_TRUE(plan[0].with_kvm);
  EXPECT_EQ(plan[0].limit, seconds(120));
  EXPECT_TRUE(plan[1].force_emulation);
  EXPECT_EQ(plan[1].limit, seconds(600));
  EXPECT_EQ(plan_launch({.timeout = "30", .kvm_usable = true})[0].limit, seconds(30));
}

TEST(LaunchPlan, UsesALongerLimitAlsoForTheEmulationAfterKvm) {
  EXPECT_EQ(plan_launch({.timeout = "1200", .kvm_usable = true})[1].limit, seconds(1200));
  EXPECT_EQ(plan_launch({.timeout = "1200", .kvm_usable = true, .kvm_failed_before = true})[0].limit, seconds(1200));
  // A short limit shortens the wait for a KVM that hangs; the limit of the emulation does not change.
  EXPECT_EQ(plan_launch({.timeout = "30", .kvm_usable = true})[1].limit, seconds(600));
  EXPECT_EQ(plan_launch({.timeout = "30", .kvm_usable = true, .kvm_failed_before = true})[0].limit, seconds(600));
}

TEST(LaunchPlan, KeepsTheUsersSettings) {
  const auto plan = plan_launch({.backend_settings = "force_tcg", .timeout = "90", .kvm_usable = true});
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_FALSE(plan[0].with_kvm);
  EXPECT_FALSE(plan[0].force_emulation);
  EXPECT_EQ(plan[0].limit, seconds(90));
}

TEST(Script, DistinguishesItsLimitFromItsOwnStatus) {
  using std::chrono::milliseconds;
  EXPECT_TRUE(ended_by_limit(124, milliseconds(3000), seconds(3)));
  EXPECT_TRUE(ended_by_limit(137, seconds(13), seconds(3)));
  EXPECT_FALSE(ended_by_limit(124, milliseconds(2999), seconds(3)));
  EXPECT_FALSE(ended_by_limit(0, seconds(4), seconds(3)));
  EXPECT_FALSE(ended_by_limit(1, seconds(4), seconds(3)));
}

TEST(LaunchPlan, SkipsKvmAfterAFailure) {
  const auto plan = plan_launch({.kvm_usable = true, .kvm_failed_before = true});
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_TRUE(plan[0].force_emulation);
  ASSERT_EQ(plan_launch({}).size(), 1U);
  EXPECT_FALSE(plan_launch({})[0].with_kvm);
}

TEST(LaunchPlan, RefusesAnInvalidLimit) {
  for (const auto* text : {"0", "-1", "2m", "1e3", "99999999999", " 5"}) {
    EXPECT_EQ(error_of([&] { plan_launch({.timeout = text}); }).kind(), ErrorKind::usage) << text;
  }
}

/// Starts a shell that keeps running and has `marker` as an argument, like the -name of qemu. It stops itself: a child
/// `sleep` would outlive it and keep the test runner's pipe open.
pid_t start_marked(const char* marker) {
  char shell[] = "/bin/sh";
  char option[] = "-c";
  char script[] = "kill -STOP $$";
  std::string argument = marker;
  char* arguments[] = {shell, option, script, argument.data(), nullptr};
  pid_t child = 0;
  return ::posix_spawn(&child, shell, nullptr, nullptr, arguments, environ) == 0 ? child : -1;
}

TEST(LaunchWatchdog, KillsOnlyTheMarkedChild) {
  const auto child = start_marked("bake-test-a");
  const auto other = start_marked("bake-test-b");
  ASSERT_GT(child, 0);
  ASSERT_GT(other, 0);
  int status = 0;
  {
    const LaunchWatchdog watchdog("bake-test-a", seconds(0));
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(watchdog.fired());
  }
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(children_marked("bake-test-b"), std::vector<int>{other});
  {
    const LaunchWatchdog watchdog("bake-test-b", seconds(60));
    EXPECT_FALSE(watchdog.fired());
  }
  EXPECT_EQ(::waitpid(other, &status, WNOHANG), 0) << "still running";
  ::kill(other, SIGKILL);
  ::waitpid(other, &status, 0);
}

TEST(LaunchWatchdog, ShowsTheArgumentsOfTheMachineOnce) {
  const auto child = start_marked("bake-test-c");
  ASSERT_GT(child, 0);
  std::vector<std::vector<std::string>> shown;
  int status = 0;
  {
    const LaunchWatchdog watchdog("bake-test-c", seconds(1),
                                  [&](const auto& arguments) { shown.push_back(arguments); });
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(shown.front(), (std::vector<std::string>{"/bin/sh", "-c", "kill -STOP $$", "bake-test-c"}));
}

TEST(LaunchWatchdog, KnowsTheDirectoryOfTheSockets) {
  const auto of = [](const std::string& argument) { return socket_directory_of({"-chardev", argument}); };
  EXPECT_EQ(of("socket,path=/tmp/libguestfsJ2k3xV/guestfsd.sock,id=channel0"), "/tmp/libguestfsJ2k3xV");
  EXPECT_EQ(of("socket,path=/run/a,,b/libguestfsJ2k3xV/guestfsd.sock,id=channel0"), "/run/a,b/libguestfsJ2k3xV");
  // Another place than a directory of libguestfs is never noted for removal.
  EXPECT_EQ(of("socket,path=/tmp/guestfsd.sock,id=channel0"), std::nullopt);
  EXPECT_EQ(of("socket,path=libguestfsJ2k3xV/guestfsd.sock"), std::nullopt);
  EXPECT_EQ(of("socket,id=channel0"), std::nullopt);
  EXPECT_EQ(of("socket,path="), std::nullopt);
}

TEST(Script, DistinguishesAShellThatDidNotStartFromAFailedScript) {
  EXPECT_EQ(start_failure(127, "chroot: failed to run command '/bin/sh': No such file or directory\n"),
            "chroot: failed to run command '/bin/sh': No such file or directory");
  EXPECT_EQ(start_failure(127, "foo: not found\n"), "");
  EXPECT_EQ(start_failure(0, "chroot: failed to run command"), "");
}

TEST(Script, ReadsOnlyTheStatus) {
  EXPECT_EQ(parse_status("143\n"), 143);
  for (const auto* text : {"", "x", "0 0", "1\n2\n"}) EXPECT_THROW(parse_status(text), Error) << text;
}

}  // namespace
}  // namespace bake::guest
