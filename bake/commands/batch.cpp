#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/collect.hpp"
#include "bake/fleet/local.hpp"
#include "bake/fleet/plan.hpp"
#include "bake/fleet/report.hpp"
#include "bake/fleet/slurm.hpp"
#include "bake/job/image.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;
using fleet::FleetRow;
using fleet::FleetTask;
using recipe::Fleet;
using State = FleetRow::State;

struct BatchOptions {
  fs::path fleet;
  std::string executor = "local";
  unsigned jobs = 0;
  std::vector<std::string> sbatch;
  bool force = false;
  bool verify = false;
  bool dry_run = false;
  bool no_wait = false;
  std::size_t index = 0;
  std::string digest;
  std::string run;
};

fs::path own_program() { return fs::read_symlink("/proc/self/exe"); }

/// Returns how many appliances this machine runs at once. Each keeps one processor busy, with and without KVM. It has
/// 1 GiB of memory; the rest is for bake itself and the cache of files.
unsigned appliances_at_once() {
  constexpr std::uint64_t memory_of_each = std::uint64_t{2} << 30U;
  const auto memory = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES))) *
                      static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  const auto fitting = std::min<std::uint64_t>(memory / memory_of_each, std::thread::hardware_concurrency());
  return std::max(1U, static_cast<unsigned>(fitting));
}

fleet::FleetOptions fleet_options(const BatchOptions& options, const Context& context) {
  fleet::FleetOptions fleet;
  fleet.program = own_program();
  fleet.store = fs::absolute(context.store);
  for (const auto& overlay : context.matrix_overlays) fleet.overlays.push_back(fs::absolute(overlay));
  fleet.jobs = options.jobs;
  if (fleet.jobs == 0 && options.executor == "local") fleet.jobs = appliances_at_once();
  fleet.force = options.force;
  fleet.run = options.run.empty() ? uuid_from(fmt::format("{} {} {}", ::getpid(), iso_time(output_time()),
                                                          std::chrono::steady_clock::now().time_since_epoch().count()))
                                  : options.run;
  return fleet;
}

/// The images to bake, and the rows of all images.
struct Todo {
  std::vector<std::size_t> indices;
  std::vector<FleetTask> tasks;      ///< as indices
  std::vector<std::string> reasons;  ///< as indices
  std::vector<FleetRow> rows;        ///< one per image of the fleet
};

Todo examine_fleet(const Fleet& fleet, const BatchOptions& options, job::Environment& environment) {
  Todo todo;
  for (std::size_t i = 0; i < fleet.images.size(); ++i) {
    const auto& image = fleet.images[i];
    auto status = fleet::image_status(image, options.verify, environment);
    if (options.force) status = {false, "--force", status.key};
    if (status.done) {
      auto row = fleet::row_of(image, *fleet::read_result(sidecar_of(image.output, Sidecar::result)));
      row.state = State::skipped;
      todo.rows.push_back(std::move(row));
      continue;
    }
    environment.progress.detail(fmt::format("{}: to bake: {}", image.name, status.reason));
    todo.indices.push_back(i);
    todo.tasks.push_back({image, status.key});
    todo.reasons.push_back(status.reason);
    todo.rows.push_back(fleet::row_of(image, State::waiting, static_cast<int>(ErrorKind::interrupted), "not started"));
  }
  return todo;
}

void print(const Fleet& fleet, const std::vector<FleetRow>& rows, Context& context) {
  if (context.json) {
    context.print(fleet::to_json(fleet, rows));
    context.document_printed = true;
  } else {
    context.out << fleet::to_text(rows) << std::flush;
  }
}

/// Prints the rows. Throws the worst of their errors.
void report(const Fleet& fleet, const std::vector<FleetRow>& rows, Context& context) {
  print(fleet, rows, context);
  fleet::require_all(fleet, rows);
}

/// Returns the error that would refuse a bake of `image` at its start, if any. Does not make the slow checks: the
/// digests of the base and the payloads.
std::optional<Error> refusal_of(const recipe::FleetImage& image, bool force, job::Environment& environment) {
  try {
    require_replaceable(image.output, fleet::may_replace(image, force));
    job::open_job(image.recipe, environment);
    return std::nullopt;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    return error;
  }
}

