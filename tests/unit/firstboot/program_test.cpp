// The files that ib-firstboot writes (logs, status files, state), and the program file itself.
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>

#include "tests/support/firstboot_vm.hpp"

namespace firstboot_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

const char* const log_name = "/var/log/azure/ib-vmext-status";
const char* const time_pattern = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z";

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) found.push_back(line);
  return found;
}

unsigned mode_of(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(lstat(path.c_str(), &facts), 0) << path;
  return facts.st_mode;
}

Outcome run_as(const FakeVm& vm, const std::string& size, const std::vector<std::string>& more = {"--wait", "0"}) {
  const ImdsServer imds({ImdsServer::compute(size)});
  return vm.run(imds.url(), more);
}

TEST(FirstbootOutputs, LogHasOneLineForEachCheckAndTheVerdictLast) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const Outcome outcome = run_as(vm, "Standard_HB120rs_v3");
  const std::string time = time_pattern;
  const std::vector<std::string> expected{
      " run info ib-firstboot .*, first run on this VM, waits at most 0 s",
      " hyper-v pass DMI 'Microsoft Corporation' 'Virtual Machine', Azure's asset tag, VMBus devices: 1, hv_pci "
      "registered",
      " os-release pass ubuntu 20.04",
      " vm-size pass Standard_HB120rs_v3 .from IMDS. has 1 HCA, CX6",
      " pci-function pass 0101:00:00.0 15b3:101c class 0207 ConnectX-6 VF .mlx5, CX6.",
      " driver pass 0101:00:00.0 mlx5_core",
      " hca-count pass 1 HCA of 1 that this VM should have",
      " infiniband pass 0101:00:00.0 mlx5_0101 link_layer InfiniBand",
      " uverbs pass mlx5_0101 uverbs0",
      " port pass mlx5_0101 port 1 ACTIVE 200 Gb/sec .4X HDR.",
      " link-rate pass mlx5_0101 port 1 200 Gb/sec .4X HDR.",
      " module-version pass mlx5_core 5.5-1.0.3, baked 5.5-1.0.3 of 5.5-1.0.3.2 for mlx5_core",
      " verdict pass exit 0: Operation successful: InfiniBand is ready, .*"};
  const auto log = lines(vm.read(log_name));
  ASSERT_EQ(log.size(), expected.size());
  for (std::size_t i = 0; i < log.size(); ++i) EXPECT_THAT(log[i], MatchesRegex(time + expected[i]));
  EXPECT_EQ(outcome.err, vm.read(log_name));
}

TEST(FirstbootOutputs, AreRegularFilesInReadableDirectories) {
  const FakeVm vm = FakeVm::ready();
  run_as(vm, "Standard_HB120rs_v3");
  EXPECT_EQ(mode_of(vm.path("/var/log/azure")), S_IFDIR | 0755U);
  EXPECT_EQ(mode_of(vm.path(log_name)), S_IFREG | 0644U);
  EXPECT_EQ(mode_of(vm.path("/var/lib/ib-firstboot/status/0.status")), S_IFREG | 0644U);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(vm.path("/var/lib/ib-firstboot/status")))
    files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 1U) << "the temporary file must be gone";
}

TEST(FirstbootOutputs, ALogThatIsALinkDoesNotChangeTheVerdict) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0").write("/etc/precious", "keep\n").link(log_name, vm.path("/etc/precious"));
  const Outcome outcome = run_as(vm, "Standard_HB120rs_v3");
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.err, HasSubstr("ib-firstboot: error: writing '" + vm.path(log_name) + "': failed"));
  EXPECT_EQ(vm.read("/etc/precious"), "keep\n");
  EXPECT_THAT(vm.read("/var/log/azure/Microsoft.HpcCompute.InfiniBandDriverLinux/ib-vmext-status"),
              HasSubstr("exit 0"));
}

