// ib-firstboot waits for late devices and for the metadata service.
#include <atomic>
#include <chrono>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firstboot/checks.hpp"
#include "tests/support/firstboot_vm.hpp"

namespace firstboot_test {
namespace {

using ::testing::HasSubstr;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Outcome run_while(const FakeVm& vm, const std::string& size, std::chrono::milliseconds delay,
                  const std::function<void()>& change, double& seconds) {
  const ImdsServer imds({ImdsServer::compute(size)});
  std::thread later([&] {
    std::this_thread::sleep_for(delay);
    change();
  });
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = vm.run(imds.url(), {"--wait", "60"});
  seconds = seconds_since(start);
  later.join();
  return outcome;
}

TEST(FirstbootWaits, ForALateFunction) {
  FakeVm vm = FakeVm::ready();
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_HB120rs_v3", std::chrono::milliseconds(3000), [&vm] { vm.hca("0101:00:00.0"); }, seconds);
  print_row("FunctionArrivesThreeSecondsLate", outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_GE(seconds, 2.9);
  EXPECT_LT(seconds, 50.0) << "it must not wait for the whole time";
}

TEST(FirstbootWaits, LogHasTheEndTimeOfEachCheck) {
  FakeVm vm = FakeVm::ready();
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_HB120rs_v3", std::chrono::milliseconds(2100), [&vm] { vm.hca("0101:00:00.0"); }, seconds);
  const auto time_of = [&outcome](const std::string& check) {
    const auto at = outcome.err.find("Z " + check + " ");
    return outcome.err.substr(at - 19, 19);
  };
  EXPECT_LT(time_of("run"), time_of("pci-function"));
  EXPECT_LT(time_of("vm-size"), time_of("pci-function"));
  EXPECT_LE(time_of("pci-function"), time_of("verdict"));
}

TEST(FirstbootWaits, ForTheEighthHca) {
  FakeVm vm = FakeVm::ready();
  for (int i = 1; i <= 7; ++i) vm.hca("010" + std::to_string(i) + ":00:00.0");
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_ND96asr_v4", std::chrono::milliseconds(500), [&vm] { vm.hca("0108:00:00.0"); }, seconds);
  print_row("EighthHcaArrivesLate", outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_LT(seconds, 50.0) << "it must not wait for the whole time";
}

TEST(FirstbootWaits, FromInitToActive) {
  FakeVm vm = FakeVm::ready();
  vm.function("0101:00:00.0", "0x101c").infiniband("mlx5_ib0", "0101:00:00.0", {{"InfiniBand", "2: INIT"}});
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_HB120rs_v3", std::chrono::milliseconds(700),
      [&vm] { vm.write("/sys/devices/pci/0101:00:00.0/infiniband/mlx5_ib0/ports/1/state", "4: ACTIVE\n"); }, seconds);
  print_row("PortInitThenActive", outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_GE(seconds, 0.6);
  EXPECT_LT(seconds, 50.0) << "it must not wait for the whole time";
}

TEST(FirstbootWaits, ForALateUverbsDevice) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0").remove("/sys/class/infiniband_verbs").remove("/dev/infiniband");
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_HB120rs_v3", std::chrono::milliseconds(500), [&vm] { vm.uverbs("mlx5_0101"); }, seconds);
  print_row("UverbsDeviceArrivesLate", outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_LT(seconds, 50.0) << "it must not wait for the whole time";
}

const char* const port_state = "/sys/devices/pci/0101:00:00.0/infiniband/mlx5_0101/ports/1/state";

/// Replaces the state atomically, as sysfs shows it.
void set_port_state(FakeVm& vm, const std::string& state) {
  vm.write("/state", state + "\n");
  std::filesystem::rename(vm.path("/state"), vm.path(port_state));
}

TEST(FirstbootStablePort, StaysActiveForOneSecond) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const ImdsServer imds({ImdsServer::compute("Standard_HB120rs_v3")});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(vm.run(imds.url()).exit, 0);
  EXPECT_GE(seconds_since(start), 1.0);
  EXPECT_EQ(vm.log_line("port"), "port pass mlx5_0101 port 1 ACTIVE 200 Gb/sec (4X HDR)");
}

/// Runs the program on a VM whose port is ACTIVE for 100 ms of each 400 ms.
Outcome run_with_flapping_port(FakeVm& vm, const std::string& wait) {
  vm.hca("0101:00:00.0");
  std::atomic<bool> done = false;
  std::thread flapping([&] {
    for (bool active = false; !done; active = !active) {
      set_port_state(vm, active ? "4: ACTIVE" : "1: DOWN");
      std::this_thread::sleep_for(std::chrono::milliseconds(active ? 100 : 300));
    }
  });
  const ImdsServer imds({ImdsServer::compute("Standard_HB120rs_v3")});
  const Outcome outcome = vm.run(imds.url(), {"--wait", wait});
  done = true;
  flapping.join();
  print_row("FlappingPortWait" + wait, outcome);
  return outcome;
}

TEST(FirstbootStablePort, FlappingGivesExit14) {
  FakeVm vm = FakeVm::ready();
  EXPECT_EQ(run_with_flapping_port(vm, "3").exit, 14);
  EXPECT_THAT(
      vm.log_line("port"),
      testing::MatchesRegex("port fail mlx5_0101 port 1 DOWN 200 Gb/sec .4X HDR.: not ACTIVE for 1 s within 3 s, "
                            "left ACTIVE [0-9]+ times?: the link flaps"));
}

TEST(FirstbootStablePort, FlappingGivesExit14WithoutAWait) {
  FakeVm vm = FakeVm::ready();
  EXPECT_EQ(run_with_flapping_port(vm, "0").exit, 14);
  EXPECT_THAT(vm.log_line("port"), testing::StartsWith("port fail mlx5_0101 port 1 DOWN"));
}

TEST(FirstbootStablePort, ThatDropsOnceAndRecoversIsAWarning) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_HB120rs_v3", std::chrono::milliseconds(500),
      [&vm] {
        set_port_state(vm, "1: DOWN");
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        set_port_state(vm, "4: ACTIVE");
      },
      seconds);
  print_row("PortDropsOnce", outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(vm.log_line("port"),
            "port warn mlx5_0101 port 1 ACTIVE 200 Gb/sec (4X HDR), left ACTIVE 1 time before it was stable");
  EXPECT_GE(seconds, 1.8);
  EXPECT_LT(seconds, 50.0) << "it must not wait for the whole time";
}

TEST(FirstbootWaits, ForALateHvPci) {
  FakeVm vm = FakeVm::ready();
  vm.remove("/sys/bus/vmbus/drivers").vmbus_device("ib0", "{44c4f61d-4444-4400-9d52-802e27ede19f}");
  vm.hca("0101:00:00.0");
  double seconds = 0;
  const Outcome outcome = run_while(
      vm, "Standard_HB120rs_v3", std::chrono::milliseconds(400),
      [&vm] { vm.write("/sys/bus/vmbus/drivers/hv_pci/uevent", ""); }, seconds);
  print_row("HvPciLoadedLate", outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_LT(seconds, 50.0) << "it must not wait for the whole time";
}

TEST(FirstbootWaits, NoLongerThanWaitOfTheConf) {
  FakeVm vm = FakeVm::ready();
  vm.baked("WAIT=1\n");
  const ImdsServer imds({ImdsServer::compute("Standard_HB120rs_v3")});
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = vm.run(imds.url(), {});
  EXPECT_EQ(outcome.exit, 11);
  EXPECT_THAT(outcome.err, HasSubstr(", waits at most 1 s\n"));
  EXPECT_GE(seconds_since(start), 1.0);
  EXPECT_LT(seconds_since(start), 50.0) << "without the conf it waits for 60 s";
}

/// The time that a silent IMDS takes is part of the wait.
TEST(FirstbootWaits, WithOneDeadlineForEverything) {
  FakeVm vm = FakeVm::ready();
  vm.baked("WAIT=3\n").kvp({{"IPoIB_Data", "NUMPAIRS:1|00155D33FF0B:172.16.1.2"}});
  const ImdsServer imds({ImdsServer::silence});
  const Outcome outcome = vm.run(imds.url(), {});
  print_row("ImdsSilentToTheDeadline", outcome);
  EXPECT_EQ(outcome.exit, 11);
  EXPECT_EQ(
      vm.status()[0]["status"]["substatus"].back()["formattedMessage"]["message"],
      "no function of vendor 15b3 and class 0207 or 0280; VMBus offers no further PCI function; stop (deallocate) and "
      "start the VM to get another host")
      << "a second wait would add the number of seconds";
}

/// Runs the program's checks with a wait of 60 s on a VM of unknown size, and with 0.1 s for a sign of RDMA.
firstboot::Exit check_without_size(const FakeVm& vm) {
  static firstboot::Report report;
  const std::string root = vm.path("");
  firstboot::CheckOptions options;
  options.root = root.c_str();
  options.wait = 60;
  options.identify_ms = 100;
  report = {};
  run_checks(options, report);
  return report.exit;
}

TEST(FirstbootWaits, OnlyBrieflyForASignOfRdma) {
  FakeVm vm = FakeVm::ready();
  vm.offers_function("00000002-0001", true).function("afb6:00:02.0", "0x1016", "0x020000");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(check_without_size(vm), firstboot::Exit::size_not_supported);
  EXPECT_LT(seconds_since(start), 50.0) << "it must not wait for the whole time";
}

TEST(FirstbootWaits, LongerForAFunctionThatVmbusOffers) {
  FakeVm vm = FakeVm::ready();
  vm.offers_function("47505500-0001", false);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    vm.hca("0101:00:00.0");
  });
  EXPECT_EQ(check_without_size(vm), firstboot::Exit::success);
  later.join();
}

TEST(FirstbootImds, SendsOneRequestWithTheHeaderAndWithoutAProxy) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const ImdsServer imds({ImdsServer::compute("Standard_HB120rs_v3")});
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  const Outcome outcome = vm.run(imds.url());
  unsetenv("http_proxy");
  EXPECT_EQ(outcome.exit, 0);
  ASSERT_EQ(imds.requests().size(), 1U);
  EXPECT_EQ(imds.requests()[0],
            "GET /metadata/instance/compute?api-version=2018-02-01 HTTP/1.1\r\nHost: 127.0.0.1\r\nMetadata: true\r\n"
            "User-Agent: ib-firstboot\r\nConnection: close\r\n\r\n");
}

