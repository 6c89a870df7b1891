#include "bake/fleet/slurm.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <thread>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/plan.hpp"

namespace bake::fleet {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Queue = std::map<std::size_t, std::string>;
using State = FleetRow::State;

constexpr std::chrono::seconds poll_interval{1};
constexpr std::chrono::minutes silence_limit{10};
constexpr int vanished_after = 3;  ///< polls without task and result: a shared file system may show a new file late
constexpr const char* remedy =
    "'scontrol ping' shows whether slurmctld answers, $SLURM_CONF names the cluster; --executor local needs no Slurm";

std::string one_line(const std::string& text) {
  std::vector<std::string> lines;
  for (const auto& line : split_lines(text))
    if (!trim(line).empty()) lines.emplace_back(trim(line));
  return join(lines, "; ");
}

void require_slurm() {
  for (const auto* program : {"sbatch", "squeue"})
    if (!find_program(program))
      throw Error(ErrorKind::environment, fmt::format("submitting to Slurm: there is no '{}' on PATH", program),
                  "install Slurm's client programs (Debian: slurm-client) on this machine, or use --executor local");
}

/// Returns the last submission, even when the fleet was edited after it.
std::optional<Submission> read_submission(const recipe::Fleet& fleet) {
  const auto file = slurm_directory(fleet) / "job.json";
  if (!fs::is_regular_file(file)) return std::nullopt;
  const auto json = nlohmann::json::parse(read_text(file), nullptr, false);
  if (!json.is_object() || json.value("schema", "") != "bake-slurm-job/v1") return std::nullopt;
  Submission submission{json.value("job", ""), json.value("run", ""), json.value("fleet", ""), {}};
  for (const auto& index : json.value("indices", nlohmann::json::array()))
    if (index.is_number_unsigned()) submission.indices.push_back(index);
  return submission;
}

/// Throws Error{environment} while an earlier job of this fleet file is in the queue: it may write the same outputs,
/// even when the file was edited after its submission.
void require_idle(const recipe::Fleet& fleet) {
  const auto before = read_submission(fleet);
  if (!before) return;
  const auto queue = queue_of(before->job);
  if (!queue)
    throw Error(ErrorKind::environment, fmt::format("asking Slurm for job {}: it does not answer", before->job),
                remedy);
  if (!queue->empty())
    throw Error(ErrorKind::environment,
                fmt::format("submitting fleet '{}': its job {} still has {} tasks in the queue", fleet.file.string(),
                            before->job, queue->size()),
                before->fleet == fleet_digest(fleet)
                    ? fmt::format("collect their results later, or end them with 'scancel {}'", before->job)
                    : fmt::format("the fleet was edited since: 'squeue --jobs={0}' shows them, 'scancel {0}' ends them",
                                  before->job));
}

/// Returns the last state of a task that has left the queue, which Slurm keeps for MinJobAge seconds: "CANCELLED",
/// "NODE_FAIL", or an empty text.
std::string last_state(const std::string& job, std::size_t index) {
  try {
    const auto shown = run_program({"scontrol", "show", "job", "-o", fmt::format("{}_{}", job, index)});
    for (const auto& word : split_words(shown.out))
      if (word.starts_with("JobState=")) return word.substr(9);
  } catch (const Error&) {
    return {};  // there is no scontrol on this machine
  }
  return {};
}

FleetRow vanished(const recipe::Fleet& fleet, const Submission& submission, std::size_t index) {
  const auto& image = fleet.images[index];
  const auto state = last_state(submission.job, index);
  const bool cancelled = state.starts_with("CANCELLED");
  auto row =
      row_of(image, State::vanished, static_cast<int>(cancelled ? ErrorKind::interrupted : ErrorKind::environment),
             fmt::format("task {}_{} is no longer in Slurm's queue and left no result{}", submission.job, index,
                         state.empty() ? std::string() : fmt::format("; Slurm says {}", state)));
  row.hint = cancelled ? "the job was cancelled; the same command bakes what is left"
                       : fmt::format("the output of the task is in {}/{}_{}.log", slurm_directory(fleet).string(),
                                     submission.job, index);
  return row;
}

/// Reads a directory, so that a network file system looks for new names in it.
void refresh(const fs::path& directory) {
  std::error_code ignored;
  for (fs::directory_iterator entry(directory, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
  }
}

std::optional<ImageResult> result_of_run(const recipe::FleetImage& image, const std::string& run) {
  refresh(image.output.parent_path());
  auto result = read_result(sidecar_of(image.output, Sidecar::result));
  if (result && result->run == run) return result;
  return std::nullopt;
}

void remember(const recipe::Fleet& fleet, const Submission& submission) {
  const nlohmann::ordered_json json{{"schema", "bake-slurm-job/v1"},
                                    {"job", submission.job},
                                    {"run", submission.run},
                                    {"fleet", submission.fleet},
                                    {"indices", submission.indices}};
  write_text_atomically(slurm_directory(fleet) / "job.json", json.dump(2) + "\n");
}

}  // namespace

fs::path slurm_directory(const recipe::Fleet& fleet) { return fleet.file.string() + ".slurm"; }

std::vector<std::string> sbatch_arguments(const recipe::Fleet& fleet, const std::vector<std::size_t>& indices,
                                          const FleetOptions& options, const std::vector<std::string>& more) {
  const auto directory = slurm_directory(fleet).string();
  std::vector<std::string> arguments{
      "sbatch",
      "--parsable",
      "--array=" + index_ranges(indices) + (options.jobs > 0 ? fmt::format("%{}", options.jobs) : ""),
      "--requeue",
      "--open-mode=append",
      "--job-name=bake-" + fleet.file.stem().string(),
      "--output=" + directory + "/%A_%a.log",
      "--chdir=" + fleet.file.parent_path().string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back(directory + "/task.sh");
  return arguments;
}

std::string task_script(const recipe::Fleet& fleet, const FleetOptions& options) {
  auto arguments = common_arguments(options);
  arguments.insert(arguments.end(), {"batch", "run-one", fleet.file.string(), "--fleet-digest", fleet_digest(fleet),
                                     "--run", options.run});
  if (options.force) arguments.emplace_back("--force");
  std::vector<std::string> words;
  words.reserve(arguments.size());
  for (const auto& argument : arguments) words.push_back(shell_quote(argument));
  return "#!/bin/sh\n# One task of a job array that bake submitted.\nexec " + join(words, " ") +
         " --index \"$SLURM_ARRAY_TASK_ID\"\n";
}

Submission submit(const recipe::Fleet& fleet, const std::vector<std::size_t>& indices, const FleetOptions& options,
                  const std::vector<std::string>& more) {
  require_slurm();
  require_idle(fleet);
  const auto directory = slurm_directory(fleet);
  fs::create_directories(directory);
  write_text_atomically(directory / "task.sh", task_script(fleet, options), 0755);
  const auto answer = run_program(sbatch_arguments(fleet, indices, options, more));
  if (answer.status != 0)
    throw Error(ErrorKind::environment,
                fmt::format("submitting to Slurm: sbatch ended with {}: {}", answer.status, one_line(answer.err)),
                remedy);
  // --parsable prints "id" or "id;cluster".
  Submission submission{std::string(trim(split(answer.out, ';').front())), options.run, fleet_digest(fleet), indices};
  if (submission.job.empty() || submission.job.find_first_not_of("0123456789") != std::string::npos)
    throw Error(ErrorKind::environment,
                fmt::format("submitting to Slurm: sbatch printed '{}', not a job id", one_line(answer.out)), remedy);
  remember(fleet, submission);
  return submission;
}

std::optional<Submission> last_submission(const recipe::Fleet& fleet) {
  auto submission = read_submission(fleet);
  if (submission && submission->fleet != fleet_digest(fleet)) submission.reset();
  return submission;
}

Queue parse_queue(const std::string& text) {
  Queue queue;
  for (const auto& line : split_lines(text)) {
    const auto words = split_words(line);
    const auto mark = words.empty() ? std::string::npos : words[0].rfind('_');
    if (words.size() < 2 || mark == std::string::npos) continue;
    std::size_t index = 0;
    const auto* begin = words[0].data() + mark + 1;
    const auto* end = words[0].data() + words[0].size();
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error == std::errc{} && stop == end) queue[index] = words[1];
  }
  return queue;
}

std::optional<Queue> queue_of(const std::string& job) {
  const auto answer = run_program({"squeue", "--noheader", "--array", "--jobs=" + job, "--format=%i %T"});
  if (answer.status == 0) return parse_queue(answer.out);
  if (answer.err.find("Invalid job id") != std::string::npos) return Queue{};
  return std::nullopt;
}

std::vector<FleetRow> collect(const recipe::Fleet& fleet, const Submission& submission, const Queue& queue) {
  std::vector<FleetRow> rows;
  for (const auto index : submission.indices) {
    const auto& image = fleet.images.at(index);
    const auto task = queue.find(index);
    const auto result = result_of_run(image, submission.run);
    if (result && (result->status == 0 || task == queue.end())) {
      rows.push_back(row_of(image, *result));
    } else if (task != queue.end()) {
      const bool waits = task->second == "PENDING";
      rows.push_back(row_of(image, waits ? State::waiting : State::running, static_cast<int>(ErrorKind::failed),
                            fmt::format("task {}_{}: {}", submission.job, index, task->second)));
    } else {
      rows.push_back(vanished(fleet, submission, index));
    }
  }
  return rows;
}

namespace {

Progress::Phase phase_of(State state) {
  if (state == State::waiting) return Progress::Phase::waiting;
  return state == State::running ? Progress::Phase::running : Progress::Phase::over;
}

}  // namespace

std::vector<FleetRow> wait_for(const recipe::Fleet& fleet, const Submission& submission, Progress& progress) {
  std::map<std::string, State> reported;
  auto answered = Clock::now();
  int polls_without_task = 0;
  for (;;) {
    // The queue first: a task that ends between the two reads is found by its result file.
    const auto queue = queue_of(submission.job);
    if (!queue && Clock::now() - answered > silence_limit)
      throw Error(ErrorKind::environment, fmt::format("waiting for job {}: Slurm does not answer", submission.job),
                  "the job is not touched; collect its results later");
    if (queue) {
      answered = Clock::now();
      auto rows = collect(fleet, submission, *queue);
      bool lost = false;
      for (const auto& row : rows) {
        lost = lost || row.state == State::vanished;
        const auto known = reported.find(row.name);
        if (row.state != State::vanished && (known == reported.end() || known->second != row.state))
          progress.part(row.name, name_of(row.state), phase_of(row.state));
        reported[row.name] = row.state;
      }
      polls_without_task = queue->empty() ? polls_without_task + 1 : 0;
      if (interrupted() || (queue->empty() && (!lost || polls_without_task >= vanished_after))) return rows;
    } else if (interrupted()) {
      Queue unknown;
      for (const auto index : submission.indices) unknown[index] = "UNKNOWN";
      return collect(fleet, submission, unknown);
    }
    for (int i = 0; i < 10 && !interrupted(); ++i) std::this_thread::sleep_for(poll_interval / 10);
  }
}

}  // namespace bake::fleet
