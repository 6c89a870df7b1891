// How progress looks: lines of finished steps, the running step, parts of a fleet, events for programs.
#include "bake/cli/progress.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {
namespace {

using Phase = Progress::Phase;

/// A clock that the test sets.
class FakeClock {
 public:
  void pass(double seconds) {
    now_ += std::chrono::duration_cast<Progress::Clock::duration>(std::chrono::duration<double>(seconds));
  }
  ConsoleProgress::Now now() {
    return [this] { return now_; };
  }

 private:
  Progress::Clock::time_point now_{};
};

/// Returns what a terminal shows after `bytes`, without trailing spaces: it knows \r, \n, cursor up and erase below.
std::vector<std::string> screen(const std::string& bytes) {
  std::vector<std::string> lines{""};
  std::size_t row = 0;
  std::size_t column = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\r') {
      column = 0;
    } else if (bytes[i] == '\n') {
      column = 0;
      if (++row == lines.size()) lines.emplace_back();
    } else if (bytes.compare(i, 3, "\033[J") == 0) {
      lines[row].resize(column);
      lines.resize(row + 1);
      i += 2;
    } else if (bytes.compare(i, 2, "\033[") == 0) {
      const auto end = bytes.find('A', i);
      row -= std::stoul(bytes.substr(i + 2, end - i - 2));
      i = end;
    } else {
      lines[row].resize(std::max(lines[row].size(), column + 1), ' ');
      lines[row][column++] = bytes[i];
    }
  }
  return lines;
}

class OnTerminal : public ::testing::Test {
 protected:
  ConsoleProgress& progress(TypicalTimes history = TypicalTimes(), bool verbose = false) {
    std::vector<std::unique_ptr<ProgressView>> views;
    views.push_back(make_terminal_view(err_, verbose, [this] { return size_; }));
    progress_.emplace(std::move(views), std::move(history), clock_.now());
    return *progress_;
  }
  [[nodiscard]] std::vector<std::string> shown() const { return screen(err_.str()); }

  FakeClock clock_;
  TerminalSize size_;
  std::ostringstream err_;
  std::optional<ConsoleProgress> progress_;
};

using Lines = std::vector<std::string>;

TEST_F(OnTerminal, FinishedStepsStayWithTheirDuration) {
  auto& steps = progress();
  steps.step("start the appliance");
  clock_.pass(17.24);
  steps.step("inspect");
  clock_.pass(90);
  steps.end_step(false);
  EXPECT_EQ(shown(), (Lines{"  17.2s  start the appliance", "  1m30s  inspect", ""}));
}

TEST_F(OnTerminal, TheRunningStepShowsItsNumberAndItsTime) {
  TypicalTimes history;
  for (const double seconds : {7.0, 8.4, 9.0}) history.add("ubuntu 20.04", "inspect", seconds);
  auto& steps = progress(history);
  steps.plan_steps("ubuntu 20.04", {"start the appliance", "inspect", "plan"});
  steps.step("start the appliance");
  EXPECT_EQ(shown(), (Lines{"step 1 of 3  start the appliance  0s"}));
  clock_.pass(2.9);
  steps.tick();
  EXPECT_EQ(shown(), (Lines{"step 1 of 3  start the appliance  2s"}));
  steps.step("inspect");
  EXPECT_EQ(shown(), (Lines{"   2.9s  start the appliance", "step 2 of 3  inspect  0s, usually 8s"}));
}

TEST_F(OnTerminal, AStepThatWasLeftOutAndOneThatWasNotAnnouncedChangeTheNumberOfSteps) {
  auto& steps = progress();
  steps.plan_steps("", {"copying", "label files", "done"});
  steps.step("copying '/b.vhd' (2 GiB)");
  EXPECT_EQ(shown().back(), "step 1 of 3  copying '/b.vhd' (2 GiB)  0s");
  steps.step("rebuild initramfs");
  EXPECT_EQ(shown().back(), "step 2 of 4  rebuild initramfs  0s");
  steps.step("done");
  EXPECT_EQ(shown().back(), "step 3 of 3  done  0s");
}