TEST(FirstbootImds, RetriesAfterGoneAndTooManyRequests) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const ImdsServer imds({ImdsServer::status(410), ImdsServer::status(429), ImdsServer::compute("Standard_HB120rs_v3")});
  const Outcome outcome = vm.run(imds.url());
  print_row("Imds410Then429Then200", outcome);
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.err, HasSubstr("Standard_HB120rs_v3 (from IMDS) has 1 HCA, CX6"));
  EXPECT_EQ(imds.requests().size(), 3U);
}

/// Only the size tells that an HCA is missing.
TEST(FirstbootImds, RetriesAfterATruncatedAnswer) {
  FakeVm vm = FakeVm::ready();
  for (int i = 1; i <= 7; ++i) vm.hca("010" + std::to_string(i) + ":00:00.0");
  const ImdsServer imds({ImdsServer::close_connection, "HTTP/1.1 20", ImdsServer::compute("Standard_ND96asr_v4")});
  const Outcome outcome = vm.run(imds.url());
  print_row("ImdsHangsUpThen200", outcome);
  EXPECT_EQ(outcome.exit, 14);
  EXPECT_THAT(outcome.out, HasSubstr("7 HCAs of 8 that this VM should have"));
  EXPECT_EQ(imds.requests().size(), 3U);
}

