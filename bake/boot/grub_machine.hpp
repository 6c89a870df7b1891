#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bake/boot/bls.hpp"
#include "bake/boot/grub_run.hpp"
#include "bake/boot/grub_script.hpp"

namespace bake::guest {

/// The interpreter behind run_grub. grub_run.cpp has the script and the menu, grub_commands.cpp the commands.
class GrubMachine {
 public:
  GrubMachine(GrubDisk& disk, GrubStart start, const std::function<bool(const std::string&)>& image_is_there);

  GrubBoot run();

 private:
  /// What a command left in $?. `unknown` names a command whose result depends on the machine.
  struct Status {
    int value = 0;
    std::string unknown = {};
    bool inverted = false;
  };

  struct Value {
    std::string text;
    std::string unknown =
        {};  ///< name of the variable or command of which it was made, when its value cannot be known here
  };

  struct Arguments {
    std::vector<std::string> words;
    std::vector<std::string> unknown;  ///< for each word: the variable in it that is not known, or empty

    void push(std::string word, const std::string& unknown_variable) {
      words.push_back(std::move(word));
      unknown.push_back(unknown_variable);
    }
    void drop_first() {
      words.erase(words.begin());
      unknown.erase(unknown.begin());
    }
    /// The first variable in any word that is not known, or empty.
    [[nodiscard]] std::string first_unknown() const {
      for (const auto& name : unknown)
        if (!name.empty()) return name;
      return {};
    }
  };

  struct Loaded {
    std::string image;  ///< empty for what is not a kernel of these disks
    std::string options;
  };

  /// An option of a command, as GRUB's grub_arg_parse takes it.
  struct Option {
    std::string_view name;
    char letter = '\0';
    bool has_value = false;
    bool value_is_optional = false;
  };
  struct Options {
    std::map<std::string, std::string, std::less<>> values;  ///< the last one counts
    std::vector<std::string> rest;
    bool ok = true;

    [[nodiscard]] bool has(std::string_view name) const { return values.find(name) != values.end(); }
    [[nodiscard]] std::string value(std::string_view name) const {
      const auto found = values.find(name);
      return found == values.end() ? std::string{} : found->second;
    }
  };

  class Level;  ///< counts how deep the interpreter calls itself

  // The script.
  void charge(std::size_t bytes);
  void step();
  void run_text(std::string_view text, const std::string& name);
  Status run_block(const ScriptBlock& block);
  Status run_command(const ScriptCommand& command);
  Status run_conditional(const ScriptCommand& command);
  Status run_for(const ScriptCommand& command);
  Status run_while(const ScriptCommand& command);
  Status run_simple(const ScriptCommand& command);
  Status call(const ScriptCommand& command, Arguments& arguments);
  Status call_function(const ScriptBlock& body, const Arguments& arguments);
  bool holds(const Status& status);
  bool decide(const std::string& name);
  [[nodiscard]] bool interrupted() const { return finished_ || returning_ || breaks_ > 0; }
  void end_loop_round();

  // Words and variables.
  Arguments expand(const std::vector<ScriptWord>& words);
  void expand_word(const ScriptWord& word, Arguments& arguments);
  Value value_of(const std::string& name);
  std::vector<Value> values_of(const std::string& name);
  void set_variable(const std::string& name, Value value);
  std::map<std::string, Value> copy_of_variables();
  [[nodiscard]] std::string text_of(const std::string& name) const;

  // Files.
  std::pair<std::string, std::string> place_of(const std::string& path) const;
  std::optional<std::string> read_file(const std::string& path);
  GrubFileKind kind_of(const std::string& path);
  void count_file_test();
  Status read_config(const std::string& path);
  Status run_config(const std::string& path);

  // The menu.
  void run_menu(const std::vector<GrubEntry>& menu);
  void run_entry(GrubEntry entry);
  void note_first_menu(const std::vector<GrubEntry>& menu, std::size_t index, bool known);
  void add_entry(GrubEntry entry);
  void finish();

  // Commands, grub_commands.cpp.
  using Command = Status (GrubMachine::*)(const std::string& name, Arguments& arguments);
  static const std::map<std::string_view, Command>& commands();
  static bool changes_nothing(std::string_view name);
  static Options parse_options(const std::vector<std::string>& words, const std::vector<Option>& known,
                               bool accept_dash);
  void require_known(const std::string& name, const Arguments& arguments) const;
  Status do_set(const std::string& name, Arguments& arguments);
  Status do_unset(const std::string& name, Arguments& arguments);
  Status do_truth(const std::string& name, Arguments& arguments);
  Status do_test(const std::string& name, Arguments& arguments);
  Status do_load_env(const std::string& name, Arguments& arguments);
  Status do_save_env(const std::string& name, Arguments& arguments);
  Status do_source(const std::string& name, Arguments& arguments);
  Status do_configfile(const std::string& name, Arguments& arguments);
  Status do_search(const std::string& name, Arguments& arguments);
  Status do_search_for(const std::string& name, Arguments& arguments);
  Status search_and_set(GrubSearch by, const std::string& what, const std::string& variable);
  Status do_menuentry(const std::string& name, Arguments& arguments);
  Status do_blscfg(const std::string& name, Arguments& arguments);
  std::vector<BlsEntry> read_bls_entries(const std::string& directory);
  void add_bls_entry(const BlsEntry& bls, const std::string& directory);
  Status do_linux(const std::string& name, Arguments& arguments);
  Status do_other_loader(const std::string& name, Arguments& arguments);
  Status do_boot(const std::string& name, Arguments& arguments);
  Status do_end(const std::string& name, Arguments& arguments);
  Status do_fwsetup(const std::string& name, Arguments& arguments);
  Status do_count(const std::string& name, Arguments& arguments);
  Status do_break(const std::string& name, Arguments& arguments);
  Status do_return(const std::string& name, Arguments& arguments);
  Status do_shift(const std::string& name, Arguments& arguments);
  Status do_setparams(const std::string& name, Arguments& arguments);
  Status do_eval(const std::string& name, Arguments& arguments);
  Status do_loopback(const std::string& name, Arguments& arguments);
  Status do_ask_machine(const std::string& name, Arguments& arguments);
  Status do_unsupported(const std::string& name, Arguments& arguments);

  GrubDisk& disk_;
  GrubStart start_;
  const std::function<bool(const std::string&)>& image_is_there_;
  GrubBoot boot_;

  std::map<std::string, Value> variables_;
  std::map<std::string, std::shared_ptr<const ScriptBlock>> functions_;
  std::set<std::string> loopbacks_;
  std::vector<std::string>* parameters_ = nullptr;  ///< $1, $2, … of the function or entry
  std::vector<GrubEntry>* menu_ = nullptr;          ///< the one that menuentry adds to
  const ScriptCommand* command_ = nullptr;          ///< the one that runs, for its body
  std::set<std::string> expanded_;                  ///< variables in its words
  std::optional<Loaded> loaded_;
  Status last_;
  bool has_bls_entries_ = false;
  bool first_menu_noted_ = false;
  bool finished_ = false;
  bool returning_ = false;
  bool continue_ = false;
  int loops_ = 0;
  int breaks_ = 0;
  int depth_ = 0;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::size_t file_tests_ = 0;
};

}  // namespace bake::guest
