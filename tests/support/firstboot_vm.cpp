#include "tests/support/firstboot_vm.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <iomanip>
#include <iostream>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace firstboot_test {
namespace fs = std::filesystem;

ImdsServer::ImdsServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
  listener_ = bake::FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  std::array<int, 2> wake{};
  if (bind(listener_.get(), any, size) != 0 || listen(listener_.get(), 16) != 0 ||
      getsockname(listener_.get(), any, &size) != 0 || pipe2(wake.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no server on 127.0.0.1");
  port_ = ntohs(address.sin_port);
  wake_read_ = bake::FileDescriptor(wake[0]);
  wake_write_ = bake::FileDescriptor(wake[1]);
  thread_ = std::thread([this] { serve(); });
}

ImdsServer::~ImdsServer() {
  wake_write_.reset();
  thread_.join();
}

std::string ImdsServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::string ImdsServer::ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string ImdsServer::status(int code) {
  return "HTTP/1.1 " + std::to_string(code) + " -\r\nContent-Length: 0\r\n\r\n";
}

std::string ImdsServer::compute(const std::string& size, const std::string& id) {
  return ok(nlohmann::json{
      {"location", "westeurope"},
      {"name", "node-0"},
      {"offer", ""},
      {"osType", "Linux"},
      {"publisher", ""},
      {"sku", ""},
      {"tags", "a:1;b:2"},
      {"version", ""},
      {"vmId", id},
      {"vmScaleSetName", ""},
      {"vmSize", size},
      {"zone",
       ""}}.dump());
}

void ImdsServer::serve() {
  std::vector<bake::FileDescriptor> silent;
  for (std::size_t turn = 0;; ++turn) {
    std::array<pollfd, 2> events{pollfd{listener_.get(), POLLIN, 0}, pollfd{wake_read_.get(), POLLIN, 0}};
    poll(events.data(), events.size(), -1);
    if (events[1].revents != 0) return;
    bake::FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::array<char, 4096> request{};
    const ssize_t got = recv(client.get(), request.data(), request.size(), 0);
    if (got > 0) requests_.emplace_back(request.data(), static_cast<std::size_t>(got));
    const std::string& answer = answers_[std::min(turn, answers_.size() - 1)];
    if (answer == silence) {
      silent.push_back(std::move(client));
      continue;
    }
    if (answer == close_connection) continue;
    std::size_t sent = 0;
    while (sent < answer.size()) {
      const ssize_t put = send(client.get(), answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) break;
      sent += static_cast<std::size_t>(put);
    }
  }
}

FakeVm::FakeVm() : root_(std::make_shared<bake::TemporaryDirectory>(fs::temp_directory_path())) {}

FakeVm& FakeVm::write(const std::string& name, const std::string& content) {
  fs::create_directories(fs::path(path(name)).parent_path());
  std::ofstream(path(name), std::ios::binary) << content;
  return *this;
}

FakeVm& FakeVm::link(const std::string& name, const std::string& target) {
  fs::create_directories(fs::path(path(name)).parent_path());
  fs::remove(path(name));
  fs::create_symlink(target, path(name));
  return *this;
}

FakeVm& FakeVm::remove(const std::string& name) {
  fs::remove_all(path(name));
  return *this;
}

FakeVm& FakeVm::azure() {
  write("/sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
  write("/sys/class/dmi/id/product_name", "Virtual Machine\n");
  write("/sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n");
  write("/sys/class/dmi/id/product_uuid", "8D4C1F2E-7A35-4B11-9C0D-2F6E5A7B9C10\n");
  write("/proc/sys/kernel/osrelease", "5.4.0-1046-azure\n");
  vmbus_device("000d3a4b-5c6d-000d-3a4b-5c6d000d3a4b", "{f8615163-df3e-46c5-913f-f2d2f965ed0e}");
  write("/sys/bus/vmbus/drivers/hv_pci/uevent", "");
  return *this;
}

FakeVm& FakeVm::vmbus_device(const std::string& name, const std::string& class_id) {
  write("/sys/devices/vmbus/" + name + "/class_id", class_id + "\n");
  return link("/sys/bus/vmbus/devices/" + name, "../../../devices/vmbus/" + name);
}

FakeVm& FakeVm::offers_function(const std::string& name, bool on_pci) {
  if (on_pci) write("/sys/devices/vmbus/" + name + "/pciafb6:00/uevent", "");
  return vmbus_device(name, "{44c4f61d-4444-4400-9d52-802e27ede19f}");
}

FakeVm& FakeVm::release(const std::string& id, const std::string& version) {
  return write("/etc/os-release",
               "NAME=\"Some Linux\"\nID=\"" + id + "\"\nID_LIKE=\"x y\"\nVERSION_ID=\"" + version + "\"\n");
}

FakeVm& FakeVm::function(const std::string& address, const std::string& device, const std::string& pci_class,
                         const std::string& driver, const std::string& vendor) {
  const std::string directory = "/sys/devices/pci/" + address;
  write(directory + "/vendor", vendor + "\n");
  write(directory + "/device", device + "\n");
  write(directory + "/class", pci_class + "\n");
  if (!driver.empty()) {
    fs::create_directories(path("/sys/bus/pci/drivers/" + driver));
    link(directory + "/driver", "../../../bus/pci/drivers/" + driver);
  }
  return link("/sys/bus/pci/devices/" + address, "../../../devices/pci/" + address);
}

FakeVm& FakeVm::infiniband(const std::string& name, const std::string& address, const std::vector<PortFacts>& ports) {
  const std::string directory = "/sys/devices/pci/" + address + "/infiniband/" + name;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string port = directory + "/ports/" + std::to_string(i + 1);
    write(port + "/link_layer", ports[i].link_layer + "\n");
    write(port + "/state", ports[i].state + "\n");
    write(port + "/rate", ports[i].rate + "\n");
  }
  link(directory + "/device", "../../../" + address);
  uverbs(name);
  return link("/sys/class/infiniband/" + name, "../../devices/pci/" + address + "/infiniband/" + name);
}

FakeVm& FakeVm::uverbs(const std::string& infiniband) {
  const fs::path nodes = path("/dev/infiniband");
  fs::create_directories(nodes);
  const auto number = std::distance(fs::directory_iterator(nodes), fs::directory_iterator());
  const std::string name = "uverbs" + std::to_string(number);
  write("/dev/infiniband/" + name, "");
  return write("/sys/class/infiniband_verbs/" + name + "/ibdev", infiniband + "\n");
}

FakeVm& FakeVm::network(const std::string& address, const std::string& name, unsigned type) {
  return write("/sys/devices/pci/" + address + "/net/" + name + "/type", std::to_string(type) + "\n");
}

FakeVm& FakeVm::hca(const std::string& address, const std::string& device) {
  return function(address, device).infiniband("mlx5_" + address.substr(0, 4), address);
}

FakeVm& FakeVm::baked(const std::string& conf) { return write("/etc/ib-firstboot.conf", conf); }

FakeVm& FakeVm::kvp(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string pool;
  for (auto [key, value] : records) {
    key.resize(512);
    value.resize(2048);
    pool += key + value;
  }
  return write("/var/lib/hyperv/.kvp_pool_0", pool);
}

FakeVm FakeVm::ready() {
  FakeVm vm;
  vm.azure().release("ubuntu", "20.04");
  vm.baked("OFED=5.5-1.0.3.2\nMODULE=mlx5_core\nMODULE_VERSION=5.5-1.0.3\nWAIT=60\n");
  vm.write("/sys/module/mlx5_core/version", "5.5-1.0.3\n");
  return vm;
}

nlohmann::json FakeVm::status() const { return nlohmann::json::parse(read("/var/lib/ib-firstboot/status/0.status")); }

std::string FakeVm::log_line(const std::string& check) const {
  const std::string log = read("/var/log/azure/ib-vmext-status");
  const std::size_t start = log.rfind("Z " + check + " ");
  if (start == std::string::npos) return "";
  return log.substr(start + 2, log.find('\n', start) - start - 2);
}

Outcome FakeVm::run(const std::string& imds, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{program(), "--root", root_->path().string(), "--imds", imds};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto result = bake::run_program(arguments);
  return {result.status, result.out, result.err};
}

void print_row(const std::string& name, const Outcome& outcome) {
  const auto verdict = outcome.out.substr(outcome.out.find(": ", outcome.out.find(": exit") + 1) + 2);
  std::cout << "| " << std::left << std::setw(45) << name << " | " << std::right << std::setw(2) << outcome.exit
            << " | " << verdict.substr(0, verdict.find('\n')) << '\n';
}

std::string instance_data(const std::string& size) {
  return nlohmann::json{{"base64_encoded_keys", nlohmann::json::array()},
                        {"ds", {{"meta_data", {{"imds", {{"compute", {{"vmSize", size}, {"vmId", "8d4c1f2e"}}}}}}}}}}
      .dump(1);
}

std::string program() { return IB_FIRSTBOOT_PROGRAM; }

}  // namespace firstboot_test
