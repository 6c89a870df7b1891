// Baking a fleet: the decisions, the stored files, and the called programs.
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"
#include "bake/fleet/local.hpp"
#include "bake/fleet/plan.hpp"
#include "bake/fleet/report.hpp"
#include "bake/fleet/slurm.hpp"
#include "tests/support/error_of.hpp"

namespace bake::fleet {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const job::KeyParts parts{"b", "r", "d", "m", "v"};

TEST(FleetArray, WritesIndicesAsRanges) {
  EXPECT_EQ(index_ranges({0, 1, 2, 3, 4, 5}), "0-5");
  EXPECT_EQ(index_ranges({0, 2, 3, 7}), "0,2-3,7");
  EXPECT_EQ(index_ranges({4}), "4");
}

TEST(FleetQueue, ReadsTasks) {
  EXPECT_THAT(parse_queue("17_0 RUNNING\n17_12 PENDING\nnonsense\n17_[3-5] PENDING\n"),
              ElementsAre(std::pair<const std::size_t, std::string>{0, "RUNNING"},
                          std::pair<const std::size_t, std::string>{12, "PENDING"}));
}

/// A fleet in a scratch directory, and fake programs in place of bake and Slurm.
class FleetRun : public testing::Test {
 protected:
  FleetRun() {
    fs::create_directory(top_ / "bin");
    write("base.vhd", "disk");
    write("r.yaml",
          "schema: bake/v1\nbase: base.vhd\nos: ubuntu "
          "20.04\nvm_sizes: [Standard_HB120rs_v2]\n");
    write("fleet.yaml",
          "schema: bake/fleet/v1\nimages:\n"
          "  - {recipe: r.yaml, output: a.vhd}\n  - {recipe: "
          "r.yaml, output: b.vhd}\n"
          "  - {recipe: r.yaml, output: c.vhd}\n");
    fleet_ = recipe::load_fleet(top_ / "fleet.yaml");
    options_.program = top_ / "bin/bake";
    options_.store = "/store";
    options_.run = "this-run";
    ::setenv("PATH", ((top_ / "bin").string() + ":" + path_).c_str(), 1);
  }
  ~FleetRun() override { ::setenv("PATH", path_.c_str(), 1); }

  void write(const std::string& name, const std::string& text) { std::ofstream(top_ / name) << text; }
  void program(const std::string& name, const std::string& script) {
    write("bin/" + name, "#!/bin/sh\n" + script);
    fs::permissions(top_ / "bin" / name, fs::perms::owner_all);
  }
  /// Makes a fake bake that writes output and manifest. Arguments: --progress plain --store
  /// S -v image RECIPE -o OUT
  void working_bake(const std::string& before = "") {
    program("bake", before +
                        "echo \"$*\"\nprintf disk >\"$9\"\n"
                        "sum=$(sha256sum <\"$9\" | cut -d' ' -f1)\n"
                        "printf '{\"schema\": \"bake-manifest/v1\", "
                        "\"driver\": {\"ofed\": \"5.5\"}, \"os\": {\"id\": "
                        "\"ubuntu\", \"version\": \"20.04\"}, \"kernel\": "
                        "{\"release\": \"k\"}, \"base\": {\"sha256\": "
                        "\"%s\"}, \"product\": {\"sha256\": \"%s\"}}' $sum "
                        "$sum >\"$9.manifest.json\"\n");
  }
  std::vector<FleetTask> tasks() {
    std::vector<FleetTask> all;
    for (const auto& image : fleet_.images) all.push_back({image, parts});
    return all;
  }
  ImageResult result(const std::string& name) { return read_result(top_ / (name + ".result.json")).value(); }
  ImageResult finished(int status, const std::string& run) {
    ImageResult result;
    result.status = status;
    result.run = run;
    return result;
  }

  /// Returns the exit codes; empty for an image that was not started.
  static std::vector<std::optional<int>> statuses(const std::vector<std::optional<ImageResult>>& results) {
    std::vector<std::optional<int>> all;
    for (const auto& result : results) all.push_back(result ? std::optional(result->status) : std::nullopt);
    return all;
  }

