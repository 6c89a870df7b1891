#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/fleet/result.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// How a fleet's images are baked: what every executor needs to know.
struct FleetOptions {
  std::filesystem::path program;                ///< bake itself, absolute
  std::filesystem::path store;                  ///< absolute
  std::vector<std::filesystem::path> overlays;  ///< of the matrix, absolute
  unsigned jobs = 1;                            ///< at most this many at once; 0 on Slurm: as many as it has room for
  bool force = false;                           ///< replace outputs that bake did not make
  std::string run;                              ///< names this run in the result files
};

/// One image to bake.
struct FleetTask {
  recipe::FleetImage image;
  std::optional<job::KeyParts> key;  ///< without the base
};

/// The options that every bake started for a fleet gets.
std::vector<std::string> common_arguments(const FleetOptions& options);

/// Whether a bake may replace what stands at the image's output: one that bake made (its manifest lies beside it), any
/// with `force`.
bool may_replace(const recipe::FleetImage& image, bool force);

/// `bake image …` for one image, with --force where it may replace.
std::vector<std::string> image_arguments(const recipe::FleetImage& image, const FleetOptions& options);

/// Waits while another bake writes this output, as when a task is requeued while its node, thought lost, goes on. Ends
/// early when interrupted.
void wait_until_free(const recipe::FleetImage& image, Progress& progress);

/// Bakes the images as child processes, in order, options.jobs at a time. Each leaves its log and its result file
/// beside its output; a log that is there becomes OUT.log.1. While another bake writes an output, its turn waits. After
/// an interruption (needs an OwnInterruption) the children are ended in good order and no more are started. What goes
/// wrong around one bake (its log, its result file) is the result of that image; the others go on. Gives the results,
/// also those that could not be written; empty for what was not started.
std::vector<std::optional<ImageResult>> run_locally(const std::vector<FleetTask>& tasks, const FleetOptions& options,
                                                    Progress& progress);

}  // namespace bake::fleet
