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

std::optional<Entry> find_entry(const std::string& release, guest::Guest& guest) {
  constexpr std::string_view suffix = ".conf";
  for (const auto& file : guest.list(entries)) {
    if (!file.ends_with(suffix)) continue;
    Entry entry{file.substr(0, file.size() - suffix.size()), guest.read(guest::join_path(entries, file)).value_or("")};
    const auto linux_image = guest::parse_bls_entry(entry.name, entry.text).value("linux").value_or("");
    if (guest::base_name_of(linux_image) == "vmlinuz-" + release) return entry;
  }
  return std::nullopt;
}

Error no_entry(const std::string& release, const std::string& kernel) {
  return {ErrorKind::failed, fmt::format("making {} the default: no entry in {} boots {}", release, entries, kernel),
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
                         "[ ! -e symvers.gz ] || cp -p symvers.gz /boot/symvers-$kernel.gz\n"
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

}  // namespace

void set_default_entry(const std::string& release, const std::string& previous, bool installed, guest::Guest& guest) {
  if (installed) copy_boot_files(release, guest);
  auto entry = find_entry(release, guest);
  if (!entry && !installed) throw no_entry(release, release);
  if (!entry) entry = copy_entry(release, previous, guest);
  guest::run(guest, fmt::format("making {} the default of GRUB", release),
             fmt::format("grub2-editenv {} set saved_entry={}\n", grub_environment, shell_quote(entry->name)));
}

}  // namespace bake::apply