TEST_F(OnTerminal, WithoutAnAnnouncementTheNumberOfStepsIsNotShown) {
  progress().step("reading x.tgz");
  EXPECT_EQ(shown(), (Lines{"step 1  reading x.tgz  0s"}));
}

TEST_F(OnTerminal, CountedWorkHasARateAndATimeLeft) {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30U;
  auto& steps = progress();
  steps.step("hash the output");
  steps.work(0, 8 * gib, "bytes");
  EXPECT_EQ(shown(), (Lines{"step 1  hash the output  0s  0%"}));
  clock_.pass(4);
  steps.work(2 * gib, 8 * gib, "bytes");
  EXPECT_EQ(shown(), (Lines{"step 1  hash the output  4s  25%, 512 MiB/s, 12s left"}));
}

TEST_F(OnTerminal, ALineIsNeverWiderThanTheTerminal) {
  TypicalTimes history;
  history.add("g", "copying", 100);
  auto& steps = progress(history);
  steps.plan_steps("g", {"copying"});
  steps.part("an image with a long name", "baking a recipe with a long name.yaml", Phase::running);
  steps.part_step("an image with a long name", {"search the base for setuid files and keys", 5, 18, 20.0, 50});
  steps.step("copying '/a/long/directory/日本語/base.vhd' (30 GiB)");
  for (std::size_t columns = 1; columns < 120; ++columns) {
    size_.columns = columns;
    clock_.pass(1);
    steps.work(columns, 200, "bytes");
    const auto columns_of = [](const std::string& line) {
      std::size_t width = 0;
      for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 || byte >= 0xC0) width += byte >= 0xE3 && byte <= 0xED ? 2 : 1;
      }
      return width;
    };
    const auto text = err_.str();
    const auto last = text.substr(text.rfind("\033[J"));
    for (const auto& line : split_lines(last.substr(3)))
      EXPECT_LE(columns_of(line), std::max<std::size_t>(columns - 1, 1)) << columns << ": " << line;
  }
}

TEST_F(OnTerminal, AFailedStepIsNamed) {
  auto& steps = progress();
  steps.step("change packages");
  clock_.pass(12);
  steps.end_step(true);
  EXPECT_EQ(shown(), (Lines{"  12.0s  change packages (failed)", ""}));
}

TEST_F(OnTerminal, WarningsAndDetailsStandAboveTheRunningStep) {
  auto& steps = progress(TypicalTimes(), true);
  steps.step("plan");
  steps.warn("it is old\033[2J");
  steps.detail("a detail");
  EXPECT_EQ(shown(), (Lines{"bake: warning: it is old\\x1b[2J", "          a detail", "step 1  plan  0s"}));
}

TEST_F(OnTerminal, TheRunningStepEndsBeforeAResult) {
  std::ostringstream out;
  auto& steps = progress();
  steps.watch_results(out);
  steps.step("plan");
  out << "result\n";
  steps.tick();
  EXPECT_EQ(shown(), (Lines{"   0.0s  plan", ""}));
  progress_.reset();
  EXPECT_EQ(out.tie(), nullptr);
}

TEST_F(OnTerminal, EachRunningImageHasALine) {
  auto& steps = progress();
  steps.part("a", "baking a.yaml", Phase::running);
  steps.part("b", "baking b.yaml", Phase::running);
  EXPECT_EQ(shown(), (Lines{"a: baking a.yaml", "b: baking b.yaml"}));
  clock_.pass(3);
  steps.part_step("a", {"inspect", 3, 18, 8.0, {}});
  clock_.pass(2);
  steps.tick();
  EXPECT_EQ(shown(), (Lines{"a: step 3 of 18  inspect  2s, usually 8s", "b: baking b.yaml"}));
  steps.part_step("b", {"copying", 1, 18, {}, 40});
  EXPECT_EQ(shown().back(), "b: step 1 of 18  copying  0s  40%");
  steps.part("a", "done", Phase::over);
  EXPECT_EQ(shown(), (Lines{"   5.0s  a: done", "b: step 1 of 18  copying  0s  40%"}));
  steps.part("b", "exit 7", Phase::over);
  EXPECT_EQ(shown(), (Lines{"   5.0s  a: done", "   5.0s  b: exit 7", ""}));
}

