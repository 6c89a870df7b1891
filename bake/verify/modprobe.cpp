#include "bake/verify/modprobe.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>
#include <map>
#include <optional>
#include <set>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/modules_dep.hpp"
#include "bake/guest/path.hpp"
#include "matrix/matrix.hpp"

namespace bake::verify {
namespace {

using guest::Guest;

/// kmod up to version 32 reads both suffixes (kmod, libkmod/libkmod-config.c, conf_files_filter_out).
bool is_config_file(const std::string& name) {
  return !name.starts_with('.') && (name.ends_with(".conf") || name.ends_with(".alias"));
}

/// Calls `use` with each line of `text`; a line that ends with a backslash continues on the next one.
template <class Use>
void each_joined_line(const std::string& text, Use use) {
  std::string joined;
  for (auto line : each_line(text)) {
    const bool more = line.ends_with('\\');
    if (more) line.remove_suffix(1);
    joined.append(line);
    if (more) continue;
    use(joined);
    joined.clear();
  }
  use(joined);
}

/// modprobe treats dashes in names as underscores, except in the brackets of a pattern (kmod,
/// libkmod/libkmod-config.c, underscores).
std::string module_name(std::string word) {
  bool in_brackets = false;
  for (auto& c : word) {
    if (c == '[' || c == ']') in_brackets = c == '[';
    if (c == '-' && !in_brackets) c = '_';
  }
  return word;
}

/// The modules that InfiniBand on a VM needs, and the cards that they drive.
struct Needed {
  std::set<std::string> modules;            ///< those of the card, and those that verbs, MPI and IPoIB need
  std::set<std::string> with_dependencies;  ///< these, and all that they depend on
  std::vector<std::string> cards;           ///< a PCI id of each card
};

std::set<std::string> modules_for(const std::string& card_module) {
  std::set<std::string> names{"ib_core", "ib_cm",    "iw_cm",    "rdma_cm",  "ib_uverbs",
                              "ib_umad", "ib_ipoib", "rdma_ucm", card_module};
  names.insert(card_module == "mlx4_core" ? "mlx4_ib" : "mlx5_ib");
  return names;
}

/// The maximum of modules and dependencies together, because each command of modprobe.d is compared with all of them.
/// Those of real drivers are about 30.
constexpr std::size_t max_needed = 100;

/// Adds the dependencies of `modules` that modules.dep names, at most one more than max_needed in all.
std::set<std::string> with_dependencies(const std::set<std::string>& modules, std::string_view modules_dep) {
  auto all = modules;
  guest::each_module(modules_dep, [&](const guest::ModuleDependencies& module) {
    if (!modules.contains(guest::module_name_of(module.path))) return;
    for (const auto& path : module.needed)
      if (all.size() <= max_needed) all.insert(guest::module_name_of(path));
  });
  return all;
}

/// Returns the PCI ids of the cards that `card_module` drives, with the classes of InfiniBand, as the kernel gives them
/// to udev (Linux, drivers/pci/pci-sysfs.c, modalias_show).
std::vector<std::string> cards_of(const std::string& card_module) {
  const auto rows = matrix::Matrix::built_in();
  std::vector<std::string> ids;
  for (const auto& row : rows.pci_devices())
    if (row.driver + "_core" == card_module)
      for (const auto* subclass : {"07", "80"})
        ids.push_back(fmt::format("pci:v000015B3d{:08X}sv000015B3sd00000000bc02sc{}i00", row.device, subclass));
  return ids;
}

Needed needed_by(Guest& guest, const plan::Expectations& expected) {
  const auto modules = modules_for(expected.module);
  const auto modules_dep = guest.read(fmt::format("/lib/modules/{}/modules.dep", expected.kernel)).value_or("");
  return {modules, with_dependencies(modules, modules_dep), cards_of(expected.module)};
}

using Words = std::vector<std::string>;

/// Returns the simple commands of a command line of the shell. Nothing when it has a construct that this check does not
/// know: quotes, variables, patterns, braces, other redirections.
std::optional<std::vector<Words>> simple_commands(std::string text) {
  // kmod replaces the first one with the module's parameters (kmod, tools/modprobe.c, command_do).
  for (const auto* harmless :
       {"$CMDLINE_OPTS", "2>&1", "2>/dev/null", "> /dev/null", ">/dev/null", "< /etc/rdma/mlx4.conf"})
    text = replace_all(std::move(text), harmless, " ");
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || std::string_view(" \t;&|()").find(text[i - 1]) != std::string_view::npos))
      text.resize(i);
  if (text.find_first_of("'\"\\`$<>{}*?~") != std::string::npos) return std::nullopt;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return std::string_view(";&|()").find(c) != std::string_view::npos; },
      '\n');
  static const std::set<std::string> keywords{"if", "then", "else", "fi"};
  std::vector<Words> commands;
  for (const auto line : each_line(text)) {
    auto words = split_words(line);
    const auto first =
        std::find_if_not(words.begin(), words.end(), [&](const auto& w) { return keywords.contains(w); });
    words.erase(words.begin(), first);
    if (!words.empty()) commands.push_back(std::move(words));
  }
  return commands;
}

