#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/fleet/result.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// The options for baking a fleet, for every executor.
struct FleetOptions {
  std::filesystem::path program;                ///< bake itself, absolute
  std::filesystem::path store;                  ///< absolute
  std::vector<std::filesystem::path> overlays;  ///< of the matrix, absolute
  unsigned jobs = 1;                            ///< at most this many at once; 0 on Slurm: no limit
  bool force = false;                           ///< replace outputs that bake did not make
  std::string run;                              ///< the name of this run in the result files
};

/// One image to bake.
struct FleetTask {
  recipe::FleetImage image;
  std::optional<job::KeyParts> key;  ///< without the base
};

/// Returns the options of every bake that is started for a fleet.
std::vector<std::string> common_arguments(const FleetOptions& options);

/// Returns whether a bake may replace the image's output: bake made it (it has a manifest), or `force` is set.
bool may_replace(const recipe::FleetImage& image, bool force);

/// Returns the command line `bake image …` for one image, with --force when it may replace the output.
std::vector<std::string> image_arguments(const recipe::FleetImage& image, const FleetOptions& options);

/// Waits while another bake writes this output. That happens when Slurm requeues the task of a node that seems lost but
/// still runs. Returns early when interrupted.
void wait_until_free(const recipe::FleetImage& image, Progress& progress);

/// Fills in the result of a successful bake from the manifest next to the output. `base_before`: the base as it was
/// before the bake. Throws Error when there is no manifest.
void read_product(const FleetTask& task, const std::optional<FileIdentity>& base_before, ImageResult& result);

/// Bakes the images as child processes, in order, options.jobs at a time. Each writes its log and its result file next
/// to its output; an existing log becomes OUT.log.1. An image whose output is being written by another bake waits.
/// After an interruption (needs an OwnInterruption) the children get SIGTERM and no further child is started. A failure
/// around one bake (its log, its result file) becomes the result of that image; the others go on. Returns the results,
/// also those that could not be written; an image that was not started has none.
std::vector<std::optional<ImageResult>> run_locally(const std::vector<FleetTask>& tasks, const FleetOptions& options,
                                                    Progress& progress);

}  // namespace bake::fleet
