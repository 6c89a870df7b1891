#include "bake/boot/grub_run.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/boot/grub_machine.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

// A large genuine grub.cfg takes 700 commands and 200 KB.
constexpr std::size_t max_steps = 20000;
constexpr std::size_t max_bytes = std::size_t{4} << 20U;
constexpr std::size_t max_file_tests = 1000;  // each asks the appliance
constexpr int max_depth = 48;
constexpr std::size_t max_entries = 2000;

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Variables that GRUB's firmware or network code sets.
bool is_of_firmware(const std::string& name) {
  for (const std::string_view prefix : {"net_", "pxe_"})
    if (name.starts_with(prefix)) return true;
  return name == "cmdpath" || name == "fw_path" || name == "lockdown" || name == "shim_lock";
}

}  // namespace

/// Throws when the interpreter calls itself too often.
class GrubMachine::Level {
 public:
  explicit Level(int& depth) : depth_(depth) {
    if (depth_ >= max_depth) throw Undetermined(fmt::format("commands are nested deeper than {} levels", max_depth));
    ++depth_;
  }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  int& depth_;
};

GrubMachine::GrubMachine(GrubDisk& disk, GrubStart start, const std::function<bool(const std::string&)>& image_is_there)
    : disk_(disk), start_(std::move(start)), image_is_there_(image_is_there) {
  boot_.assumptions = start_.assumptions;
  boot_.saved = start_.saved;
  // grub-core/kern/main.c, and the features of grub-core/normal/main.c that scripts ask for.
  set_variable("root", {start_.device});
  const auto directory = parent_of(start_.config);
  set_variable("prefix", {fmt::format("({}){}", start_.device, directory == "/" ? "" : directory)});
  set_variable("grub_platform", {start_.efi ? "efi" : "pc"});
  set_variable("grub_cpu", {start_.efi ? "x86_64" : "i386"});
  for (const auto* feature : {"chainloader_bpb", "ntldr", "platform_search_hint", "default_font_path",
                              "all_video_module", "menuentry_id", "menuentry_options", "200_final", "timeout_style"})
    set_variable(std::string("feature_") + feature, {"y"});
}

GrubBoot GrubMachine::run() {
  std::vector<GrubEntry> menu;
  menu_ = &menu;
  const auto path = fmt::format("({}){}", start_.device, start_.config);
  read_config(path);
  if (!finished_ && !menu.empty()) run_menu(menu);
  if (!finished_ && menu.empty() && boot_.trouble.empty()) boot_.trouble = "the menu is empty";
  if (boot_.menu.empty()) boot_.menu = disk_.name_of(start_.device, start_.config);
  return boot_;
}

void GrubMachine::charge(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ > max_bytes) throw Undetermined(fmt::format("the script makes more than {}", human_size(max_bytes)));
}

void GrubMachine::step() {
  if (++steps_ > max_steps) throw Undetermined(fmt::format("the script runs for more than {} commands", max_steps));
}

void GrubMachine::run_text(std::string_view text, const std::string& name) {
  charge(text.size());
  const auto script = parse_grub_script(text);
  run_block(script.commands);
  if (!finished_ && !script.error.empty()) throw Undetermined(fmt::format("{}: {}", name, script.error));
}

GrubMachine::Status GrubMachine::run_block(const ScriptBlock& block) {
  Status status;
  for (const auto& command : block) {
    if (interrupted()) break;
    status = run_command(command);
  }
  return status;
}

GrubMachine::Status GrubMachine::run_command(const ScriptCommand& command) {
  const Level level(depth_);
  step();
  switch (command.kind) {
    case ScriptCommand::Kind::conditional:
      return run_conditional(command);
    case ScriptCommand::Kind::for_loop:
      return run_for(command);
    case ScriptCommand::Kind::while_loop:
    case ScriptCommand::Kind::until_loop:
      return run_while(command);
    case ScriptCommand::Kind::function:
      functions_[command.name] = command.body;
      return {};
    default:
      return run_simple(command);
  }
}

GrubMachine::Status GrubMachine::run_conditional(const ScriptCommand& command) {
  for (std::size_t i = 0; i < command.branches.size(); ++i) {
    const auto& [condition, commands] = command.branches[i];
    if (command.has_else && i + 1 == command.branches.size()) return run_block(commands);
    const auto status = run_block(condition);
    if (interrupted()) return status;
    if (holds(status)) return run_block(commands);
  }
  return {};
}