TEST_F(OnTerminal, NoImageIsShownBelowAResult) {
  std::ostringstream out;
  auto& steps = progress();
  steps.watch_results(out);
  steps.part("a", "waiting for another bake that writes it", Phase::waiting);
  out << "result\n";
  steps.tick();
  EXPECT_EQ(shown(), (Lines{""}));
}

TEST_F(OnTerminal, MoreImagesThanLinesAreCounted) {
  size_.lines = 6;
  auto& steps = progress();
  for (const auto* name : {"a", "b", "c", "d", "e", "f"}) steps.part(name, "waiting", Phase::waiting);
  EXPECT_EQ(shown(), (Lines{"a: waiting", "b: waiting", "c: waiting", "and 3 more"}));
}

TEST_F(OnTerminal, OtherThreadsMayReportAtTheSameTime) {
  auto& steps = progress();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::uint64_t j = 0; j < 200; ++j) {
        steps.work(j, 200, "bytes");
        steps.tick();
        steps.warn("w");
      }
    });
  for (int i = 0; i < 100; ++i) steps.step("s");
  threads.clear();
  steps.end_step(false);
  std::size_t warnings = 0;
  std::size_t finished = 0;
  for (const auto& line : shown()) {
    warnings += line == "bake: warning: w" ? 1 : 0;
    finished += line == "   0.0s  s" ? 1 : 0;
  }
  EXPECT_EQ(warnings, 800U);
  EXPECT_EQ(finished, 100U);
}

TEST(PlainProgress, HasALineForEachStepAndEachState) {
  FakeClock clock;
  std::ostringstream err;
  std::vector<std::unique_ptr<ProgressView>> views;
  views.push_back(make_plain_view(err, true, false));
  ConsoleProgress progress(std::move(views), TypicalTimes(), clock.now());
  progress.step("inspect");
  clock.pass(12.34);
  progress.work(1, 2, "bytes");
  progress.tick();
  progress.detail("hidden");
  progress.warn("careful");
  progress.part("a", "baking a.yaml", Phase::running);
  progress.part_step("a", {"inspect", 1, {}, {}, {}});
  progress.part("a", "done", Phase::over);
  progress.end_run(0);
  EXPECT_EQ(err.str(), "[   0.0s] inspect\nbake: warning: careful\n[  12.3s] a: baking a.yaml\n[  12.3s] a: done\n");
}

TEST(JsonProgress, IsOneEventOnEachLine) {
  FakeClock clock;
  std::string text;
  TypicalTimes history;
  history.add("el 8", "inspect", 6.04);
  std::vector<std::unique_ptr<ProgressView>> views;
  views.push_back(make_json_view([&](const std::string& line) { text += line; }, true, true));
  ConsoleProgress progress(std::move(views), history, clock.now());
  progress.step("reading");
  progress.plan_steps("el 8", {"inspect", "plan"});
  clock.pass(2);
  progress.step("inspect");
  progress.work(10, 100, "bytes");
  progress.work(11, 100, "bytes");  // too early
  clock.pass(1);
  progress.work(60, 100, "bytes");
  progress.work(100, 100, "bytes");
  progress.detail("d\x1b");
  progress.warn("w");
  progress.part("a", "baking a.yaml", Phase::running);
  progress.part_step("a", {"copying", 1, 18, {}, 40});
  progress.part("a", "done", Phase::over);
  progress.end_run(7);
  EXPECT_EQ(text,
            R"({"event":"step","name":"reading","n":1,"of":null,"elapsed":0.0,"typical":null}
{"event":"step","name":"inspect","n":2,"of":3,"elapsed":2.0,"typical":6.0}
{"event":"progress","done":10,"total":100,"unit":"bytes"}
{"event":"progress","done":60,"total":100,"unit":"bytes"}
{"event":"progress","done":100,"total":100,"unit":"bytes"}
{"event":"detail","text":"d\\x1b"}
{"event":"warning","text":"w"}
{"event":"image","image":"a","state":"baking a.yaml","phase":"running","elapsed":3.0}
{"event":"image_step","image":"a","name":"copying","n":1,"of":18,"typical":null,"percent":40,"elapsed":3.0}
{"event":"image","image":"a","state":"done","phase":"over","elapsed":3.0}
{"event":"done","exit_code":7,"warnings":1,"elapsed":3.0}
)");
}

