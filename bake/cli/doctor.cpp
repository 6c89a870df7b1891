#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/cli/context.hpp"
#include "bake/cli/machine.hpp"

namespace bake::cli {
namespace {

using Level = Diagnosis::Level;

std::string_view word(Level level) {
  return level == Level::ok ? "ok" : level == Level::warning ? "warning" : "problem";
}

void examine(Context& context) {
  auto rows = Json::array();
  for (const auto& row : check_machine()) {
    if (row.level == Level::problem) context.status = static_cast<int>(ErrorKind::environment);
    if (context.json) {
      rows.push_back({{"what", row.what}, {"verdict", word(row.level)}, {"found", row.found}, {"fix", row.fix}});
      continue;
    }
    context.out << fmt::format("{:<8} {:<20} {}\n", word(row.level), row.what, row.found);
    if (!row.fix.empty()) context.out << fmt::format("{:<8} {:<20} fix: {}\n", "", "", row.fix);
  }
  if (context.json) context.print({{"can_bake", context.status == 0}, {"checks", rows}});
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("doctor", "can this machine bake? each problem with its fix");
  command->callback([&context] { examine(context); });
}

}  // namespace bake::cli
