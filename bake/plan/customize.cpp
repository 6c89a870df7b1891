#include "bake/plan/customize.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

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
      // cloud-final.service of Ubuntu comes after multi-user.target, which would come after this unit.
      "After=network-online.target cloud-final.service multi-user.target\n\n"
      "[Service]\n"
      "Type=oneshot\n"
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

namespace {

/// Where `generalize` removes or edits files, and where the keys of accounts are.
constexpr std::string_view generalized[] = {
    "/var/log/",         "/tmp/",           "/var/tmp/",     "/root/.ssh/",    "/etc/ssh/ssh_host_",
    "/var/lib/waagent/", "/var/lib/cloud/", "/etc/hostname", "/etc/machine-id"};

class CustomizationRules {
 public:
  CustomizationRules(const Inputs& inputs, Outcome& outcome) : in_(inputs), out_(outcome) {}

  void check() {
    for (const auto& file : files_of(out_.plan)) own_.insert(file.path);
    for (const auto& file : edited_files(out_.plan)) own_.insert(file);
    const auto& customization = out_.plan.customization;
    std::set<std::string> put;
    for (const auto& file : customization.files) {
      put.insert(file.path);
      check_path(file.path, "customize.files");
    }
    for (const auto& line : customization.lines) {
      check_path(line.path, "customize.lines");
      if (put.contains(line.path))
        refuse(line.path, "'files' and 'lines' both name it", "write the line into the file");
    }
    for (const auto& user : customization.users) check_user(user.name);
    check_units();
  }

 private:
  void refuse(const std::string& where, const std::string& message, const std::string& hint) {
    out_.refusals.push_back({ErrorKind::incompatible, {where, message, hint}});
  }

  void check_path(const std::string& path, const char* where) {
    if (own_.contains(path)) refuse(path, "bake itself writes this file", fmt::format("leave it out of {}", where));
    if (path.find("/.ssh/authorized_keys") != std::string::npos)
      refuse(path, "keys of accounts are not files of the image", "use customize.users");
    if (out_.plan.generalize && std::any_of(std::begin(generalized), std::end(generalized),
                                            [&](std::string_view start) { return path.starts_with(start); }))
      refuse(path, "'generalize: true' removes it", fmt::format("leave it out of {}", where));
  }

  void check_user(const std::string& name) {
    const auto& accounts = in_.facts.machine.accounts;
    if (std::any_of(accounts.begin(), accounts.end(), [&](const auto& account) { return account.name == name; }))
      refuse("users", fmt::format("the image has an account '{}' already", name), "choose another name");
  }

  /// The units that bake enables must not be turned off.
  void check_units() {
    for (const auto* list : {&in_.recipe.customize.disable, &in_.recipe.customize.mask})
      for (const auto& unit : *list)
        if (const auto& on = out_.plan.enable_services; std::find(on.begin(), on.end(), unit) != on.end())
          refuse("services", fmt::format("bake enables {}, and the recipe turns it off", unit),
                 "leave it out of 'services'");
  }

  const Inputs& in_;
  Outcome& out_;
  std::set<std::string> own_;
};

}  // namespace

void plan_customization(const Inputs& inputs, Outcome& outcome) {
  auto& plan = outcome.plan;
  plan.customization = inputs.customization;
  const auto& customize = inputs.recipe.customize;
  add(plan.enable_services, customize.enable);
  add(plan.disable_services, customize.disable);
  if (!plan.customization.sysctl.empty())
    plan.option_files.push_back(
        {path::sysctl, "kernel settings of the recipe", sysctl_text(plan.customization.sysctl)});
  if (plan.customization.has_first_boot) {
    plan.option_files.push_back({path::first_boot_unit, "runs the scripts of the first boot once", first_boot_unit()});
    plan.enable_services.emplace_back("bake-first-boot.service");
  }
  if (!plan.customization.empty() || !customize.empty()) CustomizationRules(inputs, outcome).check();
}

}  // namespace bake::plan
