#include "bake/cli/matrix_resolve.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <regex>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/matrix_rows.hpp"
#include "matrix/matrix.hpp"

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

std::string name_of(const Choice& choice) { return choice.inbox ? "inbox" : "MLNX_OFED " + choice.ofed; }

std::string asked_name(const Options& options) {
  return options.ofed == "inbox" ? options.ofed : "MLNX_OFED " + options.ofed;
}

/// What no release or kernel can be called. Throws Error{usage}.
void check_words(const Options& options, const Matrix& matrix) {
  if (matrix.find_size(options.os) != nullptr)
    throw Error(ErrorKind::usage, fmt::format("resolving '{}': this is a VM size; the release comes first", options.os),
                fmt::format("bake matrix resolve {} {}", options.sizes.empty() ? "ubuntu20.04" : options.sizes.front(),
                            options.os));
  static const std::regex kernel(R"(\d+(\.\d+)+([-+~_]\S+)?)");
  if (!options.kernel.empty() && !std::regex_match(options.kernel, kernel))
    throw Error(ErrorKind::usage, fmt::format("resolving kernel '{}': that is no kernel release", options.kernel),
                "write it as 'uname -r' does: 3.10.0-1062.el7.x86_64, 5.4.0-1046-azure");
}

std::string block_of(const Choice& choice) {
  auto text = choice.inbox
                  ? fmt::format("   packages  {}\n", join(choice.packages, " "))
                  : fmt::format("   archive   {}\n   sha256    {}\n", choice.file_name,
                                choice.sha256.empty() ? "not public: pin the archive you trust" : choice.sha256);
  text += fmt::format("   module    {}{}\n", choice.driver, choice.libs.empty() ? "" : ", " + choice.libs);
  for (const auto& reason : choice.reasons) text += fmt::format("   why       {}\n", reason);
  for (const auto& warning : choice.warnings) text += fmt::format("   warning   {}\n", warning);
  return text;
}

/// The best choices in full, the others by name.
std::string ranking_of(const std::vector<Choice>& choices, bool all) {
  std::string text;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (all || i < shown_in_full)
      text += fmt::format("{}. {}\n{}", i + 1, name_of(choices[i]), block_of(choices[i]));
    else
      rest.push_back(choices[i].inbox ? "inbox" : choices[i].ofed);
  if (!rest.empty()) text += fmt::format("then {} ('--all' shows why)\n", join(rest, ", "));
  return text;
}

const Choice* find_asked(const std::vector<Choice>& choices, const std::string& ofed) {
  const auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& choice) {
    return ofed == "inbox" ? choice.inbox : choice.ofed == ofed;
  });
  return found == choices.end() ? nullptr : &*found;
}

/// The verdict on the one that was asked for.
std::string verdict_of(const Resolution& resolution, const Options& options) {
  const auto* choice = find_asked(resolution.choices, options.ofed);
  return fmt::format("{}: fits, choice {} of {}\n{}", name_of(*choice), choice - resolution.choices.data() + 1,
                     resolution.choices.size(), block_of(*choice));
}

Json as_json(const Resolution& resolution, const Options& options, bool refused, const std::string& digest) {
  auto choices = Json::array();
  for (const auto& choice : resolution.choices) choices.push_back(cli::as_json(choice));
  Json document{{"choices", choices},
                {"refusals", resolution.refusals},
                {"nearest", resolution.nearest},
                {"asked_refusals", resolution.asked_refusals},
                {"notes", resolution.notes},
                {"matrix", digest}};
  if (!options.ofed.empty()) document["asked"] = {{"driver", options.ofed}, {"fits", !refused}};
  return document;
}

[[noreturn]] void refuse_asked(const Resolution& resolution, const Options& options) {
  auto hints = resolution.asked_remedies;
  std::vector<std::string> fit;
  for (const auto& choice : resolution.choices) fit.push_back(choice.inbox ? "inbox" : choice.ofed);
  hints.push_back("these fit: " + join(fit, ", "));
  throw Error(
      ErrorKind::incompatible,
      fmt::format("resolving '{}': not {}: {}", options.os, asked_name(options), join(resolution.asked_refusals, "; ")),
      join(hints, "; "));
}

void resolve(Context& context, const Options& options) {
  const auto matrix = Matrix::load(context.matrix_overlays);
  check_words(options, matrix);
  const auto [id, version] = split_os(options.os);
  const auto resolution = matrix.resolve({id, version, options.kernel, options.sizes, options.ofed});
  const bool refused = !options.ofed.empty() && find_asked(resolution.choices, options.ofed) == nullptr;
  if (context.json) {
    context.print(as_json(resolution, options, refused, matrix.digest()));
    if (resolution.choices.empty() || refused) context.status = static_cast<int>(ErrorKind::incompatible);
    return;
  }
  if (resolution.choices.empty())
    throw Error(ErrorKind::incompatible, fmt::format("resolving '{}': {}", options.os, join(resolution.refusals, "; ")),
                resolution.nearest);
  if (refused) refuse_asked(resolution, options);
  context.out << (options.ofed.empty() ? ranking_of(resolution.choices, options.all) : verdict_of(resolution, options));
  for (const auto& note : resolution.notes) context.out << fmt::format("note: {}\n", note);
}

}  // namespace

void add_matrix_resolve(CLI::App& matrix, Context& context) {
  auto* command = matrix.add_subcommand("resolve", "which driver serves these VM sizes, best first, and why");
  auto options = std::make_shared<Options>();
  command->add_option("os", options->os, "the release: ubuntu20.04, centos7.7, rhel8.2, …")->required();
  command->add_option("sizes,--vm-size", options->sizes, "the VM sizes that one image must serve");
  command->add_option("--kernel", options->kernel, "the kernel that boots");
  command->add_option(
      "--ofed", options->ofed,
      "judge only this release (or inbox), even if the matrix does not list it; exit 3: it does not fit");
  command->add_flag("--all", options->all, "show every choice in full, not only the best three");
  command->callback([&context, options] { resolve(context, *options); });
}

}  // namespace bake::cli