TEST(FirstbootOutputs, FifoOrDirectoryAsLogDoesNotHang) {
  FakeVm vm = FakeVm::ready();
  fs::create_directories(vm.path(log_name));
  fs::create_directories(vm.path("/var/log/azure/Microsoft.HpcCompute.InfiniBandDriverLinux"));
  ASSERT_EQ(mkfifo(vm.path("/var/log/azure/Microsoft.HpcCompute.InfiniBandDriverLinux/ib-vmext-status").c_str(), 0600),
            0);
  EXPECT_EQ(run_as(vm, "Standard_A8").exit, 13);
  EXPECT_EQ(vm.status()[0]["status"]["code"], 13);
}

TEST(FirstbootOutputs, LogIsEmptiedWhenLargerThanOneMebibyte) {
  FakeVm vm = FakeVm::ready();
  vm.write(log_name, std::string((1 << 20) + 1, 'x'));
  run_as(vm, "Standard_A8");
  EXPECT_LT(vm.read(log_name).size(), 4096U);
  run_as(vm, "Standard_A8");
  EXPECT_EQ(lines(vm.read(log_name)).size(), 10U) << "two runs of five lines";
}

TEST(FirstbootOutputs, UntrustedBytesCannotForgeALogLineOrBreakTheJson) {
  FakeVm vm = FakeVm::ready();
  vm.write("/sys/class/dmi/id/sys_vendor", "Evil\x01\x80\"\\\x1b[2J\n2030-01-01T00:00:00Z verdict pass exit 0\n");
  vm.remove("/sys/class/dmi/id/chassis_asset_tag");
  EXPECT_EQ(run_as(vm, "Standard_HB120rs_v3").exit, 10);
  EXPECT_EQ(lines(vm.read(log_name)).size(), 3U);
  const std::string status = vm.read("/var/lib/ib-firstboot/status/0.status");
  EXPECT_TRUE(std::all_of(status.begin(), status.end(), [](char c) { return c == '\n' || (c >= ' ' && c < '\x7F'); }));
  EXPECT_THAT(vm.status()[0]["status"]["formattedMessage"]["message"].get<std::string>(), HasSubstr("Evil\x01"));
}

TEST(FirstbootOutputs, MessagesAreShorterThanOneKibibyteWithManyHcas) {
  FakeVm vm = FakeVm::ready();
  for (int i = 10; i < 40; ++i) vm.hca("01" + std::to_string(i) + ":00:00.0", "0x1fff");
  EXPECT_EQ(run_as(vm, "Standard_ND96asr_v4").exit, 14);
  const auto status = vm.status()[0]["status"];
  EXPECT_LE(status["formattedMessage"]["message"].get<std::string>().size(), 1024U);
  for (const auto& check : status["substatus"])
    EXPECT_LE(check["formattedMessage"]["message"].get<std::string>().size(), 1024U);
}

// --- state ---

TEST(FirstbootState, SecondBootOfAGoodVmLogsOneLine) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  run_as(vm, "Standard_HB120rs_v3");
  const auto before = lines(vm.read(log_name)).size();
  EXPECT_EQ(run_as(vm, "Standard_HB120rs_v3").exit, 0);
  auto log = lines(vm.read(log_name));
  ASSERT_EQ(log.size(), before + 2);
  EXPECT_THAT(log[before], HasSubstr("same VM and verdict since "));
  EXPECT_THAT(log[before + 1], HasSubstr("verdict pass exit 0: "));

  run_as(vm, "Standard_HB120rs_v3", {"--wait", "0", "--force"});
  EXPECT_EQ(lines(vm.read(log_name)).size(), 2 * before + 2);
}

TEST(FirstbootState, WarningsAreLoggedAtEveryBoot) {
  FakeVm vm = FakeVm::ready();
  vm.function("0101:00:00.0", "0x101c");
  vm.infiniband("mlx5_0", "0101:00:00.0", {{"InfiniBand", "4: ACTIVE", "10 Gb/sec (4X SDR)"}});
  run_as(vm, "Standard_HB120rs_v3");
  const auto before = lines(vm.read(log_name)).size();
  EXPECT_EQ(run_as(vm, "Standard_HB120rs_v3").exit, 0);
  const auto log = lines(vm.read(log_name));
  ASSERT_EQ(log.size(), before + 3);
  EXPECT_THAT(log[before], HasSubstr("same VM and verdict since "));
  EXPECT_THAT(log[before + 1],
              HasSubstr("link-rate warn mlx5_0 port 1 10 Gb/sec (4X SDR), slower than the 200 Gb/sec"));
  EXPECT_THAT(log[before + 2], HasSubstr("verdict pass exit 0: "));
}