  TemporaryDirectory directory_;
  fs::path top_ = fs::canonical(directory_.path());
  std::string path_ = std::getenv("PATH");
  recipe::Fleet fleet_;
  FleetOptions options_;
  SilentProgress silent_;
};

TEST_F(FleetRun, LocalCommandLine) {
  options_.overlays = {"/overlay"};
  EXPECT_THAT(image_arguments(fleet_.images[0], options_),
              ElementsAre(options_.program.string(), "--progress", "plain", "--store", "/store", "--matrix", "/overlay",
                          "-v", "image", (top_ / "r.yaml").string(), "-o", (top_ / "a.vhd").string()));
  write("a.vhd.manifest.json", "{}");
  EXPECT_EQ(image_arguments(fleet_.images[0], options_).back(), "--force");
}

TEST_F(FleetRun, LocalRunLeavesResultAndLog) {
  working_bake();
  EXPECT_THAT(statuses(run_locally(tasks(), options_, silent_)), ElementsAre(0, 0, 0));
  const auto one = result("b.vhd");
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(one.run, "this-run");
  EXPECT_EQ(one.ofed, "5.5");
  EXPECT_EQ(one.os, "ubuntu 20.04");
  EXPECT_EQ(one.output.identity, identity_of(top_ / "b.vhd"));
  EXPECT_EQ(one.base.identity, identity_of(top_ / "base.vhd"));
  EXPECT_EQ(one.key->base, one.base.sha256);
  EXPECT_THAT(read_text(top_ / "b.vhd.log"), HasSubstr("image " + (top_ / "r.yaml").string()));
}

TEST_F(FleetRun, OneFailureDoesNotStopTheOthers) {
  working_bake(
      "case $9 in */a.vhd) echo 'bake: error: first' >&2; echo 'bake: error: "
      "it is so' >&2; "
      "echo 'bake: hint: do that' >&2; exit 3;; */b.vhd) kill -9 $$;; esac\n");
  EXPECT_THAT(statuses(run_locally(tasks(), options_, silent_)), ElementsAre(3, 1, 0));
  EXPECT_EQ(result("a.vhd").message, "it is so");
  EXPECT_EQ(result("a.vhd").hint, "do that");
  EXPECT_EQ(result("b.vhd").message, "bake was killed by signal 9 (Killed)");
}

TEST_F(FleetRun, ASuccessfulBakeWithoutAnOutputHasFailed) {
  program("bake", "exit 0\n");
  EXPECT_THAT(statuses(run_locally(tasks(), options_, silent_)), ElementsAre(1, 1, 1));
  EXPECT_THAT(result("a.vhd").message, HasSubstr("a.vhd.manifest.json"));
}

TEST_F(FleetRun, StartsAtMostJobsAtOnce) {
  options_.jobs = 2;
  working_bake("mkdir \"" + top_.string() + "/run-$$\"; ls -d " + top_.string() + "/run-* | wc -l >>" + top_.string() +
               "/counts; sleep 0.3; rmdir \"" + top_.string() + "/run-$$\"\n");
  EXPECT_THAT(statuses(run_locally(tasks(), options_, silent_)), ElementsAre(0, 0, 0));
  for (const auto& count : split_lines(read_text(top_ / "counts"))) EXPECT_LE(std::stoi(count), 2);
}

TEST_F(FleetRun, ThePreviousLogIsKept) {
  write("a.vhd.log", "before");
  working_bake();
  run_locally(tasks(), options_, silent_);
  EXPECT_EQ(read_text(top_ / "a.vhd.log.1"), "before");
}

TEST_F(FleetRun, ABakeThatCannotStartDoesNotStopTheOthers) {
  working_bake();
  fs::create_directories(top_ / "a.vhd.log.1/x");  // the log of before cannot be kept
  write("a.vhd.log", "before");
  fs::create_directories(top_ / "b.vhd.result.json/x");  // the result of before cannot go
  const auto results = run_locally(tasks(), options_, silent_);
  EXPECT_THAT(statuses(results), ElementsAre(1, 1, 0));
  EXPECT_THAT(results[0]->message, HasSubstr("a.vhd.log"));
  EXPECT_THAT(results[1]->message, HasSubstr("b.vhd.result.json"));
  EXPECT_EQ(result("a.vhd").status, 1);
  EXPECT_EQ(result("a.vhd").message, results[0]->message);
}

TEST_F(FleetRun, AResultThatCannotBeWrittenDoesNotStopTheOthers) {
  options_.jobs = 2;
  working_bake(
      "case $9 in */a.vhd) mkdir -p $9.result.json/x;; */b.vhd) sleep "
      "0.5;; esac\n");
  const auto results = run_locally(tasks(), options_, silent_);
  EXPECT_THAT(statuses(results), ElementsAre(1, 0, 0));
  EXPECT_THAT(results[0]->message, HasSubstr("a.vhd.result.json"));
}

/// Throws when the third image starts, after the first one has started.
class ThrowingProgress : public Progress {
 public:
  explicit ThrowingProgress(fs::path ready) : ready_(std::move(ready)) {}
  void step(std::string_view name) override {
    if (!name.starts_with("b.vhd: baking")) return;
    while (!fs::exists(ready_)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    throw std::runtime_error("the third image fails");
  }
  void detail(std::string_view /*text*/) override {}
  void warn(std::string_view /*text*/) override {}

 private:
  fs::path ready_;
};

TEST_F(FleetRun, ChildrenGetSigtermWhenTheParentFails) {
  options_.jobs = 2;
  working_bake(
      "trap 'echo ended >$9.ended; exit 130' TERM; touch $9.ready; "
      "while :; do sleep 0.05; done\n");
  ThrowingProgress progress(top_ / "a.vhd.ready");
  EXPECT_THROW(run_locally(tasks(), options_, progress), std::runtime_error);
  EXPECT_TRUE(fs::exists(top_ / "a.vhd.ended"));
}

/// Slurm's scancel signals every process of the task, and the appliance may end before its bake gets the signal.
TEST_F(FleetRun, AFailureDuringAnInterruptionIsInterrupted) {
  struct Case {
    int ended, status;
    const char* message;
  };
  for (const auto& [ended, status, message] :
       {Case{6, 130, "interrupted by a signal; last: it is so"},
        Case{1, 130, "interrupted by a signal; last: it is so"}, Case{130, 130, "it is so"}, Case{5, 5, "it is so"}}) {
    // The sleep lets the watch see the signal before it sees that the program has ended.
    program("bake",
            fmt::format("trap '' TERM; kill -TERM $PPID; sleep 1; echo 'bake: error: it is so' >&2; exit {}\n", ended));
    const InterruptWatch watch;
    const OwnInterruption mine;
    EXPECT_THAT(statuses(run_locally(tasks(), options_, silent_)), ElementsAre(status, std::nullopt, std::nullopt));
    EXPECT_EQ(result("a.vhd").message, message);
  }
}

TEST_F(FleetRun, SbatchCommandLine) {
  options_.jobs = 3;
  const auto directory = (top_ / "fleet.yaml.slurm").string();
  EXPECT_THAT(sbatch_arguments(fleet_, {0, 2}, options_, {"--partition=hpc"}),
              ElementsAre("sbatch", "--parsable", "--array=0,2%3", "--requeue", "--open-mode=append",
                          "--job-name=bake-fleet", "--output=" + directory + "/%A_%a.log", "--chdir=" + top_.string(),
                          "--partition=hpc", directory + "/task.sh"));
  EXPECT_THAT(task_script(fleet_, options_),
              HasSubstr("exec " + options_.program.string() + " --progress plain --store /store batch run-one " +
                        (top_ / "fleet.yaml").string() + " --fleet-digest " + fleet_digest(fleet_) +
                        " --run this-run --index \"$SLURM_ARRAY_TASK_ID\"\n"));
}

TEST_F(FleetRun, SubmissionIsRemembered) {
  program("sbatch", "echo '17;cluster'\n");
  program("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1\n");
  EXPECT_EQ(submit(fleet_, {1, 2}, options_, {}).job, "17");
  const auto last = last_submission(fleet_);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->job, "17");
  EXPECT_EQ(last->run, "this-run");
  EXPECT_THAT(last->indices, ElementsAre(1, 2));
  fleet_.images.pop_back();
  EXPECT_FALSE(last_submission(fleet_));  // of another fleet
}

TEST_F(FleetRun, ASecondSubmissionWaitsForTheFirst) {
  program("sbatch", "echo 17\n");
  program("squeue", "echo '17_1 RUNNING'\n");
  submit(fleet_, {1, 2}, options_, {});
  const auto error = error_of([&] { submit(fleet_, {1, 2}, options_, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_THAT(error.message(), HasSubstr("its job 17 still has 1 tasks in the queue"));
}

TEST_F(FleetRun, AnEditedFleetWaitsForItsJobToo) {
  program("sbatch", "echo 17\n");
  program("squeue", "echo '17_1 RUNNING'\n");
  submit(fleet_, {1, 2}, options_, {});
  fleet_.images.pop_back();
  program("sbatch", "echo 18\n");
  const auto error = error_of([&] { submit(fleet_, {0, 1}, options_, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_THAT(error.message(), HasSubstr("its job 17 still has 1 tasks in the queue"));
  EXPECT_EQ(error.hint(), "the fleet was edited since: 'squeue --jobs=17' shows them, 'scancel 17' ends them");
  EXPECT_EQ(nlohmann::json::parse(read_text(top_ / "fleet.yaml.slurm/job.json")).at("job"), "17");
}

TEST_F(FleetRun, AMissingOrRefusingSlurmIsAnError) {
  const auto refusal = [this] {
    try {
      submit(fleet_, {0}, options_, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::environment);
      EXPECT_NE(error.hint(), "");
      return error.message();
    }
    return std::string("submitted");
  };
  ::setenv("PATH", (top_ / "bin").c_str(), 1);
  EXPECT_EQ(refusal(), "submitting to Slurm: there is no 'sbatch' on PATH");
  program("sbatch", "echo 'sbatch: error: Unable to contact slurm controller' >&2; exit 1\n");
  program("squeue", "");
  EXPECT_EQ(refusal(),
            "submitting to Slurm: sbatch ended with 1: sbatch: "
            "error: Unable to contact slurm controller");
  program("sbatch", "echo Submitted\n");
  EXPECT_EQ(refusal(), "submitting to Slurm: sbatch printed 'Submitted', not a job id");
}

TEST_F(FleetRun, CollectsResultsOfThisRunOnly) {
  write_result(top_ / "a.vhd.result.json", finished(0, "this-run"));
  write_result(top_ / "b.vhd.result.json", finished(0, "an-earlier-run"));
  program("scontrol", "echo 'JobId=18 ArrayTaskId=1 JobState=NODE_FAIL Reason=NodeDown'\n");
  const auto rows = collect(fleet_, {"17", "this-run", "", {0, 1, 2}}, {{2, "RUNNING"}});
  EXPECT_EQ(rows[0].state, FleetRow::State::done);
  EXPECT_EQ(rows[1].state, FleetRow::State::vanished);
  EXPECT_EQ(rows[1].status, 6);
  EXPECT_EQ(rows[1].message,
            "task 17_1 is no longer in Slurm's queue and left "
            "no result; Slurm says NODE_FAIL");
  EXPECT_EQ(rows[2].state, FleetRow::State::running);
  EXPECT_NE(rows[2].status, 0);
}

TEST_F(FleetRun, AFailureIsFinalOnlyWhenTheTaskIsNotRequeued) {
  write_result(top_ / "a.vhd.result.json", finished(130, "this-run"));
  const Submission submission{"17", "this-run", "", {0}};
  EXPECT_EQ(collect(fleet_, submission, {{0, "PENDING"}})[0].state, FleetRow::State::waiting);
  const auto row = collect(fleet_, submission, {})[0];
  EXPECT_EQ(row.state, FleetRow::State::interrupted);
  EXPECT_EQ(row.status, 130);
}

TEST_F(FleetRun, ACancelledTaskIsReported) {
  program("scontrol", "echo 'JobId=18 JobState=CANCELLED'\n");
  const auto row = collect(fleet_, {"17", "this-run", "", {0}}, {})[0];
  EXPECT_EQ(row.state, FleetRow::State::vanished);
  EXPECT_EQ(row.status, 130);
}

TEST_F(FleetRun, ReportNamesWhatIsNotDone) {
  auto failure = finished(3, "this-run");
  failure.message = "no driver";
  const std::vector<FleetRow> rows{row_of(fleet_.images[0], finished(0, "this-run")), row_of(fleet_.images[1], failure),
                                   row_of(fleet_.images[2], FleetRow::State::waiting, 130, "not started")};
  EXPECT_EQ(to_text(rows),
            "IMAGE  STATE        EXIT  SECONDS  DRIVER\n"
            "a.vhd  done            0        0  ,\n"
            "b.vhd  failed          3        0\n"
            "c.vhd  waiting       130\n"
            "b.vhd: no driver\n"
            "c.vhd: not started\n"
            "1 done, 1 failed, 1 waiting\n");
  EXPECT_EQ(to_json(fleet_, rows)["status"], 130);
  EXPECT_EQ(to_json(fleet_, rows)["summary"]["failed"], 1);
  try {
    require_all(fleet_, rows);
    FAIL() << "require_all() did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_THAT(error.message(), HasSubstr("2 of 3 images are not done: b.vhd (failed), c.vhd (waiting)"));
    EXPECT_EQ(error.hint(),
              "each image has its log next to its output: OUT.log; run it again with the same options to bake what is "
              "left");
    EXPECT_EQ(error.remedies(), (std::vector<Remedy>{{Remedy::Action::bake_fleet, fleet_.file.string()}}));
  }
  const auto of_one = error_of([&] { require_all(fleet_, {rows[1]}); });
  EXPECT_EQ(of_one.hint(), "each image has its log next to its output: OUT.log");
  EXPECT_EQ(of_one.remedies(), std::vector<Remedy>{});
}

}  // namespace
}  // namespace bake::fleet