/// Prints the images that would be baked. Throws an Error of the worst kind of the refusals.
void show_plan(const Fleet& fleet, const Todo& todo, bool force, Context& context, job::Environment& environment) {
  auto images = Json::array();
  std::vector<int> statuses;
  std::size_t next = 0;
  for (std::size_t i = 0; i < todo.rows.size(); ++i) {
    const bool bake = next < todo.indices.size() && todo.indices[next] == i;
    const auto refusal = bake ? refusal_of(todo.tasks[next].image, force, environment) : std::nullopt;
    const auto reason = bake ? todo.reasons[next++] : std::string();
    const auto& row = todo.rows[i];
    if (refusal) statuses.push_back(static_cast<int>(refusal->kind()));
    if (context.json) {
      images.push_back(
          {{"image", row.name}, {"recipe", row.recipe}, {"output", row.output}, {"bake", bake}, {"reason", reason}});
      if (refusal) images.back()["refusal"] = to_json(context, *refusal);
      continue;
    }
    context.out << fmt::format("{}  {}{}\n", bake ? "bake" : "done", row.name, bake ? "  (" + reason + ")" : "");
    if (!refusal) continue;
    context.out << fmt::format("      refused: {}\n", refusal->message())
                << (refusal->hint().empty() ? "" : fmt::format("      hint: {}\n", refusal->hint()));
    for (const auto& command : command_lines(context, refusal->remedies()))
      context.out << fmt::format("      run: {}\n", command);
  }
  if (context.json) {
    context.print({{"to_bake", todo.indices.size()}, {"refused", statuses.size()}, {"images", images}});
    context.document_printed = true;
  }
  if (!statuses.empty())
    throw Error(static_cast<ErrorKind>(worst_status(statuses)),
                fmt::format("baking fleet '{}': {} of {} images would be refused", fleet.file.string(), statuses.size(),
                            todo.rows.size()));
}

void make_directories(const Todo& todo) {
  for (const auto& task : todo.tasks) fs::create_directories(task.image.output.parent_path());
}

void bake_locally(const Todo& todo, std::vector<FleetRow>& rows, const fleet::FleetOptions& options, Context& context) {
  const auto results = fleet::run_locally(todo.tasks, options, context.progress());
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i]) rows[todo.indices[i]] = fleet::row_of(todo.tasks[i].image, *results[i]);
}

void bake_on_slurm(const Fleet& fleet, const Todo& todo, std::vector<FleetRow>& rows, const BatchOptions& options,
                   const fleet::FleetOptions& fleet_options, Context& context) {
  const auto submission = fleet::submit(fleet, todo.indices, fleet_options, options.sbatch);
  context.progress().step(fmt::format("Slurm job {}: {} images", submission.job, todo.indices.size()));
  const auto collected =
      options.no_wait ? fleet::collect(fleet, submission,
                                       fleet::queue_of(submission.job).value_or(std::map<std::size_t, std::string>{}))
                      : fleet::wait_for(fleet, submission, context.progress());
  for (std::size_t i = 0; i < collected.size(); ++i) rows[submission.indices[i]] = collected[i];
  if (interrupted())
    context.progress().warn(fmt::format("the Slurm job goes on; {} shows its results, 'scancel {}' ends it",
                                        quote_command("bake batch collect " + shell_quote(options.fleet.string())),
                                        submission.job));
}

void bake_fleet(const BatchOptions& options, Context& context) {
  if (options.fleet.empty()) throw Error(ErrorKind::usage, "baking a fleet: no fleet file", "bake batch FLEET.yaml");
  if (options.executor == "local" && (options.no_wait || !options.sbatch.empty()))
    throw Error(ErrorKind::usage, "baking a fleet: --no-wait and --sbatch are for Slurm", "add --executor slurm");
  const auto fleet = recipe::load_fleet(options.fleet);
  RealEnvironment environment(context);
  auto todo = examine_fleet(fleet, options, environment.get());
  if (options.dry_run) return show_plan(fleet, todo, options.force, context, environment.get());
  auto rows = todo.rows;
  const OwnInterruption mine;
  if (!todo.tasks.empty()) {
    make_directories(todo);
    const auto how = fleet_options(options, context);
    if (options.executor == "slurm")
      bake_on_slurm(fleet, todo, rows, options, how, context);
    else
      bake_locally(todo, rows, how, context);
    if (options.no_wait) return print(fleet, rows, context);  // the job is submitted; nothing else to do
  }
  report(fleet, rows, context);
}