TEST(FirstbootImds, JoinsAChunkedAnswer) {
  FakeVm vm = FakeVm::ready();
  const ImdsServer imds(
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"vmSize\":\"\r\nc\r\nStandard_A8\""
       "\r\n1\r\n}\r\n0\r\n\r\n"});
  const Outcome outcome = vm.run(imds.url());
  print_row("ImdsChunked", outcome);
  EXPECT_EQ(outcome.exit, 13);
  EXPECT_THAT(outcome.out, HasSubstr("Standard_A8 (from IMDS)"));
}

struct Silence {
  const char* name;
  std::string answer;
  std::string note;
  bool retried;
};

/// The name of the parameter in the list of tests.
void PrintTo(const Silence& silence, std::ostream* out) { *out << silence.name; }

class FirstbootImdsSilent : public ::testing::TestWithParam<Silence> {};

TEST_P(FirstbootImdsSilent, UsesOtherSigns) {
  const Silence& row = GetParam();
  FakeVm vm = FakeVm::ready();
  vm.kvp({{"IPoIB_Data", "NUMPAIRS:1|00155D33FF0B:172.16.1.2"}}).hca("0101:00:00.0");
  const ImdsServer imds({row.answer});
  const Outcome outcome = vm.run(imds.url());
  print_row(std::string("Imds") + row.name, outcome);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(imds.requests().size() > 1, row.retried) << imds.requests().size() << " requests";
  EXPECT_THAT(outcome.err, HasSubstr("IMDS " + row.note +
                                     ", cloud-init has no copy of its answer; an InfiniBand function is on "
                                     "PCI; KVP IPoIB_Data is 'NUMPAIRS:1|00155D33FF0B:172.16.1.2'\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, FirstbootImdsSilent,
    ::testing::Values(
        Silence{"Never", ImdsServer::silence, "did not answer", false},
        Silence{"AlwaysClosesTheConnection", ImdsServer::close_connection, "did not answer", true},
        Silence{"StatusLineTruncated", "HTTP/1.1 20", "sent a truncated answer", true},
        Silence{"VersionTruncated", "HTT", "sent a truncated answer", true},
        Silence{"OtherProtocolTruncated", "SSH-", "did not answer in HTTP", false},
        Silence{"AlwaysGone", ImdsServer::status(410), "answered HTTP 410", true},
        Silence{"BadRequest", ImdsServer::status(400), "answered HTTP 400", false},
        Silence{"Garbage", "\x16\x03\x01 this is not HTTP\r\n\r\n", "did not answer in HTTP", false},
        Silence{"NoJson", ImdsServer::ok("<html>hello</html>"), "answered without a valid vmSize", false},
        Silence{"SizeIsANumber", ImdsServer::ok(R"({"vmSize":7})"), "answered without a valid vmSize", false},
        Silence{"SizeIsEmpty", ImdsServer::compute(""), "answered without a valid vmSize", false},
        Silence{"SizeIsHostile", ImdsServer::compute("Standard_HB120rs_v3\n2030 verdict pass exit 0"),
                "answered without a valid vmSize", false},
        Silence{"MebibyteOfA", std::string(1 << 20, 'a'), "did not answer in HTTP", false},
        Silence{"BodyMebibyteOfA", ImdsServer::ok(std::string(1 << 20, 'a')), "answered more than 256 KiB", false},
        Silence{"UnterminatedString", ImdsServer::ok("{\"vmSize\":\"" + std::string(100000, 'a')),
                "answered without a valid vmSize", false},
        Silence{"Deep", ImdsServer::ok(std::string(200000, '[')), "answered without a valid vmSize", false},
        Silence{"BodyTruncated", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"vmSize\":\"Standard_A8\"",
                "answered HTTP 200, incomplete", true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FirstbootImds, NoServer) {
  FakeVm vm = FakeVm::ready();
  vm.hca("0101:00:00.0");
  const Outcome outcome = vm.run("http://127.0.0.1:1");
  print_row("ImdsNoServer", outcome);
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.err, HasSubstr("IMDS cannot be reached"));
}

}  // namespace
}  // namespace firstboot_test
