#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <memory>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "matrix/json.hpp"
#include "matrix/words.hpp"

namespace bake::cli {
namespace {

using matrix::Choice;
using matrix::Matrix;
using matrix::Resolution;

constexpr std::size_t shown_in_full = 3;

struct Options {
  std::string os, kernel, ofed;
  std::vector<std::string> sizes;
  bool all = false;
};

std::string name_of(const Choice& choice) { return choice.inbox ? "inbox" : matrix::product_name(choice.ofed); }

std::string requested_name(const Options& options) {
  return options.ofed == "inbox" ? options.ofed : matrix::product_name(options.ofed);
}

/// Returns whether uname(2) can report this text as a release: a version and any suffix, in at most 64 bytes.
bool is_kernel_release(const std::string& text) {
  constexpr std::size_t max_length = 64;
  const auto digits = text.find_first_not_of("0123456789");
  return text.size() <= max_length && digits != 0 && digits != std::string::npos && text[digits] == '.' &&
         digits + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[digits + 1])) != 0 &&
         text.find_first_of(" \t\n") == std::string::npos;
}

/// Returns the same command with the release first.
std::string reordered(const Options& options, const Matrix& matrix) {
  auto sizes = std::vector{options.os};
  std::string os = "ubuntu20.04";
  for (const auto& word : options.sizes)
    if (matrix.find_size(word) != nullptr)
      sizes.push_back(word);
    else
      os = word;
  return fmt::format("bake matrix resolve {} {}", shell_quote(os), join(sizes, " "));
}

/// Throws Error{usage} when a word cannot be a release, a driver release or a kernel.
void check_words(const Options& options, const Matrix& matrix) {
  if (matrix.find_size(options.os) != nullptr)
    throw Error(ErrorKind::usage, fmt::format("resolving '{}': this is a VM size; the release comes first", options.os),
                reordered(options, matrix));
  if (!options.ofed.empty() && options.ofed != "inbox" && !matrix::driver_words(options.ofed))
    throw Error(ErrorKind::usage, fmt::format("resolving --ofed '{}': not a release", options.ofed),
                "write 'inbox' or a release: 5.5-1.0.3.2, doca-3.2.3-019000");
  if (!options.kernel.empty() && !is_kernel_release(options.kernel))
    throw Error(ErrorKind::usage, fmt::format("resolving kernel '{}': not a kernel release", options.kernel),
                "write it as 'uname -r' prints it: 3.10.0-1062.el7.x86_64, 5.4.0-1046-azure");
}

std::string block_of(const Choice& choice) {
  auto text = choice.inbox
                  ? fmt::format("   packages  {}\n", join(choice.packages, " "))
                  : fmt::format("   archive   {}\n   sha256    {}\n", choice.file_name,
                                choice.sha256.empty() ? "not public: pin the digest of an archive that you trust"
                                                      : choice.sha256);
  if (!choice.url.empty()) text += fmt::format("   url       {}\n", choice.url);
  text += fmt::format("   module    {}{}\n", choice.driver, choice.libs.empty() ? "" : ", " + choice.libs);
  for (const auto& reason : choice.reasons) text += fmt::format("   why       {}\n", reason);
  for (const auto& warning : choice.warnings) text += fmt::format("   warning   {}\n", warning);
  return text;
}

/// Returns the names of at most `max_count` choices, beginning with choice `first`.
std::string names_of(const std::vector<Choice>& choices, std::size_t first, std::size_t max_count) {
  std::vector<std::string> names;
  for (std::size_t i = first; i < choices.size() && names.size() < max_count; ++i)
    names.push_back(choices[i].inbox ? "inbox" : choices[i].ofed);
  return join(names, ", ");
}

/// Returns the best choices with all fields, and the names of the others.
std::string ranking_of(const std::vector<Choice>& choices, bool all) {
  std::string text;
  const auto in_full = all ? choices.size() : std::min(choices.size(), shown_in_full);
  for (std::size_t i = 0; i < in_full; ++i)
    text += fmt::format("{}. {}\n{}", i + 1, name_of(choices[i]), block_of(choices[i]));
  if (in_full < choices.size())
    text += fmt::format("then {} ('--all' shows why)\n", names_of(choices, in_full, choices.size()));
  return text;
}

