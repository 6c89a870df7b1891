#include "bake/job/doctor.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {
namespace {

using Verdict = job::Diagnosis::Verdict;

std::string_view word(Verdict verdict) {
  return verdict == Verdict::ok ? "ok" : verdict == Verdict::warning ? "warning" : "problem";
}

void examine(Context& context) {
  auto rows = Json::array();
  for (const auto& row : job::examine_machine()) {
    if (row.verdict == Verdict::problem) context.status = static_cast<int>(ErrorKind::environment);
    if (context.json) {
      rows.push_back({{"what", row.what}, {"verdict", word(row.verdict)}, {"found", row.found}, {"fix", row.fix}});
      continue;
    }
    context.out << fmt::format("{:<8} {:<20} {}\n", word(row.verdict), row.what, row.found);
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
