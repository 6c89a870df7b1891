#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/fleet/result.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// The status of one image of a fleet after a run.
struct FleetRow {
  enum class State {
    skipped,      ///< was done already
    done,         ///< baked and verified in this run
    failed,       ///< its bake reported the reason
    interrupted,  ///< its bake was ended by a signal
    waiting,      ///< not started: this run was interrupted, or Slurm has it in its queue
    running,      ///< on Slurm
    vanished,     ///< Slurm no longer knows its task, which left no result
  };
  std::string name, recipe, output, log;
  State state = State::waiting;
  int status = 0;       ///< its exit code; for an image that is not done, the code that it counts as
  std::string message;  ///< why it is not done
  std::string hint;
  std::optional<ImageResult> result;
};

std::string_view name_of(FleetRow::State state);

/// Returns the row of an image whose bake ended with `result`.
FleetRow row_of(const recipe::FleetImage& image, const ImageResult& result);
/// Returns the row of an image in another state.
FleetRow row_of(const recipe::FleetImage& image, FleetRow::State state, int status, std::string message);

int worst_of(const std::vector<FleetRow>& rows);

nlohmann::ordered_json to_json(const recipe::Fleet& fleet, const std::vector<FleetRow>& rows);
/// Returns a heading, one line per image, the messages of the images that are not done, and a summary.
std::string to_text(const std::vector<FleetRow>& rows);

/// Throws an Error of the worst kind that names the images that are not done. Does nothing when all are done.
void require_all(const recipe::Fleet& fleet, const std::vector<FleetRow>& rows);

}  // namespace bake::fleet
