#include "bake/apply/boot_entry.hpp"

#include <fmt/format.h>
#include <optional>

#include "bake/apply/guest_files.hpp"
#include "bake/base/text.hpp"
#include "bake/boot/bls.hpp"
#include "bake/guest/path.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

constexpr const char* entries = "/boot/loader/entries";
constexpr const char* grub_environment = "/boot/grub2/grubenv";

/// An entry of a kernel: the name of its file without .conf, and its text.
struct Entry {
  std::string name;
  std::string text;
};

/// Returns the entry of a kernel. One file of several is the kernel's own: grubby writes others for the same kernel
/// ("MACHINE-RELEASE.0~custom.conf"), with other arguments.
std::optional<Entry> find_entry(const std::string& release, guest::Guest& guest) {
  constexpr std::string_view suffix = ".conf";
  std::optional<Entry> found;
  for (const auto& file : guest.list(entries)) {
    if (!file.ends_with(suffix)) continue;
    Entry entry{file.substr(0, file.size() - suffix.size()), guest.read(guest::join_path(entries, file)).value_or("")};
    const auto linux_image = guest::parse_bls_entry(entry.name, entry.text).value("linux").value_or("");
    if (guest::base_name_of(linux_image) != "vmlinuz-" + release) continue;
    if (entry.name.ends_with("-" + release)) return entry;
    if (!found) found = std::move(entry);
  }
  return found;
}

Error no_entry(const std::string& release, const std::string& kernel) {
  return {ErrorKind::incompatible,
          fmt::format("making {} the default: no entry in {} boots {}", release, entries, kernel),
          "make the kernel the default in the base image (grubby --set-default)"};
}

/// The packages of a kernel keep these files next to its modules.
void copy_boot_files(const std::string& release, guest::Guest& guest) {
  guest::run(guest, fmt::format("copying the files of {} to /boot", release),
             fmt::format("set -e\n"
                         "kernel={}\n"
                         "cd /lib/modules/$kernel\n"
                         "cp -p vmlinuz /boot/vmlinuz-$kernel\n"
                         "for f in System.map config; do [ ! -e $f ] || cp -p $f /boot/$f-$kernel; done\n"
                         "for f in symvers.?z; do [ ! -e $f ] || cp -p $f /boot/symvers-$kernel.${{f#symvers.}}; done\n"
                         "[ ! -e .vmlinuz.hmac ] || cp -p .vmlinuz.hmac /boot/.vmlinuz-$kernel.hmac\n",
                         shell_quote(release)));
}

Entry copy_entry(const std::string& release, const std::string& previous, guest::Guest& guest) {
  auto entry = find_entry(previous, guest);
  if (!entry) throw no_entry(release, previous);
  entry->text = replace_all(std::move(entry->text), previous, release);
  const auto name = replace_all(entry->name, previous, release);
  entry->name = name != entry->name ? name : entry->name + "-" + release;
  write_own_file(guest, fmt::format("{}/{}.conf", entries, entry->name), entry->text);
  return *entry;
}

/// Sets saved_entry in /boot/grub2/grubenv and in the environment blocks next to the menus for EFI, which EL8 has
/// there.
void set_saved_entry(const DefaultEntry& wanted, const std::string& name, guest::Guest& guest) {
  guest::run(
      guest, fmt::format("making {} the default of GRUB", wanted.release),
      fmt::format("set -e\n"
                  "entry={0}\n"
                  "if {1} && [ -L {2} ] && [ -e {2} ]; then cp --remove-destination \"$(readlink -f {2})\" {2}; fi\n"
                  "grub2-editenv {2} set saved_entry=$entry\n"
                  "for block in /boot/efi/EFI/*/grubenv; do\n"
                  "  [ ! -e $block ] || grub2-editenv $block set saved_entry=$entry\n"
                  "done\n",
                  shell_quote(name), wanted.bios ? "true" : "false", grub_environment));
}

}  // namespace

void set_default_entry(const DefaultEntry& wanted, guest::Guest& guest) {
  if (wanted.installed) copy_boot_files(wanted.release, guest);
  auto entry = find_entry(wanted.release, guest);
  if (!entry && !wanted.installed) throw no_entry(wanted.release, wanted.release);
  if (!entry) entry = copy_entry(wanted.release, wanted.previous, guest);
  set_saved_entry(wanted, entry->name, guest);
}

}  // namespace bake::apply
