#include "bake/commands/kvm_probe.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

constexpr std::size_t sector_size = 512;
constexpr unsigned char exit_value = 0x10;
/// qemu ends with (value << 1) | 1 when the guest writes a value to the port of isa-debug-exit (qemu,
/// hw/misc/debugexit.c).
constexpr int exit_status = (exit_value << 1) | 1;

/// The boot sector: writes exit_value to port 0xf4, and halts where nothing listens there.
std::string boot_sector() {
  constexpr std::array<unsigned char, 8> code{0xB0, exit_value,  // mov al, exit_value
                                              0xE6, 0xF4,        // out 0xf4, al
                                              0xFA,              // cli
                                              0xF4,              // hlt
                                              0xEB, 0xFD};       // jmp hlt
  std::string sector(sector_size, '\0');
  std::memcpy(sector.data(), code.data(), code.size());
  sector[sector_size - 2] = '\x55';
  sector[sector_size - 1] = '\xAA';
  return sector;
}

std::string first_line(const std::string& text) {
  const auto lines = split_lines(trim(text));
  return lines.empty() ? std::string() : lines.front();
}

KvmProbe run_guest(const std::string& qemu, std::chrono::milliseconds limit) {
  // A file in memory, because the directory for temporary files may be one of the problems of this machine.
  const FileDescriptor disk(::memfd_create("bake-kvm-probe", MFD_CLOEXEC));
  if (!disk.valid()) return {KvmProbe::State::not_tried, std::strerror(errno)};
  const auto sector = boot_sector();
  write_all(disk, std::as_bytes(std::span(sector)), "boot sector");
  const auto result =
      run_program_for({qemu, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", "-accel", "kvm",
                       "-m", "32", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-drive",
                       fmt::format("file=/proc/{}/fd/{},format=raw,if=ide", ::getpid(), disk.get())},
                      limit);
  if (!result) return {KvmProbe::State::hangs};
  if (result->status == exit_status) return {KvmProbe::State::works};
  const auto message = first_line(result->err);
  return {KvmProbe::State::fails, message.empty() ? fmt::format("qemu ends with {}", result->status) : message};
}

}  // namespace

std::optional<std::string> find_qemu() {
  for (const auto* name : {"qemu-system-x86_64", "qemu-kvm"})
    if (const auto path = find_program(name)) return path;
  const std::string rhel = "/usr/libexec/qemu-kvm";
  return ::access(rhel.c_str(), X_OK) == 0 ? std::optional(rhel) : std::nullopt;
}

KvmProbe probe_kvm(const std::filesystem::path& device, std::chrono::milliseconds limit) {
  const FileDescriptor opened(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  const int error = errno;
  if (!opened.valid()) {
    if (error == ENOENT) return {KvmProbe::State::missing};
    if (error == EACCES || error == EPERM) return {KvmProbe::State::no_permission};
    return {KvmProbe::State::fails, std::strerror(error)};
  }
  const auto qemu = find_qemu();
  return qemu ? run_guest(*qemu, limit) : KvmProbe{KvmProbe::State::not_tried, "qemu is missing"};
}

}  // namespace bake::cli
