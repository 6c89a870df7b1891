#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>

#include "bake/base/error.hpp"
#include "bake/cli/build_info.hpp"
#include "bake/cli/usage.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {

void add_help(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("help", "show the help of a command, as --help does");
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("command", *words, "a command, and its subcommand");
  command->callback([&app, words, &context] {
    if (auto error = mistyped(app, *words)) throw std::move(*error);
    const CLI::App* shown = &app;
    auto name = app.get_name();
    for (const auto& word : *words) {
      const auto found = shown->get_subcommands([&](const CLI::App* next) { return next->get_name() == word; });
      if (found.empty())
        throw Error(ErrorKind::usage, fmt::format("'{}' has no command '{}'", shown->get_name(), word), usage_hint);
      shown = found.front();
      name += " " + word;
    }
    // Not App::help(), which shows the help of the command that was typed.
    context.out << shown->get_formatter()->make_help(shown, name, CLI::AppFormatMode::Normal);
  });
}

void print_version(Context& context) {
  const auto info = build_info();
  if (context.json) {
    Json document{{"version", info.version}, {"commit", info.commit}, {"libraries", Json::object()}};
    for (const auto& [name, version] : info.libraries) document["libraries"][name] = version;
    return context.print(document);
  }
  context.out << fmt::format("bake {} ({})\n", info.version, info.commit);
  for (const auto& [name, version] : info.libraries) context.out << fmt::format("{:<14} {}\n", name, version);
}

}  // namespace bake::cli