bool is_program(const std::string& word, const std::string& name) {
  for (const std::string directory : {"", "/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/"})
    if (word == directory + name) return true;
  return false;
}

/// A call of modprobe that loads modules.
struct ModprobeCall {
  bool ignores_install = false;
  std::set<std::string> modules;
};

/// Returns nothing for other commands, and for a modprobe with an option that may keep it from loading: --dry-run,
/// --show, --remove, --dirname, --config … (modprobe(8)).
std::optional<ModprobeCall> loading_call(const Words& words) {
  if (!is_program(words.front(), "modprobe")) return std::nullopt;
  static const std::map<std::string, std::string> long_options{
      {"--ignore-install", "-i"}, {"--all", "-a"}, {"--quiet", "-q"}, {"--verbose", "-v"}, {"--syslog", "-s"}};
  std::set<char> options;
  Words arguments;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    const auto known = long_options.find(*word);
    const auto& option = known == long_options.end() ? *word : known->second;
    if (!option.starts_with('-')) {
      arguments.push_back(module_name(option));
      continue;
    }
    if (option.size() == 1 || option.find_first_not_of("iaqvs", 1) != std::string::npos) return std::nullopt;
    options.insert(option.begin() + 1, option.end());
  }
  if (arguments.empty()) return std::nullopt;
  if (!options.contains('a')) arguments.resize(1);  // the others are parameters
  return ModprobeCall{options.contains('i'), {arguments.begin(), arguments.end()}};
}

/// Returns whether a command may follow the one that loads the module: it must not unload it. rdma-core's command for
/// mlx4_core sets the types of the ports (redhat/rdma.mlx4.sys.modprobe).
bool may_follow(const Words& words) {
  if (words == Words{":"} || words == Words{"exit", "0"} || words == Words{"/usr/libexec/mlx4-setup.sh"}) return true;
  if (words.front() == "[") return words.back() == "]";
  return is_program(words.front(), "true") || is_program(words.front(), "modinfo") || loading_call(words).has_value();
}

/// Returns whether the command of an `install` line loads the module itself first, and then nothing that unloads it, as
/// rdma-core's mlx4.conf does: "/sbin/modprobe --ignore-install mlx4_core $CMDLINE_OPTS && …".
bool loads_module(const ModprobeCommand& command, const std::string& module) {
  const auto commands = simple_commands(join({command.words.begin() + 2, command.words.end()}, " "));
  if (!commands || commands->empty()) return false;
  const auto first = loading_call(commands->front());
  return first && first->ignores_install && first->modules.contains(module) &&
         std::all_of(commands->begin() + 1, commands->end(), may_follow);
}

/// Returns the pattern of a PCI id without its part about the subsystem, which differs between cards of one kind.
std::string for_any_subsystem(std::string pattern) {
  const auto begin = pattern.find("sv");
  if (begin == std::string::npos) return pattern;
  const auto end = std::min(pattern.find("bc", begin), pattern.size());
  return pattern.replace(begin, end - begin, "*");
}

/// Returns whether an alias leads the PCI id of a card to a module that does not drive it. kmod compares with
/// fnmatch(3) (kmod, libkmod/libkmod.c, kmod_lookup_alias_from_config); this check also ignores the case.
bool diverts_card(const std::string& pattern, const std::string& target, const Needed& needed) {
  if (target.starts_with("mlx") && needed.modules.contains(target)) return false;
  const auto wanted = for_any_subsystem(pattern);
  return std::any_of(needed.cards.begin(), needed.cards.end(),
                     [&](const auto& id) { return ::fnmatch(wanted.c_str(), id.c_str(), FNM_CASEFOLD) == 0; });
}

