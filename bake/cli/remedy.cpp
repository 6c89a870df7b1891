#include "bake/cli/remedy.hpp"

#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

using Action = Remedy::Action;

/// The command line without --store; `{}` is the remedy's object.
const char* pattern_of(Action action) {
  switch (action) {
    case Action::add_bundle:
      return "bake bundle add {}";
    case Action::add_extras:
      return "bake bundle add --extra DIRECTORY";
    case Action::remove_bundle:
      return "bake bundle remove {}";
    case Action::list_bundles:
      return "bake bundle list";
    case Action::show_bundle:
      return "bake bundle show {}";
    case Action::verify_bundle:
      return "bake bundle verify --json {}";
    case Action::list_modules:
      return "bake modules list";
    case Action::remove_modules:
      return "bake modules remove {}";
    case Action::export_modules:
      return "bake modules export IMAGE -o FILE";
    case Action::trust_key:
      return "bake bundle trust KEYFILE";
    case Action::make_key:
      return "bake key new --out NAME";
    case Action::make_module_key:
      return "bake key new --modules NAME";
    case Action::check_vhd:
      return "bake vhd check {}";
    case Action::wrap_vhd:
      return "bake vhd wrap {} -o NEW.vhd";
    case Action::replace_footer:
      return "bake vhd wrap --drop-footer {} -o NEW.vhd";
    case Action::write_recipe:
      return "bake init {} --vm-size SIZE";
    case Action::bake_recipe:
      return "bake image {}";
    case Action::plan_recipe:
      return "bake plan {}";
    case Action::bake_fleet:
      return "bake batch {}";
    case Action::verify_image:
      return "bake verify {}";
    case Action::resign_image:
      return "bake resign {}";
    case Action::check_machine:
      return "bake doctor";
    case Action::download:
      return "curl --fail --location --remote-name {}";
  }
  return "";
}

bool uses_store(Action action) {
  switch (action) {
    case Action::make_key:
    case Action::make_module_key:
    case Action::check_vhd:
    case Action::wrap_vhd:
    case Action::replace_footer:
    case Action::write_recipe:
    case Action::verify_image:
    case Action::resign_image:
    case Action::check_machine:
    case Action::download:
      return false;
    default:
      return true;
  }
}

/// Splits "file:line"; the line is 0 if `where` is not a line of a file.
std::pair<std::string, int> place_of(const std::string& where) {
  const auto colon = where.rfind(':');
  int line = 0;
  if (colon == std::string::npos) return {where, 0};
  const auto* end = where.data() + where.size();
  const auto [stop, error] = std::from_chars(where.data() + colon + 1, end, line);
  if (error != std::errc{} || stop != end) line = 0;
  return {where.substr(0, colon), line};
}

}  // namespace

std::string store_option(const Context& context) {
  return context.store == context.default_store ? "" : " --store " + shell_quote(context.store.string());
}

std::vector<std::string> command_lines(const Context& context, const std::vector<Remedy>& remedies) {
  std::vector<std::string> lines;
  for (const auto& [action, object] : remedies) {
    // The object of this one is the recipe that lacks the packages, if a recipe is known.
    if (action == Action::add_extras && !object.empty())
      lines.push_back("bake extras wanted " + shell_quote(object) + store_option(context));
    auto line = fmt::format(fmt::runtime(pattern_of(action)), shell_quote(object));
    if (uses_store(action)) line += store_option(context);
    lines.push_back(std::move(line));
  }
  return lines;
}

nlohmann::ordered_json to_json(const Context& context, const Problem& problem) {
  return {{"where", problem.where},
          {"message", problem.message},
          {"hint", problem.hint},
          {"commands", command_lines(context, problem.remedies)}};
}

std::string advice(const Context& context, const Problem& problem) {
  std::vector<std::string> parts;
  if (!problem.hint.empty()) parts.push_back(problem.hint);
  for (const auto& command : command_lines(context, problem.remedies)) parts.push_back("run: " + command);
  return parts.empty() ? "" : fmt::format(" ({})", join(parts, "; "));
}

std::string quote_command(std::string_view command) {
  return command.find('\'') == std::string_view::npos ? fmt::format("'{}'", command) : std::string(command);
}

Json to_json(const Context& context, const Error& error) {
  auto problems = Json::array();
  for (const auto& problem : error.problems()) {
    const auto [file, line] = place_of(problem.where);
    problems.push_back({{"file", line > 0 ? Json(file) : Json()}, {"line", line > 0 ? Json(line) : Json()}});
    problems.back().update(to_json(context, problem));
  }
  return {{"kind", name_of(error.kind())},
          {"exit_code", static_cast<int>(error.kind())},
          {"message", error.message()},
          {"hint", error.hint()},
          {"commands", command_lines(context, error.remedies())},
          {"problems", std::move(problems)}};
}

}  // namespace bake::cli
