#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"

/// Fakes of an Azure VM's file tree and of its metadata service.
namespace firstboot_test {

/// A server on 127.0.0.1 with prepared answers, one for each connection; the last one is repeated.
class ImdsServer {
 public:
  explicit ImdsServer(std::vector<std::string> answers);
  ~ImdsServer();
  ImdsServer(const ImdsServer&) = delete;
  ImdsServer& operator=(const ImdsServer&) = delete;

  [[nodiscard]] std::string url() const;
  /// The requests so far; call it after the client has ended.
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }

  /// No answer: the connection is accepted and kept open.
  static constexpr const char* silence = "";
  /// The connection is closed after the request, without a byte.
  static constexpr const char* close_connection = "close";
  static std::string ok(const std::string& body);
  static std::string status(int code);
  static std::string compute(const std::string& size, const std::string& id = "8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10");

 private:
  void serve();

  bake::FileDescriptor listener_;
  bake::FileDescriptor wake_read_;
  bake::FileDescriptor wake_write_;
  unsigned short port_ = 0;
  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

/// One port of a device in /sys/class/infiniband.
struct PortFacts {
  std::string link_layer = "InfiniBand";
  std::string state = "4: ACTIVE";
  std::string rate = "200 Gb/sec (4X HDR)";
};

struct Outcome {
  int exit = -1;
  std::string out;
  std::string err;
};

/// The file tree of one VM below a temporary directory, with the links of sysfs.
class FakeVm {
 public:
  FakeVm();

  FakeVm& write(const std::string& path, const std::string& content);
  FakeVm& link(const std::string& path, const std::string& target);
  FakeVm& remove(const std::string& path);

  /// DMI, VMBus with a network device, hv_pci.
  FakeVm& azure();
  FakeVm& vmbus_device(const std::string& name, const std::string& class_id);
  /// VMBus offers a PCI function; `on_pci`: hv_pci has created the PCI bus below the VMBus device.
  FakeVm& offers_function(const std::string& name, bool on_pci);
  FakeVm& release(const std::string& id, const std::string& version);
  /// One PCI function; `driver` empty: not bound.
  FakeVm& function(const std::string& address, const std::string& device, const std::string& pci_class = "0x020700",
                   const std::string& driver = "mlx5_core", const std::string& vendor = "0x15b3");
  /// A device in /sys/class/infiniband with its ports, and its device of ib_uverbs.
  FakeVm& infiniband(const std::string& name, const std::string& address, const std::vector<PortFacts>& ports = {{}});
  /// The device of ib_uverbs for an InfiniBand device: in /sys/class/infiniband_verbs and in /dev/infiniband.
  FakeVm& uverbs(const std::string& infiniband);
  /// A network interface of a PCI function; `type` as in linux/if_arp.h: 1 Ethernet, 32 InfiniBand.
  FakeVm& network(const std::string& address, const std::string& name, unsigned type);
  /// A working HCA: function, driver, device and port.
  FakeVm& hca(const std::string& address, const std::string& device = "0x101c");
  FakeVm& baked(const std::string& conf);
  FakeVm& kvp(const std::vector<std::pair<std::string, std::string>>& records);

  /// Azure, Ubuntu 20.04, baked with 5.5-1.0.3.2 and its modules loaded.
  static FakeVm ready();

  [[nodiscard]] std::string path(const std::string& name) const { return root_->path().string() + name; }
  [[nodiscard]] std::string read(const std::string& name) const { return bake::read_text(path(name)); }
  [[nodiscard]] nlohmann::json status() const;
  /// The line of a check in the log of the last run, from its name on: "port pass mlx5_0101 port 1 ...".
  [[nodiscard]] std::string log_line(const std::string& check) const;

  /// Runs the program with --root; `imds` is a URL or "none".
  [[nodiscard]] Outcome run(const std::string& imds = "none",
                            const std::vector<std::string>& more = {"--wait", "0"}) const;

 private:
  std::shared_ptr<bake::TemporaryDirectory> root_;
};

/// Prints one row of the table "fake VM → exit code".
void print_row(const std::string& name, const Outcome& outcome);

/// cloud-init's copy of the answer of IMDS.
std::string instance_data(const std::string& size);

/// The program under test: the static file, or the native one in a sanitizer build.
std::string program();

}  // namespace firstboot_test
