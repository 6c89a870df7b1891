#include "bake/plan/customize.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using Json = nlohmann::ordered_json;

std::string state_of(const ImageFile& file) {
  return fmt::format("{:04o} {}:{} {}", file.mode, file.uid, file.gid, file.sha256);
}

std::string sysctl_text(const std::map<std::string, std::string>& settings) {
  std::string text = "# Written by bake: customize.sysctl of the recipe\n";
  for (const auto& [key, value] : settings) text += fmt::format("{} = {}\n", key, value);
  return text;
}

/// The unit runs all scripts once, in the order of their names, after the network and cloud-init. A script that fails
/// ends it, and it runs again at the next boot.
std::string first_boot_unit() {
  return fmt::format(
      "# Written by bake: customize.first_boot of the recipe\n"
      "[Unit]\n"
      "Description=Scripts of the image that run once\n"
      "ConditionPathExists=!/var/lib/bake/first-boot-done\n"
      "Wants=network-online.target\n"
      "After=network-online.target cloud-final.service\n\n"
      "[Service]\n"
      "Type=oneshot\n"
      "TimeoutStartSec=infinity\n"
      "ExecStart=/bin/sh -c 'set -e; for script in {0}/*; do \"$script\"; done; mkdir -p /var/lib/bake; "
      "touch /var/lib/bake/first-boot-done'\n\n"
      "[Install]\n"
      "WantedBy=multi-user.target\n",
      first_boot_scripts);
}

void add(std::vector<std::string>& into, const std::vector<std::string>& more) {
  into.insert(into.end(), more.begin(), more.end());
}

}  // namespace

CustomizedState expected_state(const Customization& customization) {
  CustomizedState state;
  for (const auto& file : customization.files) state.files[file.path] = state_of(file);
  for (const auto& line : customization.lines) state.lines[line.path].push_back(digest_of(line.line));
  for (const auto& user : customization.users)
    state.users[user.name] = user.authorized_keys.empty() ? "" : digest_of(user.authorized_keys);
  state.masked = customization.mask;
  for (const auto& script : customization.run) state.scripts.push_back(script.name);
  return state;
}

Json to_json(const Customization& customization) {
  Json json{{"files", Json::object()},    {"lines", Json::array()}, {"sysctl", customization.sysctl},
            {"mask", customization.mask}, {"users", Json::array()}, {"run", Json::array()}};
  for (const auto& file : customization.files) json["files"][file.path] = state_of(file);
  for (const auto& line : customization.lines)
    json["lines"].push_back({{"path", line.path}, {"sha256", digest_of(line.line)}});
  for (const auto& user : customization.users)
    json["users"].push_back(
        {{"name", user.name},
         {"groups", user.groups},
         {"shell", user.shell},
         {"authorized_keys_sha256", user.authorized_keys.empty() ? "" : digest_of(user.authorized_keys)}});
  for (const auto& script : customization.run)
    json["run"].push_back({{"name", script.name}, {"sha256", script.sha256}});
  return json;
}

Json to_json(const CustomizedState& state) {
  return {{"files", state.files},
          {"lines", state.lines},
          {"users", state.users},
          {"masked", state.masked},
          {"scripts", state.scripts}};
}

CustomizedState customized_state_from(const nlohmann::json& json) {
  CustomizedState state;
  json.at("files").get_to(state.files);
  json.at("lines").get_to(state.lines);
  json.at("users").get_to(state.users);
  json.at("masked").get_to(state.masked);
  json.at("scripts").get_to(state.scripts);
  return state;
}

void plan_customization(const Inputs& inputs, Outcome& outcome) {
  auto& plan = outcome.plan;
  plan.customization = inputs.customization;
  const auto& customize = inputs.recipe.customize;
  add(plan.enable_services, customize.enable);
  add(plan.disable_services, customize.disable);
  add(plan.disable_services, customize.mask);
  if (!plan.customization.sysctl.empty())
    plan.option_files.push_back(
        {path::sysctl, "kernel settings of the recipe", sysctl_text(plan.customization.sysctl)});
  if (plan.customization.has_first_boot) {
    plan.option_files.push_back({path::first_boot_unit, "runs the scripts of the first boot once", first_boot_unit()});
    plan.enable_services.emplace_back("bake-first-boot.service");
  }
  const auto own = files_of(plan);
  for (const auto& file : plan.customization.files)
    if (std::any_of(own.begin(), own.end(), [&](const auto& each) { return each.path == file.path; }))
      outcome.refusals.push_back(
          {ErrorKind::incompatible, {file.path, "bake itself writes this file", "leave it out of customize.files"}});
  for (const auto& user : plan.customization.users)
    if (std::any_of(inputs.facts.machine.accounts.begin(), inputs.facts.machine.accounts.end(),
                    [&](const auto& account) { return account.name == user.name; }))
      outcome.refusals.push_back({ErrorKind::incompatible,
                                  {"users", fmt::format("the image has an account '{}' already", user.name),
                                   "choose another name, or remove the account in the base"}});
}

}  // namespace bake::plan