const Choice* find_requested(const std::vector<Choice>& choices, const std::string& ofed) {
  const auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& choice) {
    return ofed == "inbox" ? choice.inbox : choice.ofed == ofed;
  });
  return found == choices.end() ? nullptr : &*found;
}

/// Returns the answer for the release of --ofed.
std::string answer_for_requested(const Resolution& resolution, const Options& options) {
  const auto* choice = find_requested(resolution.choices, options.ofed);
  return fmt::format("{}: fits, choice {} of {}\n{}", name_of(*choice), choice - resolution.choices.data() + 1,
                     resolution.choices.size(), block_of(*choice));
}

Json to_json(const Resolution& resolution, const Options& options, bool refused, const std::string& digest) {
  auto choices = Json::array();
  for (const auto& choice : resolution.choices) choices.push_back(choice);
  Json document{{"choices", choices},
                {"refusals", resolution.refusals},
                {"nearest", resolution.suggestion},
                {"asked_refusals", resolution.requested_refusals},
                {"notes", resolution.notes},
                {"matrix", digest}};
  if (!options.ofed.empty())
    document["asked"] = {{"driver", options.ofed}, {"fits", !refused}, {"remedies", resolution.requested_remedies}};
  return document;
}

[[noreturn]] void refuse(const Resolution& resolution, const Options& options) {
  std::vector<std::string> messages, hints;
  if (!resolution.requested_refusals.empty())
    messages.push_back(fmt::format("not {}: {}", requested_name(options), join(resolution.requested_refusals, "; ")));
  hints = resolution.requested_remedies;
  if (resolution.choices.empty()) {
    messages.insert(messages.end(), resolution.refusals.begin(), resolution.refusals.end());
    if (!resolution.suggestion.empty()) hints.push_back(resolution.suggestion);
  } else {
    hints.push_back("these fit, best first: " + names_of(resolution.choices, 0, shown_in_full));
  }
  throw Error(ErrorKind::incompatible, fmt::format("resolving '{}': {}", options.os, join(messages, "; ")),
              join(hints, "; "));
}

void resolve(Context& context, Options options) {
  const auto matrix = Matrix::load(context.matrix_overlays);
  check_words(options, matrix);
  options.ofed = matrix.driver_release(options.ofed);
  const auto [id, version] = matrix::release_words(options.os);
  const auto resolution = matrix.resolve({id, version, options.kernel, options.sizes, options.ofed});
  const bool refused = !options.ofed.empty() && find_requested(resolution.choices, options.ofed) == nullptr;
  if (context.json) {
    context.print(to_json(resolution, options, refused, matrix.digest()));
    if (resolution.choices.empty() || refused) context.status = static_cast<int>(ErrorKind::incompatible);
    return;
  }
  if (resolution.choices.empty() || refused) refuse(resolution, options);
  context.out << (options.ofed.empty() ? ranking_of(resolution.choices, options.all)
                                       : answer_for_requested(resolution, options));
  for (const auto& note : resolution.notes) context.out << fmt::format("note: {}\n", note);
}

}  // namespace

void add_matrix_resolve(CLI::App& matrix, Context& context) {
  auto* command = matrix.add_subcommand("resolve", "which drivers support these VM sizes, best first, and why");
  auto options = std::make_shared<Options>();
  command->add_option("os", options->os, "the release: ubuntu20.04, centos7.7, rhel8.2, …")->required();
  command->add_option("sizes,--vm-size", options->sizes, "the VM sizes that one image must support");
  command->add_option("--kernel", options->kernel, "the kernel that boots");
  command->add_option(
      "--ofed", options->ofed,
      "check only this release (or inbox), even if the matrix does not list it; exit 3: it does not fit");
  command->add_flag("--all", options->all, "show all fields of every choice, not only of the best three");
  command->callback([&context, options] { resolve(context, *options); });
}

}  // namespace bake::cli
