// grub.cfg, grubenv and the entries of the Boot Loader Specification come from the guest: hostile input. A line "==
// PATH" begins each file; text before the first is /boot/grub/grub.cfg.
#include <cstdint>
#include <string>
#include <string_view>

#include "bake/base/text.hpp"
#include "bake/boot/boot_default.hpp"
#include "bake/guest/memory.hpp"
#include "bake/inspect/kernels.hpp"

namespace {

constexpr std::string_view marker = "== ";

bool is_plain_path(std::string_view path) {
  return path.starts_with("/boot/") && path.size() < 200 && !path.ends_with('/') && path.find("//") == path.npos &&
         path.find("/.") == path.npos && path.find('\0') == path.npos;
}

void add(bake::guest::MemoryGuest& guest, const std::string& path, const std::string& content) {
  // A file in the place of a directory, or the other way round, is not what is tested here.
  for (auto parent = path; parent != "/boot"; parent = parent.substr(0, parent.rfind('/')))
    if (const auto found = guest.stat(parent);
        found && (parent == path || found->type != bake::guest::FileType::directory))
      return;
  guest.with_file(path, content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bake::guest::MemoryGuest guest;
  for (const std::string release : {"4.18.0-240.15.1.el8_3.x86_64", "4.18.0-240.1.1.el8_3.x86_64", "5.4.0-1010-azure"})
    guest.with_directory("/lib/modules/" + release).with_file("/boot/vmlinuz-" + release);
  std::string path = "/boot/grub/grub.cfg";
  std::string content;
  for (const auto& line : bake::split(std::string_view(reinterpret_cast<const char*>(data), size), '\n')) {
    if (line.starts_with(marker) && is_plain_path(std::string_view(line).substr(marker.size()))) {
      add(guest, path, content);
      path = line.substr(marker.size());
      content.clear();
    } else {
      content += line + "\n";
    }
  }
  add(guest, path, content);
  bake::guest::find_boot_default(guest, bake::guest::find_kernels(guest));
  return 0;
}