void GrubMachine::end_loop_round() {
  if (breaks_ == 1 && continue_) breaks_ = 0;
}

GrubMachine::Status GrubMachine::run_for(const ScriptCommand& command) {
  expanded_.clear();
  const auto values = expand(command.words);
  for (const auto& word : command.words)
    for (const auto& part : word)
      if (part.kind == ScriptPart::Kind::text && part.text.find_first_of("*?") != std::string::npos)
        throw Undetermined(fmt::format("a loop over the files '{}'", part.text.substr(0, 80)));
  Status status;
  ++loops_;
  for (std::size_t i = 0; i < values.words.size() && !interrupted(); ++i) {
    step();
    set_variable(command.name, {values.words[i], values.unknown[i]});
    status = run_block(command.branches.front().second);
    end_loop_round();
  }
  --loops_;
  if (breaks_ > 0) --breaks_;
  return status;
}

GrubMachine::Status GrubMachine::run_while(const ScriptCommand& command) {
  const bool until = command.kind == ScriptCommand::Kind::until_loop;
  const auto& [condition, commands] = command.branches.front();
  Status status;
  ++loops_;
  while (!interrupted()) {
    const auto result = run_block(condition);
    if (interrupted() || holds(result) == until) break;
    status = run_block(commands);
    end_loop_round();
  }
  --loops_;
  if (breaks_ > 0) --breaks_;
  return status;
}

GrubMachine::Status GrubMachine::run_simple(const ScriptCommand& command) {
  expanded_.clear();
  auto arguments = expand(command.words);
  if (arguments.words.empty()) return last_;
  const bool inverted = arguments.words.front() == "!";
  if (inverted) arguments.drop_first();
  if (arguments.words.empty()) return last_ = {1};
  auto status = call(command, arguments);
  if (inverted && status.unknown.empty())
    status.value = status.value == 0 ? 1 : 0;
  else if (inverted)
    status.inverted = !status.inverted;
  return last_ = status;
}

GrubMachine::Status GrubMachine::call(const ScriptCommand& command, Arguments& arguments) {
  const auto name = arguments.words.front();
  if (!arguments.unknown.front().empty())
    throw Undetermined(fmt::format("a command is named by the variable '{}'", arguments.unknown.front()));
  if (changes_nothing(name)) return {};
  if (const auto known = commands().find(name); known != commands().end()) {
    arguments.drop_first();
    command_ = &command;
    return (this->*known->second)(name, arguments);
  }
  if (const auto function = functions_.find(name); function != functions_.end()) {
    arguments.drop_first();
    const auto body = function->second;  // which may define the function anew
    return call_function(*body, arguments);
  }
  if (const auto equals = name.find('='); equals != std::string::npos) {
    set_variable(name.substr(0, equals), {name.substr(equals + 1), arguments.unknown.front()});
    return {};
  }
  return {0, join(arguments.words, " ").substr(0, 80)};
}

GrubMachine::Status GrubMachine::call_function(const ScriptBlock& body, const Arguments& arguments) {
  auto parameters = arguments.words;
  auto* const outer = std::exchange(parameters_, &parameters);
  const int loops = std::exchange(loops_, 0);
  const auto status = run_block(body);
  returning_ = false;
  loops_ = loops;
  parameters_ = outer;
  return status;
}

bool GrubMachine::holds(const Status& status) {
  if (status.unknown.empty()) return status.value == 0;
  return decide(status.unknown) != status.inverted;
}

bool GrubMachine::decide(const std::string& name) {
  const auto [assumption, added] = boot_.assumptions.try_emplace(name, true);
  if (added) boot_.asked.push_back(name);
  return assumption->second;
}

GrubMachine::Arguments GrubMachine::expand(const std::vector<ScriptWord>& words) {
  Arguments arguments;
  for (const auto& word : words) expand_word(word, arguments);
  for (const auto& word : arguments.words) charge(word.size() + sizeof(std::string));
  return arguments;
}

