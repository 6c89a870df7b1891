#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bake {

/// Why something failed; its number is the program's exit code (docs/exit-codes.md).
enum class ErrorKind {
  failed = 1,         ///< failed while working: I/O, a guest command, disk full
  usage = 2,          ///< wrong usage of the command line
  incompatible = 3,   ///< the matrix, the kernel or the dependencies do not allow it
  untrusted = 4,      ///< a digest or signature does not match
  config = 5,         ///< a recipe, matrix or fleet file is wrong
  environment = 6,    ///< the appliance does not start, a tool is missing, or the disk is full
  verification = 7,   ///< the finished image failed verification
  bug = 70,           ///< a bug in bake itself
  interrupted = 130,  ///< SIGINT or SIGTERM
};

/// An action of bake that helps the user next. bake/cli shows it as a command line.
struct Remedy {
  enum class Action {
    add_bundle,       ///< take the archive `object` into the store
    add_extras,       ///< take a directory of extra packages into the store; `object`: the recipe that lacks them
    remove_bundle,    ///< remove `object` from the store
    list_bundles,     ///< list the store
    show_bundle,      ///< show `object` of the store
    verify_bundle,    ///< verify `object` of the store, every package
    list_modules,     ///< list the built modules in the store
    remove_modules,   ///< remove the built modules `object` from the store
    export_modules,   ///< write the built modules of an image to a file
    trust_key,        ///< trust the keys of a file
    make_key,         ///< make a key pair for signing
    make_module_key,  ///< make a key and a certificate for kernel modules
    check_vhd,        ///< check the VHD `object`
    wrap_vhd,         ///< make a VHD of the raw disk `object`
    replace_footer,   ///< give the VHD `object` a fresh footer
    write_recipe,     ///< write a recipe for the disk `object`
    bake_recipe,      ///< bake the recipe `object`
    plan_recipe,      ///< plan the recipe `object`
    bake_fleet,       ///< bake the fleet `object`
    verify_image,     ///< verify the finished image `object`
    resign_image,     ///< describe the finished image `object` again, after another program changed it
    check_machine,    ///< check whether this machine has what bake needs
    download,         ///< fetch the URL `object` with another program; bake itself never downloads
  };
  Action action;
  std::string object = {};

  friend bool operator==(const Remedy&, const Remedy&) = default;
};

/// One problem in a file that a person wrote. `where` is "file:line" or the name of the object; validators return every
/// problem that they find, not only the first.
struct Problem {
  std::string where;
  std::string message;
  std::string hint;
  std::vector<Remedy> remedies = {};

  friend bool operator==(const Problem&, const Problem&) = default;
};

/// The one exception of the program. `message` reads "<doing> '<object>': <reason>", lower case, without a full stop;
/// `hint` says what the user can do next, or is empty; `remedies` are the commands of bake that help. Only bake/cli
/// catches it.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {}, std::vector<Remedy> remedies = {});

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] std::string message() const { return what(); }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  [[nodiscard]] const std::vector<Remedy>& remedies() const noexcept { return remedies_; }
  /// Returns the problems that the message lists; empty if it is about one thing that is not in a file.
  [[nodiscard]] const std::vector<Problem>& problems() const noexcept { return problems_; }
  void set_problems(std::vector<Problem> problems) { problems_ = std::move(problems); }

 private:
  ErrorKind kind_;
  std::string hint_;
  std::vector<Remedy> remedies_;
  std::vector<Problem> problems_;
};

/// The kind as the word that JSON output uses: "failed", "usage", "incompatible", …
std::string_view name_of(ErrorKind kind);

/// Returns the worst of several exit codes, the one that the user should look at first: 130 (the run is not complete),
/// 70 (bug), 4 (untrusted), 7 (verification), 6 (environment), 1 (failed; anything unknown counts as this), 3
/// (incompatible), 5, 2, 0.
int worst_status(const std::vector<int>& statuses);

/// Throws Error{kind} when `problems` is not empty. Its message is `doing`, then one line per problem ("  where:
/// message (hint)", a hint that several problems have only once); it has the problems, and the remedies of all, each
/// once. Does nothing when `problems` is empty.
void throw_if_any(ErrorKind kind, std::string_view doing, const std::vector<Problem>& problems);

}  // namespace bake
