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

/// A submission to Slurm. It is stored in FLEET.slurm/job.json, where `bake batch collect` reads it.
struct Submission {
  std::string job;                   ///< id of the job array
  std::string run;                   ///< the id of the run in the result files
  std::string fleet;                 ///< fleet_digest()
  std::vector<std::size_t> indices;  ///< images of the job
};

/// Returns FLEET.slurm, the directory of the job script, the submission, and the output of the tasks.
std::filesystem::path slurm_directory(const recipe::Fleet& fleet);

/// Returns the arguments of sbatch: an array of these indices, throttled to options.jobs, requeued when a node is lost,
/// with logs in append mode. `more` (--partition=…) comes last, so that the user's options win.
std::vector<std::string> sbatch_arguments(const recipe::Fleet& fleet, const std::vector<std::size_t>& indices,
                                          const FleetOptions& options, const std::vector<std::string>& more);

/// Returns the script of one array task, which bakes the image of its index with `bake batch run-one`.
std::string task_script(const recipe::Fleet& fleet, const FleetOptions& options);

/// Submits the images to Slurm and stores the submission. Throws Error{environment} when there is no sbatch, when
/// sbatch fails, or when an earlier job of this fleet file is still in the queue, even if the file was edited.
Submission submit(const recipe::Fleet& fleet, const std::vector<std::size_t>& indices, const FleetOptions& options,
                  const std::vector<std::string>& more);

/// Returns the last submission; empty when the fleet was edited after it.
std::optional<Submission> last_submission(const recipe::Fleet& fleet);

/// Returns index → state ("RUNNING", "PENDING") of the tasks that `squeue --array --format="%i %T"` lists.
std::map<std::size_t, std::string> parse_queue(const std::string& text);

/// Returns the tasks of a job in Slurm's queue; an empty map for a job that Slurm no longer knows; nullopt when Slurm
/// does not answer.
std::optional<std::map<std::size_t, std::string>> queue_of(const std::string& job);

/// Returns the rows of the submitted images. A result of this run counts when its task has left the queue; a success
/// counts at once (a failed task may be requeued). A task without a result that is not in the queue has vanished.
std::vector<FleetRow> collect(const recipe::Fleet& fleet, const Submission& submission,
                              const std::map<std::size_t, std::string>& queue);

/// Waits until the job has left the queue or this run is interrupted (needs an OwnInterruption), then collects. Throws
/// Error{environment} when slurmctld does not answer for ten minutes; the job goes on.
std::vector<FleetRow> wait_for(const recipe::Fleet& fleet, const Submission& submission, Progress& progress);

}  // namespace bake::fleet