/// Reports the state of every image of the fleet.
void collect_fleet(const BatchOptions& options, Context& context) {
  const auto fleet = recipe::load_fleet(options.fleet);
  RealEnvironment environment(context);
  report(fleet, fleet::current_rows(fleet, options.verify, environment.get()), context);
}

/// Bakes one image of the fleet: the command of a task in a Slurm array.
void bake_one_of(const BatchOptions& options, Context& context) {
  const auto fleet = recipe::load_fleet(options.fleet);
  if (!options.digest.empty() && options.digest != fleet::fleet_digest(fleet))
    throw Error(
        ErrorKind::config,
        fmt::format("reading fleet '{}': its images have changed since it was submitted", options.fleet.string()),
        "submit it again");
  if (options.index >= fleet.images.size())
    throw Error(ErrorKind::usage, fmt::format("baking image {} of '{}': it has {} images, the first is 0",
                                              options.index, options.fleet.string(), fleet.images.size()));
  const auto& image = fleet.images[options.index];
  RealEnvironment environment(context);
  auto how = fleet_options(options, context);
  how.jobs = 1;
  const OwnInterruption mine;
  fs::create_directories(image.output.parent_path());
  fleet::wait_until_free(image, context.progress());  // another bake may be about to finish this image
  const auto status = fleet::image_status(image, false, environment.get());
  auto row = fleet::row_of(image, State::waiting, static_cast<int>(ErrorKind::interrupted), "not started");
  if (status.done && !options.force) {
    auto result = *fleet::read_result(sidecar_of(image.output, Sidecar::result));
    result.run = how.run;
    fleet::write_result(sidecar_of(image.output, Sidecar::result), result);
    row = fleet::row_of(image, result);
    row.state = State::skipped;
  } else if (const auto result = fleet::run_locally({{image, status.key}}, how, context.progress()).front(); result) {
    row = fleet::row_of(image, *result);
  }
  report(fleet, {row}, context);
}

void add_collect(CLI::App* batch, const std::shared_ptr<BatchOptions>& options, Context& context) {
  auto* command = batch->add_subcommand("collect", "show the results of a fleet; bakes nothing");
  command->add_option("fleet", options->fleet, "the fleet (schema bake/fleet/v1)")->required();
  command->callback([options, &context] { collect_fleet(*options, context); });
}

void add_run_one(CLI::App* batch, const std::shared_ptr<BatchOptions>& options, Context& context) {
  auto* command =
      batch->add_subcommand("run-one", "bake one image of a fleet: the command of each task in a Slurm array");
  command->add_option("fleet", options->fleet, "the fleet (schema bake/fleet/v1)")->required();
  command->add_option("--index", options->index, "which image; the first is 0")->required();
  command->add_option("--fleet-digest", options->digest, "refuse when the fleet's images have changed");
  command->add_option("--run", options->run, "the id of the run in the result file");
  command->add_flag("--force", options->force, "bake even when it is done; replace existing files");
  command->callback([options, &context] { bake_one_of(*options, context); });
}

}  // namespace

void add_batch(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("batch", "bake every image of a fleet; skips images that are done and verified");
  auto options = std::make_shared<BatchOptions>();
  command->add_option("fleet", options->fleet, "the fleet (schema bake/fleet/v1)");
  command->add_option("--executor", options->executor, "local: child processes; slurm: one job array")
      ->check(CLI::IsMember({"local", "slurm"}));
  command
      ->add_option("--jobs", options->jobs,
                   "images at once (local: one for each processor and 2 GiB of memory; slurm: no limit)")
      ->check(CLI::Range(1U, 10000U));
  command->add_option("--sbatch", options->sbatch, "an option for sbatch (--sbatch=--partition=hpc), repeatable")
      ->allow_extra_args(false);
  command->add_flag("--no-wait", options->no_wait, "slurm: submit and end; 'collect' shows the results later");
  command->add_flag("--verify", options->verify, "hash bases and outputs again even when they look unchanged");
  command->add_flag("--force", options->force, "bake all images; replace existing files");
  command->add_flag("--dry-run", options->dry_run,
                    "show which images would be baked and why, and which would be refused");
  add_collect(command, options, context);
  add_run_one(command, options, context);
  command->callback([command, options, &context] {
    if (command->get_subcommands().empty()) bake_fleet(*options, context);
  });
}

}  // namespace bake::cli