void GrubMachine::expand_word(const ScriptWord& word, Arguments& arguments) {
  std::string text;
  std::string unknown;
  bool is_word = false;
  const auto finish = [&] {
    if (is_word) arguments.push(std::move(text), unknown);
    text.clear();
    unknown.clear();
    is_word = false;
  };
  const auto add_split = [&](std::string_view value) {
    for (std::size_t i = 0; i < value.size();) {
      while (i < value.size() && is_blank(value[i])) ++i;
      const auto begin = i;
      while (i < value.size() && !is_blank(value[i])) ++i;
      if (i == begin) break;
      text += value.substr(begin, i - begin);
      is_word = true;
      if (value.find_first_not_of(" \t\n\v\f\r", i) != std::string_view::npos) finish();
    }
  };
  for (const auto& part : word) {
    if (part.kind == ScriptPart::Kind::text || part.kind == ScriptPart::Kind::quoted) {
      text += part.text;
      is_word = true;
      continue;
    }
    const auto values = values_of(part.text);
    for (std::size_t i = 0; i < values.size(); ++i) {
      charge(values[i].text.size());
      if (i > 0) finish();
      if (!values[i].unknown.empty()) unknown = values[i].unknown;
      if (part.kind == ScriptPart::Kind::variable)
        add_split(values[i].text);
      else
        text += values[i].text;
      is_word = is_word || !unknown.empty();
    }
  }
  finish();
}

std::vector<GrubMachine::Value> GrubMachine::values_of(const std::string& name) {
  if (name != "@" && name != "*") return {value_of(name)};
  std::vector<Value> values;
  if (parameters_ == nullptr) return values;
  for (const auto& parameter : *parameters_) values.push_back({parameter});
  if (name == "*" && !values.empty()) return {{join(*parameters_, " ")}};
  return values;
}

GrubMachine::Value GrubMachine::value_of(const std::string& name) {
  if (name == "?") return {holds(last_) ? "0" : "1"};
  if (name == "#") return {std::to_string(parameters_ == nullptr ? 0 : parameters_->size())};
  if (is_digit(name.front())) {
    const auto number = parse_grub_number(name).value;
    if (parameters_ == nullptr || number == 0 || number > parameters_->size()) return {};
    return {(*parameters_)[number - 1]};
  }
  expanded_.insert(name);
  if (const auto found = variables_.find(name); found != variables_.end()) return found->second;
  return is_of_firmware(name) ? Value{"", name} : Value{};
}

void GrubMachine::set_variable(const std::string& name, Value value) {
  if (name == "default") boot_.default_sources = expanded_;
  charge(name.size() + value.text.size());
  variables_[name] = std::move(value);
}

std::map<std::string, GrubMachine::Value> GrubMachine::copy_of_variables() {
  for (const auto& [name, value] : variables_) charge(name.size() + value.text.size());
  return variables_;
}

std::string GrubMachine::text_of(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::string{} : found->second.text;
}

std::pair<std::string, std::string> GrubMachine::place_of(const std::string& path) const {
  if (!path.starts_with('(')) return {text_of("root"), path};
  const auto end = path.find(')');
  if (end == std::string::npos) return {};
  return {path.substr(1, end - 1), path.substr(end + 1)};
}

std::optional<std::string> GrubMachine::read_file(const std::string& path) {
  const auto [device, place] = place_of(path);
  if (loopbacks_.contains(device)) throw Undetermined(fmt::format("'{}' is inside another file", path));
  count_file_test();
  auto text = disk_.read(device, place);
  if (text) charge(text->size());
  return text;
}

GrubFileKind GrubMachine::kind_of(const std::string& path) {
  const auto [device, place] = place_of(path);
  if (loopbacks_.contains(device)) throw Undetermined(fmt::format("'{}' is inside another file", path));
  count_file_test();
  return disk_.kind(device, place);
}

void GrubMachine::count_file_test() {
  if (++file_tests_ > max_file_tests)
    throw Undetermined(fmt::format("the script asks for more than {} files", max_file_tests));
}

/// read_config_file of grub-core/normal/main.c: runs a file; what it adds goes to the current menu.
GrubMachine::Status GrubMachine::read_config(const std::string& path) {
  const Level level(depth_);
  const auto text = read_file(path);
  const auto [device, place] = place_of(path);
  if (!text) {
    boot_.trouble = fmt::format("'{}' is not there", disk_.name_of(device, place));
    return {1};
  }
  const auto file =
      variables_.find("config_file") == variables_.end() ? std::optional<Value>{} : variables_["config_file"];
  const auto directory = variables_["config_directory"];
  const auto full = fmt::format("({}){}", device, place);
  set_variable("config_file", {full});
  set_variable("config_directory", {full.substr(0, full.rfind('/'))});
  run_text(grub_file_lines(*text), disk_.name_of(device, place));
  if (file) {
    set_variable("config_file", *file);
    set_variable("config_directory", directory);
  } else {
    variables_.erase("config_file");
    variables_.erase("config_directory");
  }
  return {};
}

