#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/fleet/result.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// Where one image of a fleet stands after a run.
struct FleetRow {
  enum class State {
    skipped,      ///< was done already
    done,         ///< baked and verified in this run
    failed,       ///< its bake said why
    interrupted,  ///< its bake was ended by a signal
    waiting,      ///< not started: this run was interrupted, or Slurm has it in its queue
    running,      ///< on Slurm
    vanished,     ///< Slurm no longer knows its task, which left no result
  };
  std::string name, recipe, output, log;
  State state = State::waiting;
  int status = 0;       ///< its exit code; for what is not done yet, the one it counts as
  std::string message;  ///< why not
  std::string hint;
  std::optional<ImageResult> result;
};

std::string_view name_of(FleetRow::State state);

/// The row of an image whose bake ended and left `result`.
FleetRow row_of(const recipe::FleetImage& image, const ImageResult& result);
/// The row of an image in another state.
FleetRow row_of(const recipe::FleetImage& image, FleetRow::State state, int status, std::string message);

int worst_of(const std::vector<FleetRow>& rows);

nlohmann::ordered_json to_json(const recipe::Fleet& fleet, const std::vector<FleetRow>& rows);
/// One line per image, the heading first, and what went wrong below.
std::string to_text(const std::vector<FleetRow>& rows);

/// Throws an Error of the worst kind naming what is not done; does nothing when all is.
void require_all(const recipe::Fleet& fleet, const std::vector<FleetRow>& rows);

}  // namespace bake::fleet
