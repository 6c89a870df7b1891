#include "bake/verify/modprobe.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>
#include <set>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::verify {
namespace {

using guest::Guest;

/// kmod up to version 32 reads both suffixes (kmod, libkmod/libkmod-config.c, conf_files_filter_out).
bool is_config_file(const std::string& name) {
  return !name.starts_with('.') && (name.ends_with(".conf") || name.ends_with(".alias"));
}

/// The lines of `text`; a line that ends with a backslash continues on the next one.
std::vector<std::string> joined_lines(const std::string& text) {
  std::vector<std::string> lines;
  bool continues = false;
  for (auto line : split_lines(text)) {
    const bool more = line.ends_with('\\');
    if (more) line.pop_back();
    if (continues)
      lines.back() += line;
    else
      lines.push_back(std::move(line));
    continues = more;
  }
  return lines;
}

/// modprobe treats dashes in names as underscores.
std::string module_name(const std::string& word) { return replace_all(word, "-", "_"); }

/// The modules that InfiniBand on a VM needs: those of the card, and those that verbs, MPI and IPoIB need.
std::set<std::string> needed_modules(const std::string& card_module) {
  std::set<std::string> names{"ib_core", "ib_cm",    "iw_cm",    "rdma_cm",  "ib_uverbs",
                              "ib_umad", "ib_ipoib", "rdma_ucm", card_module};
  names.insert(card_module == "mlx4_core" ? "mlx4_ib" : "mlx5_ib");
  return names;
}

/// Returns whether the command of an `install` line loads the module itself first, as rdma-core's mlx4.conf does:
/// "/sbin/modprobe --ignore-install mlx4_core $CMDLINE_OPTS && …".
bool loads_module(const ModprobeCommand& command, const std::string& module) {
  const auto text = join({command.words.begin() + 2, command.words.end()}, " ");
  const auto words = split_words(text.substr(0, text.find_first_of(";&|#")));
  const auto has = [&](const std::string& wanted) {
    return std::find(words.begin(), words.end(), wanted) != words.end();
  };
  return !words.empty() && guest::base_name_of(words[0]) == "modprobe" && (has("--ignore-install") || has("-i")) &&
         std::any_of(words.begin(), words.end(), [&](const auto& word) { return module_name(word) == module; });
}

/// Returns whether an alias leads the PCI id of the card (vendor 15B3) to a module that is not one of the card.
bool diverts_card(const std::string& pattern, const std::string& target) {
  const auto id = to_lower(pattern);
  return id.starts_with("pci:") && !target.starts_with("mlx") &&
         (id.find("15b3") != std::string::npos || id.starts_with("pci:*") || id.starts_with("pci:v*"));
}

/// Returns the modules of `needed` that the command keeps from being loaded; "the driver of the card" for its PCI id.
std::vector<std::string> stopped_modules(const ModprobeCommand& command, const std::set<std::string>& needed) {
  const auto& words = command.words;
  std::vector<std::string> stopped;
  if (words.size() < 2) return stopped;
  const auto name = module_name(words[1]);
  if (words[0] == "blacklist" && needed.contains(name)) stopped.push_back(name);
  if (words.size() < 3) return stopped;
  if (words[0] == "install" && needed.contains(name) && !loads_module(command, name)) stopped.push_back(name);
  if (words[0] != "alias") return stopped;
  // modprobe looks at the aliases of its configuration before it looks for a module of that name.
  const auto target = module_name(words[2]);
  for (const auto& module : needed)
    if (target != module && ::fnmatch(name.c_str(), module.c_str(), 0) == 0) stopped.push_back(module);
  if (diverts_card(name, target)) stopped.emplace_back("the driver of the card");
  return stopped;
}

/// Returns the options of the kernel that blacklist one of `needed`: modprobe reads modprobe.blacklist=
/// (modprobe.d(5)), the kernel module_blacklist= (Linux, Documentation/admin-guide/kernel-parameters.txt).
std::vector<std::string> blacklisting_options(const std::string& options, const std::set<std::string>& needed) {
  std::vector<std::string> found;
  for (const auto& word : split_words(options)) {
    if (!word.starts_with("modprobe.blacklist=") && !word.starts_with("module_blacklist=")) continue;
    for (const auto& name : split(word.substr(word.find('=') + 1), ','))
      if (needed.contains(module_name(name)))
        found.push_back(fmt::format("the kernel's option {} keeps {} from being loaded", word, module_name(name)));
  }
  return found;
}

}  // namespace

std::vector<ModprobeCommand> modprobe_commands(Guest& guest) {
  std::vector<ModprobeCommand> commands;
  std::set<std::string> seen;
  for (const std::string directory :
       {"/etc/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"}) {
    for (const auto& name : guest.list(directory)) {
      if (!is_config_file(name) || !seen.insert(name).second) continue;
      const auto file = guest::join_path(directory, name);
      for (const auto& line : joined_lines(guest.read(file).value_or("")))
        if (auto words = split_words(line); !words.empty() && !words[0].starts_with('#'))
          commands.push_back({file, std::move(words)});
    }
  }
  return commands;
}

Check verify_module_loading(Guest& guest, const guest::Facts& facts, const plan::Expectations& expected) {
  if (expected.module.empty()) return skipped("module loading", "the bake chose no module of the card");
  const auto needed = needed_modules(expected.module);
  std::vector<std::string> wrong;
  for (const auto& command : modprobe_commands(guest)) {
    const auto stopped = stopped_modules(command, needed);
    if (!stopped.empty())
      wrong.push_back(fmt::format("'{}' in {} keeps {} from being loaded", join(command.words, " "), command.file,
                                  join(stopped, ", ")));
  }
  for (auto& option : blacklisting_options(facts.default_kernel_options, needed)) wrong.push_back(std::move(option));
  if (wrong.empty())
    return {"module loading", true,
            fmt::format("modprobe.d and the kernel's options let {} and the modules of RDMA load", expected.module)};
  Check check("module loading", false, printable(join(wrong, "; ")));
  check.remedy = "remove these lines and options";
  return check;
}

}  // namespace bake::verify
