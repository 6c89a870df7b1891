#include "bake/fleet/report.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/plan.hpp"

namespace bake::fleet {
namespace {

using Json = nlohmann::ordered_json;
using State = FleetRow::State;

constexpr State all_states[] = {State::skipped, State::done,    State::failed,  State::interrupted,
                                State::waiting, State::running, State::vanished};

std::size_t count(const std::vector<FleetRow>& rows, State state) {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [state](const FleetRow& row) { return row.state == state; }));
}

Json to_json(const FleetRow& row) {
  Json json{{"image", row.name}, {"recipe", row.recipe},        {"output", row.output},
            {"log", row.log},    {"state", name_of(row.state)}, {"status", row.status}};
  if (!row.message.empty()) json["message"] = row.message;
  if (!row.hint.empty()) json["hint"] = row.hint;
  if (!row.result) return json;
  json["seconds"] = row.result->seconds;
  json["host"] = row.result->host;
  if (row.result->status != 0) return json;
  json["os"] = row.result->os;
  json["ofed"] = row.result->ofed;
  json["kernel"] = row.result->kernel;
  json["sha256"] = row.result->output.sha256;
  if (row.result->key) json["key"] = job::key_of(*row.result->key);
  return json;
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::skipped:
      return "skipped";
    case State::done:
      return "done";
    case State::failed:
      return "failed";
    case State::interrupted:
      return "interrupted";
    case State::waiting:
      return "waiting";
    case State::running:
      return "running";
    case State::vanished:
      return "vanished";
  }
  return "failed";
}

FleetRow row_of(const recipe::FleetImage& image, State state, int status, std::string message) {
  FleetRow row;
  row.name = image.name;
  row.recipe = image.recipe.file.string();
  row.output = image.output.string();
  row.log = sidecar_of(image.output, Sidecar::log).string();
  row.state = state;
  row.status = status;
  row.message = std::move(message);
  return row;
}

FleetRow row_of(const recipe::FleetImage& image, const ImageResult& result) {
  const auto state = result.status == 0                                          ? State::done
                     : result.status == static_cast<int>(ErrorKind::interrupted) ? State::interrupted
                                                                                 : State::failed;
  auto row = row_of(image, state, result.status, result.message);
  row.hint = result.hint;
  row.result = result;
  return row;
}

int worst_of(const std::vector<FleetRow>& rows) {
  std::vector<int> statuses;
  statuses.reserve(rows.size());
  for (const auto& row : rows) statuses.push_back(row.status);
  return worst_status(statuses);
}

Json to_json(const recipe::Fleet& fleet, const std::vector<FleetRow>& rows) {
  Json summary;
  for (const auto state : all_states) summary[std::string(name_of(state))] = count(rows, state);
  auto images = Json::array();
  for (const auto& row : rows) images.push_back(to_json(row));
  return {{"fleet", fleet.file.string()}, {"status", worst_of(rows)}, {"summary", summary}, {"images", images}};
}

std::string to_text(const std::vector<FleetRow>& rows) {
  std::size_t width = 5;
  for (const auto& row : rows) width = std::max(width, row.name.size());
  auto text = fmt::format("{:<{}}  {:<11}  {:>4}  {:>7}  {}\n", "IMAGE", width, "STATE", "EXIT", "SECONDS", "DRIVER");
  for (const auto& row : rows) {
    const bool took = row.result && row.state != State::skipped;
    text += trim(fmt::format("{:<{}}  {:<11}  {:>4}  {:>7}  {}", row.name, width, name_of(row.state), row.status,
                             took ? fmt::format("{:.0f}", row.result->seconds) : "",
                             row.result && row.status == 0 ? row.result->ofed + ", " + row.result->os : "")),
        text += '\n';
  }
  for (const auto& row : rows) {
    if (row.message.empty()) continue;
    text += fmt::format("{}: {}\n", row.name, row.message);
    if (!row.hint.empty()) text += fmt::format("{}: hint: {}\n", row.name, row.hint);
  }
  std::vector<std::string> totals;
  for (const auto state : all_states)
    if (const auto number = count(rows, state); number != 0)
      totals.push_back(fmt::format("{} {}", number, name_of(state)));
  return text + join(totals, ", ") + "\n";
}

void require_all(const recipe::Fleet& fleet, const std::vector<FleetRow>& rows) {
  const int worst = worst_of(rows);
  if (worst == 0) return;
  std::vector<std::string> missing;
  for (const auto& row : rows)
    if (row.status != 0) missing.push_back(fmt::format("{} ({})", row.name, name_of(row.state)));
  std::string hint = "each image has its log next to its output: OUT.log";
  std::vector<Remedy> remedies;
  // A run over a part of the fleet does not suggest a run over all of it.
  if (rows.size() == fleet.images.size()) {
    hint += "; run it again with the same options to bake what is left";
    remedies = {{Remedy::Action::bake_fleet, fleet.file.string()}};
  }
  throw Error(static_cast<ErrorKind>(worst),
              fmt::format("baking fleet '{}': {} of {} images are not done: {}", fleet.file.string(), missing.size(),
                          rows.size(), join(missing, ", ")),
              hint, remedies);
}

}  // namespace bake::fleet