TEST(JsonProgress, HasTheErrorAndTheExitCodeOfTheRun) {
  std::ostringstream out, err;
  EXPECT_EQ(run({"--progress", "json", "plan", "/nosuch.yaml"}, out, err), 2);
  const auto lines = split_lines(err.str());
  ASSERT_EQ(lines.size(), 2U) << err.str();
  const auto error = Json::parse(lines[0]);
  EXPECT_EQ(error.at("event"), "error");
  EXPECT_EQ(error.at("message"), "opening '/nosuch.yaml': no such file");
  const auto done = Json::parse(lines[1]);
  EXPECT_EQ(done.at("event"), "done");
  EXPECT_EQ(done.at("exit_code"), 2);
  EXPECT_EQ(out.str(), "");
}

TEST(TypicalTimes, AreTheMedianOfTheLastFive) {
  TypicalTimes times;
  EXPECT_EQ(times.of("g", "inspect"), std::nullopt);
  times.add("g", "inspect", 4);
  times.add("g", "inspect", 6);
  EXPECT_EQ(times.of("g", "inspect"), 5);
  for (const double seconds : {20.0, 30.0, 10.0, 11.0}) times.add("g", "inspect", seconds);
  EXPECT_EQ(times.of("g", "inspect"), 11);  // 6 20 30 10 11
  EXPECT_EQ(times.of("other", "inspect"), std::nullopt);
}

TEST(TypicalTimes, AreTheSameAfterTheyWereKept) {
  TypicalTimes times;
  times.add("ubuntu 20.04", "copying '/x/base.vhd' (2 GiB)", 3.456);
  const TypicalTimes again(times.text());
  EXPECT_EQ(again.of("ubuntu 20.04", "copying '/y/other.vhd' (30 GiB)"), 3.46);
  EXPECT_EQ(again.text(), times.text());
  for (const auto* text : {"", "x", "[]", "{}", R"({"schema":"bake/step-times/v1","guests":[1]})"})
    EXPECT_EQ(TypicalTimes(text).text(), TypicalTimes().text()) << text;
}

TEST(TypicalTimes, AreOfAKindOfStep) {
  EXPECT_EQ(kind_of_step("copying '/x/base.vhd' (2 GiB)"), "copying");
  EXPECT_EQ(kind_of_step("install kernel 5.15.0-1089-azure"), "install kernel");
  EXPECT_EQ(kind_of_step("search the base for setuid files and keys"), "search the base for setuid files and keys");
  EXPECT_EQ(kind_of_step(""), "");
}

TEST(StepLine, DurationsAreShort) {
  EXPECT_EQ(human_duration(0), "0.0s");
  EXPECT_EQ(human_duration(59.94), "59.9s");
  EXPECT_EQ(human_duration(59.96), "1m00s");
  EXPECT_EQ(human_duration(192), "3m12s");
  EXPECT_EQ(human_duration(3720), "1h02m");
}

TEST(StepLine, ALongTextLosesItsMiddle) {
  EXPECT_EQ(fit("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(fit("abcdefghij", 7), "abc…hij");
  EXPECT_EQ(fit("日本語日本語", 7), "日…語");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace bake::cli
