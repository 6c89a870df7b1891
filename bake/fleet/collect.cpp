#include "bake/fleet/collect.hpp"

#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/plan.hpp"
#include "bake/fleet/slurm.hpp"

namespace bake::fleet {
namespace {

using State = FleetRow::State;

FleetRow current_row(const recipe::FleetImage& image, bool verify, job::Environment& environment) {
  const auto status = image_status(image, verify, environment);
  const auto result = read_result(sidecar_of(image.output, Sidecar::result));
  if (status.done) {
    auto row = result ? row_of(image, *result) : row_of(image, State::skipped, 0, "");
    row.state = State::skipped;
    return row;
  }
  environment.progress.detail(fmt::format("{}: to bake: {}", image.name, status.reason));
  if (result && result->status != 0) return row_of(image, *result);
  return row_of(image, State::waiting, static_cast<int>(ErrorKind::failed), status.reason);
}

/// Replaces rows by those of the submitted job, where it has the newer state.
void add_submission(const recipe::Fleet& fleet, const Submission& submission, std::vector<FleetRow>& rows) {
  const auto queue = queue_of(submission.job);
  if (!queue)
    throw Error(ErrorKind::environment, fmt::format("asking Slurm for job {}: it does not answer", submission.job),
                "'scontrol ping' shows whether slurmctld answers");
  // An image that is done counts as done, also when another run baked it. An image that changed later does not. For a
  // task without a result the job has the newer state.
  const auto collected = collect(fleet, submission, *queue);
  for (std::size_t i = 0; i < collected.size(); ++i) {
    const auto index = submission.indices[i];
    const auto result = read_result(sidecar_of(fleet.images[index].output, Sidecar::result));
    const bool later = result && result->run != submission.run;
    if (!later && rows[index].state != State::skipped && collected[i].state != State::done) rows[index] = collected[i];
  }
}

}  // namespace

std::vector<FleetRow> current_rows(const recipe::Fleet& fleet, bool verify, job::Environment& environment) {
  std::vector<FleetRow> rows;
  for (const auto& image : fleet.images) rows.push_back(current_row(image, verify, environment));
  if (const auto submission = last_submission(fleet)) add_submission(fleet, *submission, rows);
  return rows;
}

}  // namespace bake::fleet
