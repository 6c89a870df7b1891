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

/// Fakes of what ib-firstboot looks at: an Azure VM's file trees and its metadata service.
namespace firstboot_test {

/// A server on 127.0.0.1 that gives prepared answers, one per connection; the last one for ever.
class ImdsServer {
 public:
  explicit ImdsServer(std::vector<std::string> answers);
  ~ImdsServer();
  ImdsServer(const ImdsServer&) = delete;
  ImdsServer& operator=(const ImdsServer&) = delete;

  [[nodiscard]] std::string url() const;
  /// Requests as received so far; call after the client has ended.
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }

  /// An answer that never comes: the connection is accepted and kept open.
  static constexpr const char* silence = "";
  /// The connection is closed after the request, without a byte.
  static constexpr const char* hang_up = "hang up";
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

/// What one port of a device of /sys/class/infiniband shows.
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

/// The tree of one VM below a temporary directory, linked together as sysfs links it.
class FakeVm {
 public:
  FakeVm();

  FakeVm& write(const std::string& path, const std::string& content);
  FakeVm& link(const std::string& path, const std::string& target);
  FakeVm& remove(const std::string& path);

  /// DMI, VMBus with a network device, hv_pci.
  FakeVm& azure();
  FakeVm& vmbus_device(const std::string& name, const std::string& class_id);
  /// VMBus offers a PCI function; once hv_pci has brought it up, there is a PCI bus below the offer.
  FakeVm& offers_function(const std::string& name, bool on_pci);
  FakeVm& release(const std::string& id, const std::string& version);
  /// One PCI function; `driver` empty: not bound.
  FakeVm& function(const std::string& address, const std::string& device, const std::string& pci_class = "0x020700",
                   const std::string& driver = "mlx5_core", const std::string& vendor = "0x15b3");
  FakeVm& infiniband(const std::string& name, const std::string& address, const std::vector<PortFacts>& ports = {{}});
  /// A network interface of a PCI function; `type` as in linux/if_arp.h: 1 Ethernet, 32 InfiniBand.
  FakeVm& network(const std::string& address, const std::string& name, unsigned type);
  /// A whole working HCA: function, driver, device, port.
  FakeVm& hca(const std::string& address, const std::string& device = "0x101c");
  FakeVm& baked(const std::string& conf);
  FakeVm& kvp(const std::vector<std::pair<std::string, std::string>>& records);

  /// Azure, Ubuntu 20.04, baked with 5.5-1.0.3.2 and its modules loaded.
  static FakeVm ready();

  [[nodiscard]] std::string path(const std::string& name) const { return root_->path().string() + name; }
  [[nodiscard]] std::string read(const std::string& name) const { return bake::read_text(path(name)); }
  [[nodiscard]] nlohmann::json status() const;

  /// Runs the program with --root; `imds` is a URL or "none".
  [[nodiscard]] Outcome run(const std::string& imds = "none",
                            const std::vector<std::string>& more = {"--wait", "0"}) const;

 private:
  std::shared_ptr<bake::TemporaryDirectory> root_;
};

/// Prints one row of the table "fake VM → exit code", which a run of the tests shows as a whole.
void print_row(const std::string& name, const Outcome& outcome);

/// cloud-init's cached copy of what IMDS said.
std::string instance_data(const std::string& size);

/// The program under test: the static file, or in a sanitizer build the native one.
std::string program();

}  // namespace firstboot_test
