#include "bake/job/inspect.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sstream>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/guest/facts_json.hpp"

namespace bake::cli {
namespace {

std::string describe(const guest::Kernel& kernel, const guest::Facts& facts) {
  std::string text = kernel.release;
  if (kernel.release == facts.default_kernel) text += fmt::format("  (boots by default: {})", facts.default_kernel_how);
  if (!kernel.builtin_rdma.empty()) text += fmt::format("  [built in: {}]", join(kernel.builtin_rdma, ", "));
  return text;
}

std::string describe(const SourceDisk& source, const guest::Facts& facts) {
  std::ostringstream out;
  out << fmt::format("disk      {}, {}\nsystem    {} {} ({}), {}\n", name_of(source.format),
                     human_size(source.data_size), facts.os.id, facts.os.version, facts.os.pretty_name, facts.arch);
  for (const auto& kernel : facts.kernels) out << fmt::format("kernel    {}\n", describe(kernel, facts));
  if (facts.default_kernel.empty()) out << fmt::format("boot      {}\n", facts.default_kernel_how);
  for (const auto& warning : facts.default_kernel_warnings) out << fmt::format("boot      {}\n", warning);
  out << fmt::format("packages  {} ({})\n", facts.packages.packages.size(), facts.packages.format);
  for (const auto& line : split_lines(facts.packages.trouble)) out << fmt::format("packages  {}\n", line);
  out << fmt::format("SELinux   {}\nagent     {}\n", facts.selinux.mode,
                     facts.waagent ? fmt::format("waagent {}, OS.EnableRDMA={}", facts.waagent->version,
                                                 facts.waagent->enable_rdma ? "y" : "n")
                                   : "none");
  out << fmt::format("layout    {}{}{}\n", facts.layout.partition_table, facts.layout.lvm ? ", LVM" : "",
                     facts.layout.efi ? ", EFI" : "");
  for (const auto& mount : facts.layout.mounts)
    out << fmt::format("  {:<12} {:<5} {:>10} free of {:<10} {}\n", mount.mount_point, mount.type,
                       human_size(mount.free), human_size(mount.size), mount.device);
  return out.str();
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("inspect", "show facts about a disk: system, kernels, packages, agent, layout");
  auto disk = std::make_shared<std::filesystem::path>();
  command->add_option("disk", *disk, "a fixed VHD, raw, dynamic VHD, VHDX or qcow2 disk")->required();
  command->callback([disk, &context] {
    RealEnvironment environment(context);
    const auto source = probe_source(*disk);
    const auto facts = job::inspect_disk(source, environment.get());
    if (context.json)
      context.print(guest::to_json(facts));
    else
      context.out << without_controls(describe(source, facts));
  });
}

}  // namespace bake::cli
