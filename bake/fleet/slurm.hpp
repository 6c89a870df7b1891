#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/fleet/local.hpp"
#include "bake/fleet/report.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// What was handed to Slurm, kept beside the fleet file so that `bake batch collect` finds it: FLEET.slurm/job.json.
struct Submission {
  std::string job;                   ///< id of the job array
  std::string run;                   ///< as in the result files
  std::string fleet;                 ///< fleet_digest()
  std::vector<std::size_t> indices;  ///< images that it bakes
};

/// FLEET.slurm: the job script, what was submitted, and what the tasks themselves print.
std::filesystem::path slurm_directory(const recipe::Fleet& fleet);

/// The arguments of sbatch: an array of these indices, throttled to options.jobs, requeued when a node is lost, logs
/// appended to. `more` is the user's own (--partition=…), last, so that it wins.
std::vector<std::string> sbatch_arguments(const recipe::Fleet& fleet, const std::vector<std::size_t>& indices,
                                          const FleetOptions& options, const std::vector<std::string>& more);

/// The script of one array task: bakes the image of its index with `bake batch run-one`.
std::string task_script(const recipe::Fleet& fleet, const FleetOptions& options);

/// Hands the images to Slurm and remembers the submission. Throws Error{environment} when there is no sbatch, it cannot
/// reach slurmctld or refuses, or an earlier job of this fleet file, edited since or not, is still in the queue.
Submission submit(const recipe::Fleet& fleet, const std::vector<std::size_t>& indices, const FleetOptions& options,
                  const std::vector<std::string>& more);

/// The last submission of this fleet, if it is about the fleet as it is now.
std::optional<Submission> last_submission(const recipe::Fleet& fleet);

/// Index → state ("RUNNING", "PENDING") of the tasks that `squeue --array --format="%i %T"` lists.
std::map<std::size_t, std::string> parse_queue(const std::string& text);

/// What Slurm has in its queue of a job; nothing at all for a job it no longer knows. Empty when it does not answer.
std::optional<std::map<std::size_t, std::string>> queue_of(const std::string& job);

/// The rows of the submitted images: a result of this run counts once its task has left the queue, or at once when it
/// is a good one (a task that failed may have been requeued). A task that is in neither place has vanished.
std::vector<FleetRow> collect(const recipe::Fleet& fleet, const Submission& submission,
                              const std::map<std::size_t, std::string>& queue);

/// Waits until the job has left the queue or this run is interrupted (needs an OwnInterruption), and collects. Throws
/// Error{environment} when slurmctld does not answer for ten minutes; the job is not touched.
std::vector<FleetRow> wait_for(const recipe::Fleet& fleet, const Submission& submission, Progress& progress);

}  // namespace bake::fleet
