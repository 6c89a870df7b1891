#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/plan.hpp"
#include "bake/resolve/json.hpp"

namespace bake::plan {
namespace {

using Json = nlohmann::ordered_json;
using resolve::PackageChange;

std::string_view word(Relabel relabel) {
  switch (relabel) {
    case Relabel::none:
      return "none";
    case Relabel::setfiles:
      return "setfiles";
    case Relabel::autorelabel:
      return "autorelabel";
  }
  return "";
}

Json to_json(const SpaceNeed& need) {
  return {{"mount_point", need.mount_point}, {"needed", need.needed}, {"free", need.free}};
}

Json to_json(const Removal& removal) { return {{"what", removal.what}, {"paths", removal.paths}}; }

Json to_json(const Refusal& refusal) {
  return {{"kind", name_of(refusal.kind)},
          {"where", refusal.problem.where},
          {"message", refusal.problem.message},
          {"hint", refusal.problem.hint}};
}

/// Returns an array with to_json() of each object.
template <typename Object>
Json list_to_json(const std::vector<Object>& objects) {
  auto list = Json::array();
  for (const auto& object : objects) list.push_back(to_json(object));
  return list;
}

std::string text_of(const PackageChange& change) {
  std::string line = fmt::format("  {:7}  {}", word(change.action), change.name);
  if (change.action == PackageChange::Action::upgrade)
    line += fmt::format("  {} -> {}", change.old_version, change.version);
  else
    line += "  " + change.version;
  if (change.is_extra()) line += "  (extra package)";
  if (change.kernel_bundle) line += "  (doca-kernel-repo)";
  return change.reason.empty() ? line : line + "  [" + change.reason + "]";
}

/// Returns "what: path, path"; of many paths the first ones and the number of the others.
std::string text_of(const Removal& removal) {
  constexpr std::size_t max_shown = 5;
  if (removal.paths.empty()) return removal.what;
  auto shown = removal.paths;
  if (shown.size() > max_shown) shown.resize(max_shown);
  const auto others = removal.paths.size() - shown.size();
  return fmt::format("{}: {}{}", printable(removal.what), printable(join(shown, ", ")),
                     others == 0 ? "" : fmt::format(" and {} more", others));
}

std::string initramfs_action(const Plan& plan) {
  if (!plan.rebuild_initramfs) return "keep";
  if (!plan.edits_initramfs()) return "rebuild";
  std::vector<std::string> parts;
  if (!plan.initramfs_leaves_out.empty())
    parts.push_back(fmt::format("leave {} out of", counted_modules(plan.initramfs_leaves_out.size())));
  if (!plan.initramfs_adds.empty()) parts.push_back(fmt::format("add {} to", join(plan.initramfs_adds, ", ")));
  return join(parts, " and ");
}

void add_kernel_change(const KernelPlan& kernel, std::string& out) {
  out += fmt::format("kernel packages ({} changes)\n", kernel.changes.size());
  for (const auto& change : kernel.changes) out += text_of(change) + "\n";
  if (!kernel.deferred.empty()) out += fmt::format("  while they change, {} do nothing\n", join(kernel.deferred, ", "));
  out += fmt::format("  {} becomes the default; {} stays in the menu\n", kernel.release,
                     kernel.previous.empty() ? "the old one" : kernel.previous);
}

Json to_json(const KernelPlan& kernel) {
  return {{"previous", kernel.previous}, {"changes", list_to_json(kernel.changes)}, {"deferred", kernel.deferred}};
}

void add_customization(const Customization& customization, std::string& out) {
  out += "customize\n";
  for (const auto& file : customization.files)
    out += fmt::format("  {}  {:04o} {}:{}  sha256 {}\n", file.path, file.mode, file.uid, file.gid,
                       file.sha256.substr(0, 12));
  for (const auto& line : customization.lines) out += fmt::format("  {}  gets a line\n", line.path);
  for (const auto& user : customization.users)
    out += fmt::format("  user {}  {}{}, locked{}\n", user.name, user.shell,
                       user.groups.empty() ? "" : ", groups " + join(user.groups, ", "),
                       user.authorized_keys.empty() ? "" : ", with keys");
  if (!customization.mask.empty()) out += fmt::format("  mask {}\n", join(customization.mask, ", "));
  for (const auto& script : customization.run)
    out += fmt::format("  run {} in the guest  sha256 {}\n", script.name, script.sha256.substr(0, 12));
}

void add_configuration(const Plan& plan, std::string& out) {
  out += "configure\n";
  const auto line = [&out](const std::string& text) { out += "  " + text + "\n"; };
  if (!plan.enable_services.empty()) line("enable " + join(plan.enable_services, ", "));
  if (!plan.disable_services.empty()) line("disable " + join(plan.disable_services, ", "));
  if (!plan.hold.empty())
    line(fmt::format("hold {} ({})", join(plan.hold.packages, " "),
                     plan.hold.configs.empty() ? "apt" : join(plan.hold.configs, ", ")));
  if (!plan.deferred.empty()) line(fmt::format("while packages change, {} do nothing", join(plan.deferred, ", ")));
  line(fmt::format("depmod for {}", plan.kernel()));
  if (!plan.initramfs.empty())
    line(fmt::format("{} {}: {}", initramfs_action(plan), plan.initramfs, plan.initramfs_reason));
  if (!plan.network.replaced.empty()) line("remove " + join(plan.network.replaced, ", "));
  if (plan.relabel == Relabel::setfiles)
    line(fmt::format("set the SELinux labels of {}, or with {} if it fails",
                     plan.reset_labels ? "all files with setfiles -F, also those of customized types"
                                       : "changed and unlabelled files with setfiles",
                     path::autorelabel));
  if (!plan.customization.empty()) add_customization(plan.customization, out);
  if (plan.secure_boot) {
    out += "secure boot\n";
    for (const auto& text : to_lines(*plan.secure_boot)) line(text);
  }
  if (plan.generalize) out += "generalize (removes)\n";
  for (const auto& removal : plan.removal.removals) line(text_of(removal));
  out += "files\n";
  for (const auto& file : files_of(plan)) line(file.path + "  " + file.what);
}

}  // namespace

Json to_json(const Outcome& outcome) {
  const auto& plan = outcome.plan;
  auto files = Json::object();
  for (const auto& file : files_of(plan)) files[file.path] = file.what;
  Json kernel{{"release", plan.kernel()}, {"decided_by", plan.default_kernel_how}};
  if (plan.kernel_change) kernel["change"] = to_json(*plan.kernel_change);
  Json fit = to_json(plan.fit);
  if (plan.built_modules)
    fit["built_modules"] = {{"name", plan.built_modules->name}, {"sha256", plan.built_modules->id}};
  Json document{{"recipe", plan.recipe},
                {"works", outcome.ok()},
                {"os", {{"id", plan.os.id}, {"version", plan.os.version}}},
                {"arch", plan.arch},
                {"vm_sizes", plan.vm_sizes},
                {"ofed", plan.ofed},
                {"bundle", plan.bundle ? to_json(*plan.bundle) : Json()},
                {"profile", plan.profile},
                {"wanted", plan.wanted},
                {"kernel", kernel},
                {"fit", fit},
                {"changes", list_to_json(plan.changes)},
                {"configure",
                 {{"deferred", plan.deferred},
                  {"enable_services", plan.enable_services},
                  {"disable_services", plan.disable_services},
                  {"enable_rdma", plan.enable_rdma},
                  {"hold", plan.hold.packages},
                  {"memlock_unlimited", plan.memlock_unlimited},
                  {"network_config", plan.network.file},
                  {"initramfs", plan.rebuild_initramfs ? plan.initramfs : ""},
                  {"initramfs_reason", plan.initramfs_reason},
                  {"initramfs_leaves_out", plan.initramfs_leaves_out},
                  {"initramfs_adds", plan.initramfs_adds},
                  {"selinux_labels", fmt::format("{}{}", word(plan.relabel), plan.reset_labels ? " -F" : "")},
                  {"generalize", plan.generalize},
                  {"removals", list_to_json(plan.removal.removals)},
                  {"files", files}}},
                {"space", list_to_json(plan.space)},
                {"warnings", plan.warnings},
                {"refusals", list_to_json(outcome.refusals)}};
  if (!plan.customization.empty()) document["customize"] = to_json(plan.customization);
  if (plan.secure_boot) document["secure_boot"] = to_json(*plan.secure_boot);
  return document;
}

std::string to_text(const Outcome& outcome) {
  const auto& plan = outcome.plan;
  std::string out =
      fmt::format("recipe   {}\nsystem   {} {} ({})\nsizes    {}\ndriver   {}\n", plan.recipe, plan.os.id,
                  plan.os.version, plan.arch, join(plan.vm_sizes, ", "),
                  plan.bundle ? fmt::format("{} ({})", plan.bundle->name, plan.bundle->repository) : plan.ofed);
  out += fmt::format("kernel   {} ({})\nfit      {}: {}\n", plan.kernel(), plan.default_kernel_how, word(plan.fit.kind),
                     plan.fit.explanation);
  if (plan.built_modules) out += fmt::format("modules  {}: compiled before, not again\n", plan.built_modules->name);
  if (plan.kernel_change) add_kernel_change(*plan.kernel_change, out);
  out += fmt::format("packages ({} changes, profile {})\n", plan.changes.size(), plan.profile);
  for (const auto& change : plan.changes) out += text_of(change) + "\n";
  add_configuration(plan, out);
  for (const auto& need : plan.space)
    out += fmt::format("space    {}: {} needed, {} free\n", need.mount_point, human_size(need.needed),
                       human_size(need.free));
  for (const auto& warning : plan.warnings) out += fmt::format("warning  {}\n", warning);
  return out;
}

}  // namespace bake::plan