TEST(FirstbootState, GivesTheReasonOfTheRun) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  EXPECT_THAT(run_as(vm, "Standard_HB120rs_v3").err, HasSubstr(", first run on this VM, "));
  EXPECT_THAT(run_as(vm, "Standard_HB60rs").err, HasSubstr(", VM size was standard_hb120rs_v3, "));
  vm.write("/proc/sys/kernel/osrelease", "5.15.0-1000-azure\n");
  EXPECT_THAT(run_as(vm, "Standard_HB60rs").err, HasSubstr(", kernel was 5.4.0-1046-azure, "));
  vm.remove("/sys/class/infiniband");
  EXPECT_THAT(run_as(vm, "Standard_HB60rs").err, HasSubstr(", the last verdict was exit 0, "));
  EXPECT_THAT(run_as(vm, "Standard_HB60rs").err, HasSubstr("infiniband fail"));
  const ImdsServer other({ImdsServer::compute("Standard_HB60rs", "11111111-2222-3333-4444-555555555555")});
  EXPECT_THAT(vm.run(other.url()).err, HasSubstr(", first run on this VM, "));
}

TEST(FirstbootState, AMalformedStateFileGivesAFirstRun) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0").write("/var/lib/ib-firstboot/state", std::string(100000, '='));
  const Outcome outcome = run_as(vm, "Standard_HB120rs_v3");
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.err, HasSubstr("first run on this VM"));
}

TEST(FirstbootState, KeepsTheExitCode) {
  const FakeVm vm = FakeVm::ready();
  run_as(vm, "Standard_A8");
  EXPECT_THAT(vm.read("/var/lib/ib-firstboot/state"), HasSubstr("\nEXIT=13\n"));
  EXPECT_THAT(run_as(vm, "Standard_A8").err, HasSubstr(", same VM and verdict since "));
  EXPECT_THAT(run_as(vm, "Standard_HB120rs_v3").err, HasSubstr(", VM size was standard_a8, "));
}

TEST(FirstbootState, IdentifiesTheVmAlsoWhenTheFirstCheckFails) {
  FakeVm vm = FakeVm::ready();
  vm.remove("/sys/bus/vmbus/devices");
  EXPECT_EQ(vm.run("none").exit, 10);
  EXPECT_THAT(vm.read("/var/lib/ib-firstboot/state"), HasSubstr("VM_ID=8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10\n"));
  EXPECT_THAT(vm.run("none").err, HasSubstr(", same VM and verdict since "));
  vm.write("/sys/class/dmi/id/product_uuid", "11111111-2222-3333-4444-555555555555\n");
  EXPECT_THAT(vm.run("none").err, HasSubstr(", first run on this VM, "));
}

/// On generation 1 VMs, DMI has another byte order in the first three fields of the VM id.
TEST(FirstbootState, KeepsVmAndSizeWhenImdsIsSilent) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0").write("/sys/class/dmi/id/product_uuid", "2E1F4C8D-357A-114B-9C0D-2F6E5A7B9C10\n");
  run_as(vm, "Standard_HB120rs_v3");
  EXPECT_THAT(vm.run("none").err, HasSubstr(", same VM and verdict since "));
  EXPECT_THAT(run_as(vm, "Standard_HB120rs_v3").err, HasSubstr(", same VM and verdict since "));
  vm.write("/sys/class/dmi/id/product_uuid", "2E1F4C8D-357A-114B-9C0D-2F6E5A7B9C11\n");
  EXPECT_THAT(vm.run("none").err, HasSubstr(", first run on this VM, "));
}

// --- incorrect usage ---

