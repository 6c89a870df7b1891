#include "bake/guest/disk_content.hpp"

#include <fmt/format.h>
#include <map>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

/// GPT and MBR types of an EFI system partition, as blkid prints them.
constexpr std::string_view gpt_esp = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
constexpr std::string_view mbr_esp = "0xef";
/// The type of a BIOS boot partition, where GRUB puts its core on a GPT disk (GNU GRUB manual, "BIOS installation").
constexpr std::string_view gpt_bios_boot = "21686148-6449-6e6f-744e-656564454649";
constexpr std::string_view mapper = "/dev/mapper/";
constexpr std::string_view by_label = "/dev/disk/guestfs/";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// blkid writes unsafe characters as \\x20, and characters of the shell as \\$.
std::string unescape(std::string_view value) {
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 >= value.size()) {
      plain += value[i];
    } else if (value[i + 1] == 'x' && i + 3 < value.size() && hex_value(value[i + 2]) >= 0 &&
               hex_value(value[i + 3]) >= 0) {
      plain += static_cast<char>(hex_value(value[i + 2]) * 16 + hex_value(value[i + 3]));
      i += 3;
    } else {
      plain += value[++i];
    }
  }
  return plain;
}

/// /dev/disk/guestfs/system2 → /dev/sda2
std::string api_name(std::string_view device) {
  const auto drive = std::string(by_label) + system_drive_label;
  if (device.starts_with(drive)) return "/dev/sda" + std::string(device.substr(drive.size()));
  return logical_volume_of(device);
}

void add_device(std::map<std::string, std::string>& tags, DiskContent& content) {
  FileSystem found;
  found.device = api_name(tags["DEVNAME"]);
  found.type = tags["TYPE"];
  found.uuid = tags["UUID"];
  found.label = tags["LABEL"];
  found.part_uuid = tags["PART_ENTRY_UUID"];
  found.part_label = tags["PART_ENTRY_NAME"];
  const auto& part_type = tags["PART_ENTRY_TYPE"];
  content.efi = content.efi || part_type == gpt_esp || part_type == mbr_esp;
  content.bios_boot = content.bios_boot || part_type == gpt_bios_boot;
  content.lvm = content.lvm || found.type == "LVM2_member";
  if (found.device == "/dev/sda" && !tags["PTTYPE"].empty())
    content.partition_table = tags["PTTYPE"] == "dos" ? "msdos" : tags["PTTYPE"];
  if (!found.device.empty() && !found.type.empty()) content.file_systems.push_back(std::move(found));
  tags.clear();
}

}  // namespace

std::string probe_command() {
  // Low-level probing (-p) reads the disks, not a cache, and tells partition types. It ends with an error when one of
  // the devices is empty; this is expected here.
  return fmt::format(
      "udevadm settle; set --; for d in {0}{1} {0}{1}[0-9]* /dev/mapper/*; do [ -b $d ] && set -- \"$@\" $d; done; "
      "blkid -p -o export \"$@\" 2>/dev/null; true",
      by_label, system_drive_label);
}

DiskContent parse_blkid(std::string_view text) {
  DiskContent content;
  std::map<std::string, std::string> tags;
  for (const auto line : each_line(text)) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string name(line.substr(0, equals));
    if (name == "DEVNAME") add_device(tags, content);
    tags[name] = unescape(line.substr(equals + 1));
  }
  add_device(tags, content);
  return content;
}

std::string logical_volume_of(std::string_view mapper_path) {
  if (!mapper_path.starts_with(mapper)) return std::string(mapper_path);
  std::string device = "/dev/";
  for (auto name = mapper_path.substr(mapper.size()); !name.empty(); name.remove_prefix(1)) {
    const bool doubled = name.starts_with("--");
    if (doubled) name.remove_prefix(1);
    device += name.front() == '-' && !doubled ? '/' : name.front();
  }
  return device;
}

}  // namespace bake::guest
