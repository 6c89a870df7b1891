#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/plan.hpp"

namespace bake::plan {
namespace {

using Json = nlohmann::ordered_json;
using resolve::PackageChange;

std::string_view word(PackageChange::Action action) {
  switch (action) {
    case PackageChange::Action::install:
      return "install";
    case PackageChange::Action::upgrade:
      return "upgrade";
    case PackageChange::Action::remove:
      return "remove";
  }
  return "";
}

std::string_view word(resolve::FitKind kind) {
  switch (kind) {
    case resolve::FitKind::inbox:
      return "inbox";
    case resolve::FitKind::built_for:
      return "built for this kernel";
    case resolve::FitKind::weak_updates:
      return "weak-updates";
    case resolve::FitKind::needs_build:
      return "needs build";
    case resolve::FitKind::user_space_only:
      return "user space only";
    case resolve::FitKind::refused:
      return "refused";
  }
  return "";
}

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

Json json_of(const PackageChange& change) {
  Json json{{"action", word(change.action)}, {"name", change.name}, {"version", change.version}, {"arch", change.arch}};
  if (!change.old_version.empty()) json["old_version"] = change.old_version;
  if (!change.file.empty()) json["file"] = change.file;
  if (change.payload != 0) json["from"] = "extra packages";
  json["reason"] = change.reason;
  return json;
}

Json json_of(const resolve::KernelFit& fit) {
  return {{"verdict", word(fit.kind)},      {"kernel", fit.kernel},   {"built_for", fit.built_kernel},
          {"explanation", fit.explanation}, {"reasons", fit.reasons}, {"remedy", fit.remedy}};
}

std::string text_of(const PackageChange& change) {
  std::string line = fmt::format("  {:7}  {}", word(change.action), change.name);
  if (change.action == PackageChange::Action::upgrade)
    line += fmt::format("  {} -> {}", change.old_version, change.version);
  else
    line += "  " + change.version;
  if (change.payload != 0) line += "  (extra package)";
  return change.reason.empty() ? line : line + "  [" + change.reason + "]";
}

void add_configuration(const Plan& plan, std::string& out) {
  out += "configure\n";
  const auto line = [&out](const std::string& text) { out += "  " + text + "\n"; };
  if (!plan.enable_services.empty()) line("enable " + join(plan.enable_services, ", "));
  if (!plan.disable_services.empty()) line("disable " + join(plan.disable_services, ", "));
  if (!plan.hold.empty())
    line(fmt::format("hold {} ({})", join(plan.hold.packages, " "),
                     plan.hold.configs.empty() ? "apt" : join(plan.hold.configs, ", ")));
  line(fmt::format("depmod{} for {}", plan.rebuild_initramfs ? " and initramfs" : "", plan.kernel()));
  if (plan.relabel == Relabel::setfiles)
    line(fmt::format("SELinux labels by setfiles, or {} if it fails", path::autorelabel));
  if (plan.generalize) line("generalize: machine-id, host keys, logs, cloud-init state, shell history");
  out += "files\n";
  for (const auto& file : files_of(plan)) line(file.path + "  " + file.what);
}

}  // namespace

Json to_json(const Outcome& outcome) {
  const auto& plan = outcome.plan;
  auto changes = Json::array();
  for (const auto& change : plan.changes) changes.push_back(json_of(change));
  auto files = Json::object();
  for (const auto& file : files_of(plan)) files[file.path] = file.what;
  auto space = Json::array();
  for (const auto& need : plan.space)
    space.push_back({{"mount_point", need.mount_point}, {"needed", need.needed}, {"free", need.free}});
  auto refusals = Json::array();
  for (const auto& refusal : outcome.refusals)
    refusals.push_back({{"kind", name_of(refusal.kind)},
                        {"where", refusal.problem.where},
                        {"message", refusal.problem.message},
                        {"hint", refusal.problem.hint}});
  Json bundle;
  if (plan.bundle)
    bundle = {{"name", plan.bundle->name}, {"sha256", plan.bundle->id}, {"repository", plan.bundle->repository}};
  return {{"recipe", plan.recipe},
          {"works", outcome.ok()},
          {"os", {{"id", plan.os.id}, {"version", plan.os.version}}},
          {"arch", plan.arch},
          {"vm_sizes", plan.vm_sizes},
          {"ofed", plan.ofed},
          {"bundle", bundle},
          {"profile", plan.profile},
          {"wanted", plan.wanted},
          {"kernel", {{"release", plan.kernel()}, {"decided_by", plan.default_kernel_how}}},
          {"fit", json_of(plan.fit)},
          {"changes", changes},
          {"configure",
           {{"enable_services", plan.enable_services},
            {"disable_services", plan.disable_services},
            {"enable_rdma", plan.enable_rdma},
            {"hold", plan.hold.packages},
            {"memlock_unlimited", plan.memlock_unlimited},
            {"initramfs", plan.rebuild_initramfs ? plan.initramfs : ""},
            {"selinux_labels", word(plan.relabel)},
            {"generalize", plan.generalize},
            {"files", files}}},
          {"space", space},
          {"warnings", plan.warnings},
          {"refusals", refusals}};
}

std::string to_text(const Outcome& outcome) {
  const auto& plan = outcome.plan;
  std::string out =
      fmt::format("recipe   {}\nsystem   {} {} ({})\nsizes    {}\ndriver   {}\n", plan.recipe, plan.os.id,
                  plan.os.version, plan.arch, join(plan.vm_sizes, ", "),
                  plan.bundle ? fmt::format("{} ({})", plan.bundle->name, plan.bundle->repository) : plan.ofed);
  out += fmt::format("kernel   {} ({})\nfit      {}: {}\n", plan.kernel(), plan.default_kernel_how, word(plan.fit.kind),
                     plan.fit.explanation);
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