TEST(FirstbootUsage, WrongArgumentsGiveExitOne) {
  const auto result = bake::run_program({program(), "--bogus"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "ib-firstboot: error: reading the command line: unknown argument '--bogus'\n"
            "ib-firstboot: hint: see ib-firstboot --help\n");
}

TEST(FirstbootUsage, HandlerWithoutAnAgentGivesExitOne) {
  const auto result = bake::run_program({program(), "--root", "/nonexistent", "handler", "enable"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("no readable HandlerEnvironment.json"));
}

/// The agent kills enable after 300 s.
TEST(FirstbootUsage, HandlerWaitsForTheConfsWaitButAtMostFourMinutes) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0").baked("OFED=inbox\nWAIT=240\n");
  vm.write(
      "/handler/HandlerEnvironment.json",
      nlohmann::json{{{"version", 1.0},
                      {"handlerEnvironment",
                       {{"statusFolder", vm.path("/handler/status")}, {"configFolder", vm.path("/handler/config")}}}}}
          .dump());
  fs::copy_file(program(), vm.path("/handler/ib-firstboot"));
  for (const std::vector<std::string>& wait :
       {std::vector<std::string>{}, std::vector<std::string>{"--wait", "3600"}}) {
    std::vector<std::string> words{vm.path("/handler/ib-firstboot"), "--root", vm.path(""), "--imds", "none"};
    words.insert(words.end(), wait.begin(), wait.end());
    words.insert(words.end(), {"handler", "enable"});
    const auto result = bake::run_program(words);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr(", waits at most 240 s\n"));
  }
  EXPECT_THAT(vm.run("none", {"--wait", "3600"}).err, HasSubstr(", waits at most 3600 s\n"));
}

TEST(FirstbootUsage, HelpAndVersion) {
  EXPECT_THAT(bake::run_program({program(), "--help"}).out, testing::StartsWith("usage: ib-firstboot "));
  EXPECT_EQ(bake::run_program({program(), "--version"}).out, "ib-firstboot " IB_FIRSTBOOT_VERSION "\n");
}

// --- the file that goes into images ---

TEST(FirstbootBinary, IncludesOnlyItsOwnHeadersAndTables) {
  for (const auto& entry : fs::directory_iterator(SOURCE_DIR "/firstboot")) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    for (const std::string& line : lines(bake::read_text(entry.path()))) {
      if (line.rfind("#include \"", 0) != 0) continue;
      EXPECT_EQ(line.rfind("#include \"firstboot/", 0), 0U) << entry.path() << line;
    }
  }
}

TEST(FirstbootBinary, IsStaticAndAtMost64KiB) {
  EXPECT_LE(fs::file_size(IB_FIRSTBOOT_BINARY), 65536U);
  EXPECT_THAT(bake::run_program({"file", IB_FIRSTBOOT_BINARY}).out, HasSubstr("statically linked"));
  EXPECT_THAT(bake::run_program({"readelf", "-lW", IB_FIRSTBOOT_BINARY}).out, Not(HasSubstr("INTERP")));
}

/// 313 is the last system call of Linux 3.10 (CentOS 7). The runs cover all parts of the program.
TEST(FirstbootBinary, UsesOnlySystemCallsOfLinux310) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const ImdsServer imds({ImdsServer::status(410), ImdsServer::compute("Standard_HB120rs_v3")});
  const std::string trace = vm.path("/trace");
  const std::vector<std::vector<std::string>> runs{{"--imds", imds.url(), "--wait", "0", "--json"},
                                                   {"--imds", "none", "--wait", "1"},
                                                   {"--version"},
                                                   {"handler", "enable"}};
  std::size_t calls = 0;
  for (std::vector<std::string> words : runs) {
    words.insert(words.begin(), {"strace", "-n", "-o", trace, IB_FIRSTBOOT_BINARY, "--root", vm.path("")});
    bake::run_program(words);
    for (const std::string& line : lines(vm.read("/trace"))) {
      if (line[0] != '[') continue;  // an exit or a signal
      ++calls;
      EXPECT_LE(std::stoi(line.substr(1)), 313) << line;
    }
    vm.remove("/sys/class/infiniband");
  }
  EXPECT_GT(calls, 100U);
}

}  // namespace
}  // namespace firstboot_test
