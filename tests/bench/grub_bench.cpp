// How long it takes to evaluate the script of grub.cfg.
#include <benchmark/benchmark.h>

#include "bake/base/file.hpp"
#include "bake/boot/grub_run.hpp"
#include "bake/boot/grub_script.hpp"
#include "bake/guest/memory.hpp"
#include "tests/bench/samples.hpp"
#include "tests/support/boot.hpp"

namespace bake::guest {
namespace {

using testing::require;

constexpr const char* config = "/boot/grub2/grub.cfg";

/// The part of a grub.cfg of EL7 before its entries.
std::string_view head() {
  const std::string_view whole = testing::centos7_grub_cfg;
  return whole.substr(0, whole.find("menuentry '"));
}

/// An entry as grub2-mkconfig of EL7 writes it.
std::string entry(std::int64_t number) {
  return fmt::format(
      R"(menuentry 'CentOS Linux (3.10.0-{0}.el7.x86_64) 7 (Core)' --class centos --class gnu $menuentry_id_option 'kernel-{0}' {{
	load_video
	set gfxpayload=keep
	insmod gzio
	insmod part_msdos
	insmod xfs
	set root='hd0,msdos1'
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint='hd0,msdos1'  df85811f-c779-4442-b6de-17c23a687fa1
	else
	  search --no-floppy --fs-uuid --set=root df85811f-c779-4442-b6de-17c23a687fa1
	fi
	linux16 /boot/vmlinuz-3.10.0-{0}.el7.x86_64 root=/dev/sda1 ro console=ttyS0 earlyprintk=ttyS0
	initrd16 /boot/initramfs-3.10.0-{0}.el7.x86_64.img
}}
)",
      number);
}

std::string script(std::int64_t entries) {
  std::string text(head());
  for (std::int64_t i = 0; i < entries; ++i) text += entry(i);
  return text;
}

/// An environment block that names the last of `entries` as the default.
std::string environment(std::int64_t entries) {
  auto text = fmt::format("# GRUB Environment Block\nsaved_entry=kernel-{}\n", entries - 1);
  text.resize(1024, '#');
  return text;
}

void count(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void parse_script(benchmark::State& state) {
  const auto text = script(state.range(0));
  for (auto _ : state) require(parse_grub_script(text).error.empty(), "the script is damaged");
  count(state, text.size());
}
BENCHMARK(parse_script)->Arg(10)->Arg(500)->Unit(benchmark::kMicrosecond);

/// Evaluates `path` of `guest` to the kernel that boots. The files are read once, before: a guest in memory is not
/// measured.
void run_script(benchmark::State& state, MemoryGuest& guest, const std::string& path, const std::string& image) {
  GuestGrubDisk disk(guest, {});
  GrubStart start;
  std::tie(start.device, start.config) = disk.place_of(path);
  for (auto _ : state) {
    const auto boot = run_grub(disk, start, [](const std::string&) { return true; });
    require(boot.image.ends_with(image), fmt::format("'{}' boots instead of '{}'", boot.image, image));
  }
  count(state, guest.read(path)->size());
}

void run_generated_script(benchmark::State& state) {
  MemoryGuest guest;
  guest.with_file(config, script(state.range(0))).with_file("/boot/grub2/grubenv", environment(state.range(0)));
  run_script(state, guest, config, fmt::format("vmlinuz-3.10.0-{}.el7.x86_64", state.range(0) - 1));
}
BENCHMARK(run_generated_script)->Arg(10)->Arg(500)->Unit(benchmark::kMicrosecond);

void run_genuine_script(benchmark::State& state) {
  const auto file = testing::genuine_data("genuine-boot") / "ubuntu16.04-many-kernels/boot/grub/grub.cfg";
  if (testing::skip_without(state, file)) return;
  MemoryGuest guest;
  guest.with_file("/boot/grub/grub.cfg", read_text(file));
  run_script(state, guest, "/boot/grub/grub.cfg", "vmlinuz-4.4.0-93-generic");
}
BENCHMARK(run_genuine_script)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bake::guest
