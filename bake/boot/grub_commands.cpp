#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/boot/grub_env.hpp"
#include "bake/boot/grub_machine.hpp"
#include "bake/boot/grub_test.hpp"

namespace bake::guest {
namespace {

constexpr std::size_t max_bls_entries = 500;

/// "1:name" or "name" → "name", as the option --set of regexp and others has it.
std::string variable_of_option(std::string_view value) { return std::string(value.substr(value.find(':') + 1)); }

}  // namespace

/// Commands that prepare the screen, the keyboard or the drivers of GRUB, or load an initramfs: they succeed, and what
/// they do does not change the choice.
bool GrubMachine::changes_nothing(std::string_view name) {
  static const std::set<std::string_view> names{
      "insmod",    "rmmod",           "export",       "echo",      "clear",     "terminal",     "terminal_input",
      "serial",    "terminal_output", "initrd",       "initrd16",  "initrdefi", "devicetree",   "password",
      "list_env",  "password_pbkdf2", "authenticate", "play",      "keymap",    "rmsecureboot", "gettext",
      "module",    "module2",         "search_hint",  "videoinfo", "acpi",      "parttool",     "drivemap",
      "nativedisk"};
  return names.contains(name);
}

const std::map<std::string_view, GrubMachine::Command>& GrubMachine::commands() {
  using Machine = GrubMachine;
  static const std::map<std::string_view, Command> commands{
      {"set", &Machine::do_set},
      {"unset", &Machine::do_unset},
      {"true", &Machine::do_truth},
      {"false", &Machine::do_truth},
      {"test", &Machine::do_test},
      {"[", &Machine::do_test},
      {"load_env", &Machine::do_load_env},
      {"save_env", &Machine::do_save_env},
      {"source", &Machine::do_source},
      {".", &Machine::do_source},
      {"configfile", &Machine::do_configfile},
      {"normal", &Machine::do_configfile},
      {"search", &Machine::do_search},
      {"search.file", &Machine::do_search_for},
      {"search.fs_label", &Machine::do_search_for},
      {"search.fs_uuid", &Machine::do_search_for},
      {"menuentry", &Machine::do_menuentry},
      {"submenu", &Machine::do_menuentry},
      {"blscfg", &Machine::do_blscfg},
      {"bls_import", &Machine::do_blscfg},
      {"linux", &Machine::do_linux},
      {"linux16", &Machine::do_linux},
      {"linuxefi", &Machine::do_linux},
      {"chainloader", &Machine::do_other_loader},
      {"multiboot", &Machine::do_other_loader},
      {"multiboot2", &Machine::do_other_loader},
      {"xen_hypervisor", &Machine::do_other_loader},
      {"ntldr", &Machine::do_other_loader},
      {"freedos", &Machine::do_other_loader},
      {"kfreebsd", &Machine::do_other_loader},
      {"knetbsd", &Machine::do_other_loader},
      {"kopenbsd", &Machine::do_other_loader},
      {"xnu_kernel64", &Machine::do_other_loader},
      {"boot", &Machine::do_boot},
      {"halt", &Machine::do_end},
      {"reboot", &Machine::do_end},
      {"exit", &Machine::do_end},
      {"normal_exit", &Machine::do_end},
      {"fwsetup", &Machine::do_fwsetup},
      {"increment", &Machine::do_count},
      {"decrement", &Machine::do_count},
      {"break", &Machine::do_break},
      {"continue", &Machine::do_break},
      {"return", &Machine::do_return},
      {"shift", &Machine::do_shift},
      {"setparams", &Machine::do_setparams},
      {"eval", &Machine::do_eval},
      {"loopback", &Machine::do_loopback},
      {"probe", &Machine::do_ask_machine},
      {"regexp", &Machine::do_ask_machine},
      {"smbios", &Machine::do_ask_machine},
      {"getenv", &Machine::do_ask_machine},
      {"read", &Machine::do_ask_machine},
      {"hwmatch", &Machine::do_ask_machine},
      {"cpuid", &Machine::do_ask_machine},
      {"rdmsr", &Machine::do_ask_machine},
      {"legacy_source", &Machine::do_unsupported},
      {"legacy_configfile", &Machine::do_unsupported},
      {"extract_entries_source", &Machine::do_unsupported},
      {"extract_entries_configfile", &Machine::do_unsupported},
      {"extract_legacy_entries_source", &Machine::do_unsupported},
      {"extract_legacy_entries_configfile", &Machine::do_unsupported},
      {"extract_syslinux_entries_source", &Machine::do_unsupported},
      {"extract_syslinux_entries_configfile", &Machine::do_unsupported},
      {"syslinux_source", &Machine::do_unsupported},
      {"syslinux_configfile", &Machine::do_unsupported},
      {"cryptomount", &Machine::do_unsupported},
  };
  return commands;
}

GrubMachine::Options GrubMachine::parse_options(const std::vector<std::string>& words, const std::vector<Option>& known,
                                                bool accept_dash) {
  Options options;
  const auto find_long = [&](std::string_view name) {
    return std::find_if(known.begin(), known.end(), [&](const auto& option) { return option.name == name; });
  };
  const auto find_short = [&](char letter) {
    return std::find_if(known.begin(), known.end(), [&](const auto& option) { return option.letter == letter; });
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const bool is_long = word.starts_with("--") && word.size() > 2;
    const bool is_short = !word.starts_with("--") && word.starts_with('-') && word.size() > 1;
    if (word == "--") {
      options.rest.insert(options.rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (!is_long && !is_short) {
      options.rest.push_back(word);
      continue;
    }
    const auto equals = is_long ? word.find('=') : std::string::npos;
    const auto option =
        is_long ? find_long(std::string_view(word).substr(2, equals == std::string::npos ? equals : equals - 2))
                : find_short(word.back());
    bool letters_are_known = true;
    if (is_short)
      for (const char letter : word.substr(1))
        letters_are_known = letters_are_known && find_short(letter) != known.end();
    if (option == known.end() || !letters_are_known) {
      if (accept_dash)
        options.rest.push_back(word);
      else
        options.ok = false;
      continue;
    }
    if (is_short)
      for (const char letter : word.substr(1, word.size() - 2)) options.values[std::string(find_short(letter)->name)];
    auto& value = options.values[std::string(option->name)];
    if (!option->has_value) continue;
    if (equals != std::string::npos)
      value = word.substr(equals + 1);
    else if (i + 1 < words.size() && (!words[i + 1].starts_with('-') || (is_short && !option->value_is_optional)))
      value = words[++i];
    else if (!option->value_is_optional)
      options.ok = false;
  }
  return options;
}

void GrubMachine::require_known(const std::string& name, const Arguments& arguments) const {
  if (const auto unknown = arguments.first_unknown(); !unknown.empty())
    throw Undetermined(fmt::format("'{}' gets a value of '{}', which only the machine knows", name, unknown));
}

GrubMachine::Status GrubMachine::do_set(const std::string& /*name*/, Arguments& arguments) {
  if (arguments.words.empty()) return {};
  const auto& assignment = arguments.words.front();
  const auto equals = assignment.find('=');
  if (equals == std::string::npos) return {1};
  set_variable(assignment.substr(0, equals), {assignment.substr(equals + 1), arguments.unknown.front()});
  return {};
}

GrubMachine::Status GrubMachine::do_unset(const std::string& /*name*/, Arguments& arguments) {
  if (arguments.words.empty()) return {1};
  variables_.erase(arguments.words.front());
  return {};
}

GrubMachine::Status GrubMachine::do_truth(const std::string& name, Arguments& /*arguments*/) {
  return {name == "true" ? 0 : 1};
}

GrubMachine::Status GrubMachine::do_test(const std::string& /*name*/, Arguments& arguments) {
  if (!arguments.words.empty() && arguments.words.back() == "]") {
    arguments.words.pop_back();
    arguments.unknown.pop_back();
  }
  if (const auto unknown = arguments.first_unknown(); !unknown.empty())
    return {0, fmt::format("a test of '{}'", unknown)};
  return {evaluate_grub_test(arguments.words, [this](const std::string& path) { return kind_of(path); }) ? 0 : 1};
}

GrubMachine::Status GrubMachine::do_load_env(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  const auto options = parse_options(arguments.words, {{"file", 'f', true}, {"skip-sig", 's'}}, false);
  if (!options.ok) return {1};
  const auto path = options.has("file") ? options.value("file") : text_of("prefix") + "/grubenv";
  const auto text = read_file(path);
  if (!text || !text->starts_with("# GRUB Environment Block\n")) return {1};
  auto variables = parse_grubenv(*text);
  for (const auto& [variable, value] : variables) boot_.environment.try_emplace(variable, value);
  for (const auto& [variable, value] : boot_.saved) {
    if (value)
      variables[variable] = *value;
    else
      variables.erase(variable);
  }
  for (const auto& [variable, value] : variables) {
    const bool wanted =
        options.rest.empty() || std::find(options.rest.begin(), options.rest.end(), variable) != options.rest.end();
    if (wanted) set_variable(variable, {value});
  }
  return {};
}

GrubMachine::Status GrubMachine::do_save_env(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  const auto options = parse_options(arguments.words, {{"file", 'f', true}}, false);
  if (!options.ok || options.rest.empty()) return {1};
  const auto path = options.has("file") ? options.value("file") : text_of("prefix") + "/grubenv";
  if (kind_of(path) != GrubFileKind::file) return {1};
  for (const auto& variable : options.rest) {
    const auto found = variables_.find(variable);
    boot_.saved[variable] = found == variables_.end() ? std::nullopt : std::optional(found->second.text);
  }
  return {};
}

GrubMachine::Status GrubMachine::do_source(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  return arguments.words.empty() ? Status{1} : read_config(arguments.words.front());
}

GrubMachine::Status GrubMachine::do_configfile(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  if (arguments.words.empty() && name == "configfile") return {1};
  return run_config(arguments.words.empty() ? text_of("prefix") + "/grub.cfg" : arguments.words.front());
}

GrubMachine::Status GrubMachine::search_and_set(GrubSearch by, const std::string& what, const std::string& variable) {
  count_file_test();
  const auto device = disk_.search(by, what);
  if (!device) return {1};
  set_variable(variable, {*device});
  return {};
}

GrubMachine::Status GrubMachine::do_search(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  const auto options = parse_options(arguments.words,
                                     {{"file", 'f'},
                                      {"label", 'l'},
                                      {"fs-uuid", 'u'},
                                      {"set", 's', true, true},
                                      {"no-floppy", 'n'},
                                      {"efidisk-only", '\0'},
                                      {"root-dev-only", 'r'},
                                      {"cryptodisk-only", '\0'},
                                      {"hint", 'h', true},
                                      {"hint-ieee1275", '\0', true},
                                      {"hint-bios", '\0', true},
                                      {"hint-baremetal", '\0', true},
                                      {"hint-efi", '\0', true},
                                      {"hint-arc", '\0', true}},
                                     true);
  // "--set NAME" with nothing behind it: the name is what is searched for (search_wrap.c).
  const bool only_set = options.rest.empty();
  const auto what = only_set ? options.value("set") : options.rest.front();
  if (!options.ok || what.empty()) return {1};
  auto variable = only_set ? std::string{} : options.value("set");
  if (variable.empty()) variable = "root";
  auto by = GrubSearch::file;
  if (options.has("label"))
    by = GrubSearch::label;
  else if (options.has("fs-uuid"))
    by = GrubSearch::fs_uuid;
  else if (!options.has("file"))
    return {1};
  count_file_test();
  if (!options.has("set")) return {disk_.search(by, what) ? 0 : 1};
  return search_and_set(by, what, variable);
}

/// search.file NAME VARIABLE, and so on: the commands of a core image.
GrubMachine::Status GrubMachine::do_search_for(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  if (arguments.words.empty()) return {1};
  auto by = GrubSearch::file;
  if (name == "search.fs_label") by = GrubSearch::label;
  if (name == "search.fs_uuid") by = GrubSearch::fs_uuid;
  return search_and_set(by, arguments.words.front(), arguments.words.size() > 1 ? arguments.words[1] : "root");
}

GrubMachine::Status GrubMachine::do_menuentry(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  const auto options = parse_options(arguments.words,
                                     {{"class", '\1', true},
                                      {"users", '\2', true, true},
                                      {"hotkey", '\3', true},
                                      {"source", '\4', true},
                                      {"id", '\0', true},
                                      {"unrestricted", '\0'}},
                                     true);
  if (!options.ok || options.rest.empty()) return {1};
  GrubEntry entry;
  entry.title = options.rest.front();
  entry.id = options.has("id") ? options.value("id") : entry.title;
  entry.arguments = options.rest;
  entry.submenu = name == "submenu";
  entry.body = command_->body;
  const auto [device, place] = place_of(text_of("config_file"));
  entry.source = disk_.name_of(device, place);
  if (options.has("source")) {
    if (entry.body) return {1};
    auto script = parse_grub_script(options.value("source"));
    if (!script.error.empty()) throw Undetermined(fmt::format("the entry '{}': {}", entry.title, script.error));
    entry.body = std::make_shared<ScriptBlock>(std::move(script.commands));
  }
  if (!entry.body) return {1};
  add_entry(std::move(entry));
  return {};
}

std::vector<BlsEntry> GrubMachine::read_bls_entries(const std::string& directory) {
  constexpr std::string_view suffix = ".conf";
  const auto [device, place] = place_of(directory);
  std::vector<BlsEntry> entries;
  for (const auto& name : disk_.list(device, place)) {
    if (name.starts_with('.') || name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
    const auto text = read_file(directory + (directory.ends_with('/') ? "" : "/") + name);
    if (!text) continue;
    if (entries.size() >= max_bls_entries)
      throw Undetermined(fmt::format("{} has more than {} entries", disk_.name_of(device, place), max_bls_entries));
    entries.push_back(parse_bls_entry(name.substr(0, name.size() - suffix.size()), replace_all(*text, "\r", "")));
  }
  return entries;
}

/// create_entry of blscfg.c: a menu entry with its commands as a separate text.
void GrubMachine::add_bls_entry(const BlsEntry& bls, const std::string& directory) {
  const auto image = bls.value("linux");
  const auto unified = start_.rules == GrubRules::el9 ? bls.value("efi") : std::nullopt;
  if (!image && !unified) return;
  GrubEntry entry;
  entry.title = bls.value("title").value_or(image ? *image : *unified);
  entry.id = bls.name.ends_with(".conf") ? bls.name.substr(0, bls.name.size() - 5) : bls.name;
  entry.arguments = {entry.title};
  entry.source = directory;
  const auto variable = [this](const std::string& name) -> std::optional<std::string> {
    const auto found = variables_.find(name);
    if (found == variables_.end()) return std::nullopt;
    charge(found->second.text.size());
    return found->second.text;
  };
  const auto options = bls.value("options") ? bls.value("options") : variable("default_kernelopts");
  auto source = unified ? "chainloader ($root)" + *unified : "linux ($root)" + *image;
  if (options) source += " " + expand_bls_value(*options, variable, start_.rules);
  charge(source.size());
  auto script = parse_grub_script(source);
  if (!script.error.empty()) throw Undetermined(fmt::format("{}/{}.conf: {}", directory, bls.name, script.error));
  entry.body = std::make_shared<ScriptBlock>(std::move(script.commands));
  add_entry(std::move(entry));
}

GrubMachine::Status GrubMachine::do_blscfg(const std::string& name, Arguments& arguments) {
  if (!arguments.words.empty()) throw Undetermined(fmt::format("'{}' with arguments", name));
  if (has_bls_entries_ && start_.rules != GrubRules::el8) return {};  // each entry once
  const auto root = text_of("root");
  if (root.empty()) return {1};
  const auto own = text_of("blsdir");
  std::vector<BlsEntry> entries;
  std::string directory;
  for (const std::string& each :
       {own.empty() ? std::string("/loader/entries") : own, std::string("/boot/loader/entries")}) {
    directory = each;
    entries = read_bls_entries(fmt::format("({}){}", root, each));
    if (!entries.empty()) break;
  }
  // GRUB would go on with the entries of grub.cfg, which belong to other systems.
  if (entries.empty()) throw Undetermined(fmt::format("'{}' finds no entry in /boot/loader/entries", name));
  has_bls_entries_ = true;
  const auto shown = disk_.name_of(root, directory);
  sort_bls_entries(entries, start_.rules);
  for (const auto& entry : entries) add_bls_entry(entry, shown);
  return {};
}

GrubMachine::Status GrubMachine::do_linux(const std::string& name, Arguments& arguments) {
  if (arguments.words.empty()) return {1};
  if (!arguments.unknown.front().empty()) require_known(name, arguments);
  const auto [device, place] = place_of(arguments.words.front());
  if (!disk_.is_mounted(device))
    throw Undetermined(fmt::format("the kernel '{}' is on a file system that is not mounted ({})", place, device));
  const auto image = device == text_of("root") ? place : arguments.words.front();
  loaded_ = Loaded{loopbacks_.contains(device) ? std::string{} : image,
                   join({arguments.words.begin() + 1, arguments.words.end()}, " ")};
  return {};
}

GrubMachine::Status GrubMachine::do_other_loader(const std::string& /*name*/, Arguments& /*arguments*/) {
  loaded_ = Loaded{};
  return {};
}

GrubMachine::Status GrubMachine::do_boot(const std::string& /*name*/, Arguments& /*arguments*/) {
  if (!loaded_) return {1};
  finish();
  return {};
}

GrubMachine::Status GrubMachine::do_end(const std::string& name, Arguments& /*arguments*/) {
  loaded_.reset();
  finish();
  boot_.trouble = fmt::format("'{}' ends GRUB", name);
  return {};
}

GrubMachine::Status GrubMachine::do_fwsetup(const std::string& name, Arguments& arguments) {
  if (!arguments.words.empty()) return {0, name + " " + arguments.words.front()};
  return do_end(name, arguments);
}

/// increment and decrement of EL and Fedora (grub-core/commands/increment.c).
GrubMachine::Status GrubMachine::do_count(const std::string& name, Arguments& arguments) {
  if (arguments.words.size() != 1) return {1};
  const auto found = variables_.find(arguments.words.front());
  if (found == variables_.end()) return {1};
  if (!found->second.unknown.empty()) return {};
  const auto old = found->second.text;
  if (!parse_grub_number(old.starts_with('-') ? old.substr(1) : old).found) return {1};
  const auto value =
      static_cast<std::uint64_t>(parse_signed_grub_number(old)) + (name == "increment" ? 1U : ~std::uint64_t{0});
  set_variable(found->first, {std::to_string(static_cast<std::int64_t>(value))});
  return {};
}

GrubMachine::Status GrubMachine::do_break(const std::string& name, Arguments& arguments) {
  if (loops_ == 0) return {1};
  const auto wanted = arguments.words.empty() ? 1 : parse_grub_number(arguments.words.front()).value;
  continue_ = name == "continue";
  breaks_ = static_cast<int>(std::clamp<std::uint64_t>(wanted, 1, static_cast<std::uint64_t>(loops_)));
  return {};
}

GrubMachine::Status GrubMachine::do_return(const std::string& /*name*/, Arguments& arguments) {
  if (parameters_ == nullptr) return {1};
  returning_ = true;
  if (arguments.words.empty()) return last_;
  return {parse_grub_number(arguments.words.front()).value == 0 ? 0 : 1};
}

GrubMachine::Status GrubMachine::do_shift(const std::string& /*name*/, Arguments& arguments) {
  if (parameters_ == nullptr) return {};
  const auto count = arguments.words.empty() ? 1 : parse_grub_number(arguments.words.front()).value;
  if (count > parameters_->size()) return {1};
  parameters_->erase(parameters_->begin(), parameters_->begin() + static_cast<std::ptrdiff_t>(count));
  return {};
}

GrubMachine::Status GrubMachine::do_setparams(const std::string& /*name*/, Arguments& arguments) {
  if (parameters_ == nullptr) return {1};
  *parameters_ = arguments.words;
  return {};
}

GrubMachine::Status GrubMachine::do_eval(const std::string& name, Arguments& arguments) {
  require_known(name, arguments);
  run_text(join(arguments.words, " "), name);
  return last_;
}

GrubMachine::Status GrubMachine::do_loopback(const std::string& /*name*/, Arguments& arguments) {
  for (const auto& word : arguments.words)
    if (!word.starts_with('-')) {
      loopbacks_.insert(word);
      break;
    }
  return {};
}

/// What only the machine knows; the variables that the command sets are unknown from here on.
GrubMachine::Status GrubMachine::do_ask_machine(const std::string& name, Arguments& arguments) {
  const Value unknown{"", name};
  const auto& words = arguments.words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with("--set=")) set_variable(variable_of_option(words[i].substr(6)), unknown);
    if ((words[i] == "--set" || words[i] == "-s") && i + 1 < words.size())
      set_variable(variable_of_option(words[i + 1]), unknown);
  }
  if ((name == "read" || name == "rdmsr") && !words.empty()) set_variable(words.back(), unknown);
  if (name == "hwmatch") set_variable("match", unknown);
  return {0, (name + " " + join(words, " ")).substr(0, 80)};
}

GrubMachine::Status GrubMachine::do_unsupported(const std::string& name, Arguments& /*arguments*/) {
  throw Undetermined(fmt::format("bake cannot evaluate GRUB's command '{}'", name));
}

}  // namespace bake::guest