/// Returns the modules of `needed` that the command keeps from being loaded; "the driver of the card" for its PCI id.
std::vector<std::string> stopped_modules(const ModprobeCommand& command, const Needed& needed) {
  const auto& words = command.words;
  std::vector<std::string> stopped;
  if (words.size() < 2) return stopped;
  const auto name = module_name(words[1]);
  // Not the dependencies: kmod loads a blacklisted dependency (kmod, libkmod/libkmod-module.c,
  // kmod_module_probe_insert_module, KMOD_PROBE_APPLY_BLACKLIST).
  if (words[0] == "blacklist" && needed.modules.contains(name)) stopped.push_back(name);
  if (words.size() < 3) return stopped;
  // The name may be a pattern (kmod, libkmod/libkmod-module.c, kmod_module_get_install_commands).
  if (words[0] == "install")
    for (const auto& module : needed.with_dependencies)
      if (::fnmatch(name.c_str(), module.c_str(), 0) == 0 && !loads_module(command, module)) stopped.push_back(module);
  if (words[0] != "alias") return stopped;
  // modprobe looks at the aliases of its configuration before it looks for a module of that name. It finds dependencies
  // by their path, but a script may load them by name.
  const auto target = module_name(words[2]);
  for (const auto& module : needed.with_dependencies)
    if (target != module && ::fnmatch(name.c_str(), module.c_str(), 0) == 0) stopped.push_back(module);
  if (diverts_card(name, target, needed)) stopped.emplace_back("the driver of the card");
  return stopped;
}

/// Returns the options of the kernel that keep a needed module from being loaded. modprobe reads modprobe.blacklist=
/// (modprobe.d(5)) as it reads `blacklist`. The kernel reads module_blacklist= and refuses every module in it, also a
/// dependency (Linux, Documentation/admin-guide/kernel-parameters.txt); it removes quotes, and a dash in the name of an
/// option is an underscore (lib/cmdline.c, next_arg; kernel/params.c, dash2underscore).
std::vector<std::string> blacklisting_options(const std::string& options, const Needed& needed) {
  std::vector<std::string> found;
  for (const auto& word : split_words(replace_all(options, "\"", ""))) {
    const auto option = module_name(word.substr(0, word.find('=')));
    if (option.size() == word.size() || (option != "modprobe.blacklist" && option != "module_blacklist")) continue;
    const auto& stopped = option == "module_blacklist" ? needed.with_dependencies : needed.modules;
    for (const auto& name : split(word.substr(option.size() + 1), ','))
      if (stopped.contains(module_name(name)))
        found.push_back(fmt::format("the kernel's option {} keeps {} from being loaded", word, module_name(name)));
  }
  return found;
}

}  // namespace

void each_modprobe_command(Guest& guest, const std::function<void(const ModprobeCommand&)>& use) {
  const auto lib = guest.read_link("/lib");
  const bool merged = lib == "usr/lib" || lib == "/usr/lib";
  std::set<std::string> hidden;
  for (const std::string directory :
       {"/etc/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"}) {
    if (merged && directory == "/lib/modprobe.d") continue;
    for (const auto& name : guest.list(directory)) {
      if (!is_config_file(name) || hidden.contains(name)) continue;
      if (directory == "/etc/modprobe.d") hidden.insert(name);
      const auto file = guest::join_path(directory, name);
      each_joined_line(guest.read(file).value_or(""), [&](const std::string& line) {
        if (auto words = split_words(line); !words.empty() && !words[0].starts_with('#')) use({file, std::move(words)});
      });
    }
  }
}

Check verify_module_loading(Guest& guest, const guest::Facts& facts, const plan::Expectations& expected) {
  if (expected.module.empty()) return skipped("module loading", "the bake chose no module of the card");
  const auto needed = needed_by(guest, expected);
  Samples wrong;
  if (needed.with_dependencies.size() > max_needed)
    wrong.add(fmt::format("modules.dep of {} names too many dependencies of {} and the modules of RDMA",
                          expected.kernel, expected.module));
  each_modprobe_command(guest, [&](const ModprobeCommand& command) {
    const auto stopped = stopped_modules(command, needed);
    if (!stopped.empty())
      wrong.add(fmt::format("'{}' in {} keeps {} from being loaded", join(command.words, " "), command.file,
                            join(stopped, ", ")));
  });
  for (const auto& option : blacklisting_options(facts.default_kernel_options, needed)) wrong.add(option);
  if (wrong.empty())
    return {"module loading", true,
            fmt::format("modprobe.d and the kernel's options let {} and the modules of RDMA load", expected.module)};
  Check check("module loading", false, printable(wrong.text("; ")));
  check.remedy = "remove these lines and options";
  return check;
}

}  // namespace bake::verify
