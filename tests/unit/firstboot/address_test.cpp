// ib-firstboot --check-address. It reads the addresses of this machine, so the fake VM calls "lo" an IPoIB interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/firstboot_vm.hpp"

namespace firstboot_test {
namespace {

using ::testing::MatchesRegex;

const char* const log_name = "/var/log/azure/ib-vmext-status";
const char* const time_pattern = "[0-9-]+T[0-9:]+Z ";
const char* const hint = "; the Azure Linux agent sets the addresses when /etc/waagent.conf has OS.EnableRDMA=y";

FakeVm with_interfaces(const std::vector<std::string>& names) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  for (const auto& name : names) vm.write("/sys/class/net/" + name + "/type", "32\n");
  return vm;
}

bake::ProgramResult check_address(const FakeVm& vm, const std::string& wait = "0") {
  return bake::run_program({program(), "--root", vm.path(""), "--wait", wait, "--check-address"});
}

TEST(FirstbootAddress, PassesWithAnIpv4Address) {
  const FakeVm vm = with_interfaces({"lo"});
  const auto result = check_address(vm);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "ib-firstboot: lo 127.0.0.1\n");
  EXPECT_THAT(vm.read(log_name), MatchesRegex(std::string(time_pattern) + "ipoib-address pass lo 127.0.0.1\n"));
}

TEST(FirstbootAddress, MissingGivesAWarningAndExitZero) {
  const FakeVm vm = with_interfaces({"ib-absent0"});
  const auto result = check_address(vm);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "ib-firstboot: warning: ib-absent0 has no IPv4 address, after 0 s" + std::string(hint) + "\n");
  EXPECT_EQ(vm.log_line("ipoib-address"),
            "ipoib-address warn ib-absent0 has no IPv4 address, after 0 s" + std::string(hint));
}

TEST(FirstbootAddress, OfOneInterfaceDoesNotHideTheOther) {
  const FakeVm vm = with_interfaces({"lo", "ib-absent0"});
  EXPECT_EQ(check_address(vm).status, 0);
  EXPECT_THAT(vm.log_line("ipoib-address"), testing::StartsWith("ipoib-address warn "));
  EXPECT_THAT(vm.log_line("ipoib-address"), testing::HasSubstr("ib-absent0 has no IPv4 address"));
  EXPECT_THAT(vm.log_line("ipoib-address"), testing::HasSubstr("lo 127.0.0.1"));
}

TEST(FirstbootAddress, MissingInterfaceGivesAWarning) {
  FakeVm vm = with_interfaces({});
  vm.write("/sys/class/net/eth0/type", "1\n");
  EXPECT_EQ(check_address(vm).status, 0);
  EXPECT_EQ(
      vm.log_line("ipoib-address"),
      "ipoib-address warn there is no IPoIB interface; is module ib_ipoib loaded?, after 0 s" + std::string(hint));
}

TEST(FirstbootAddress, OfAChildInterfaceIsNotChecked) {
  FakeVm vm = with_interfaces({"lo", "ib-absent0.8001"});
  vm.write("/sys/class/net/ib-absent0.8001/parent", "lo\n");
  check_address(vm);
  EXPECT_EQ(vm.log_line("ipoib-address"), "ipoib-address pass lo 127.0.0.1");
}

TEST(FirstbootAddress, IsNotCheckedWithoutInfiniband) {
  const FakeVm vm = FakeVm::ready();
  EXPECT_EQ(check_address(vm, "60").status, 0);
  EXPECT_EQ(vm.log_line("ipoib-address"), "ipoib-address pass not checked: this VM has no InfiniBand function");
}

/// The agent sets the address while the unit waits.
TEST(FirstbootAddress, IsWaitedFor) {
  FakeVm vm = with_interfaces({});
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    vm.write("/sys/class/net/lo/type", "32\n");
  });
  const auto result = check_address(vm, "60");
  later.join();
  EXPECT_EQ(result.out, "ib-firstboot: lo 127.0.0.1\n");
}

TEST(FirstbootAddress, KeepsTheStatusFileAndTheState) {
  FakeVm vm = with_interfaces({"ib-absent0"});
  const ImdsServer imds({ImdsServer::compute("Standard_HB120rs_v3")});
  EXPECT_EQ(vm.run(imds.url()).exit, 0);
  const std::string status = vm.read("/var/lib/ib-firstboot/status/0.status");
  const std::string state = vm.read("/var/lib/ib-firstboot/state");
  const std::string log = vm.read(log_name);
  check_address(vm);
  EXPECT_EQ(vm.read("/var/lib/ib-firstboot/status/0.status"), status);
  EXPECT_EQ(vm.read("/var/lib/ib-firstboot/state"), state);
  EXPECT_THAT(vm.read(log_name), testing::StartsWith(log));
}

}  // namespace
}  // namespace firstboot_test