/// The command configfile: a separate menu, with a copy of the variables.
GrubMachine::Status GrubMachine::run_config(const std::string& path) {
  const auto variables = copy_of_variables();
  std::vector<GrubEntry> menu;
  auto* const outer = std::exchange(menu_, &menu);
  const auto status = read_config(path);
  if (!finished_ && !menu.empty()) run_menu(menu);
  menu_ = outer;
  if (!finished_) variables_ = variables;
  return status;
}

void GrubMachine::add_entry(GrubEntry entry) {
  if (menu_->size() >= max_entries) throw Undetermined(fmt::format("the menu has more than {} entries", max_entries));
  charge(entry.title.size() + entry.id.size() + sizeof(GrubEntry));
  menu_->push_back(std::move(entry));
}

void GrubMachine::note_first_menu(const std::vector<GrubEntry>& menu, std::size_t index, bool known) {
  if (first_menu_noted_) return;
  first_menu_noted_ = true;
  boot_.menu = menu[index].source;
  boot_.default_value = text_of("default");
  boot_.default_is_known = known;
  boot_.default_is_first = index == 0;
}

/// run_menu and grub_menu_execute_with_fallback of grub-core/normal/menu.c, with a timeout that runs out.
void GrubMachine::run_menu(const std::vector<GrubEntry>& menu) {
  const Level level(depth_);
  if (const auto& value = variables_["default"]; !value.unknown.empty())
    throw Undetermined(fmt::format("the default is made of '{}', which only the machine knows", value.unknown));
  const auto found = find_grub_entry(start_.rules, menu, text_of("default"));
  const auto index = found.value_or(0);
  note_first_menu(menu, index, found.has_value());
  run_entry(menu[index]);
  while (!finished_) {
    auto fallback = text_of("fallback");
    if (fallback.empty()) break;
    step();
    const auto next = take_fallback_entry(start_.rules, menu, fallback);
    set_variable("fallback", {fallback});
    if (!next) break;
    run_entry(menu[*next]);
  }
}

/// grub_menu_execute_entry of menu.c. Takes a copy: the commands of an entry may add entries to the menu that it is in.
void GrubMachine::run_entry(GrubEntry entry) {
  const Level level(depth_);
  boot_.title = entry.title;
  boot_.id = entry.id;
  const auto outer_default = variables_["default"];
  const auto outer_chosen = variables_["chosen"];
  const auto outer_variables = entry.submenu ? copy_of_variables() : decltype(variables_){};
  const auto escaped_id = replace_all(entry.id, ">", ">>");
  set_variable("chosen", {outer_chosen.text.empty() ? escaped_id : outer_chosen.text + ">" + escaped_id});
  const auto sources = boot_.default_sources;
  if (auto rest = default_of_submenu(outer_default.text))
    set_variable("default", {*rest});
  else if (start_.rules != GrubRules::el9)
    variables_.erase("default");
  boot_.default_sources = sources;

  std::vector<GrubEntry> submenu;
  auto* const outer_menu = entry.submenu ? std::exchange(menu_, &submenu) : menu_;
  loaded_.reset();
  Arguments arguments;
  arguments.words = entry.arguments;
  call_function(*entry.body, arguments);
  if (loaded_ && !text_of("fallback").empty() && !loaded_->image.empty() && !image_is_there_(loaded_->image)) {
    boot_.failed_image = loaded_->image;
    loaded_.reset();
  }
  if (loaded_) finish();
  if (!finished_ && entry.submenu && !submenu.empty()) run_menu(submenu);
  menu_ = outer_menu;
  if (entry.submenu) variables_ = outer_variables;
  variables_["default"] = outer_default;
  variables_["chosen"] = outer_chosen;
}

void GrubMachine::finish() {
  if (finished_) return;
  finished_ = true;
  boot_.trouble.clear();
  if (!loaded_) return;
  boot_.image = loaded_->image;
  boot_.options = loaded_->options;
}

GrubBoot run_grub(GrubDisk& disk, GrubStart start, const std::function<bool(const std::string&)>& image_is_there) {
  return GrubMachine(disk, std::move(start), image_is_there).run();
}

}  // namespace bake::guest
