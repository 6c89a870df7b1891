#include "bake/cli/progress.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/job/cache.hpp"

namespace bake::cli {
namespace {

constexpr std::chrono::seconds tick_interval{1};
constexpr const char* history_note = "step-times.json";

/// Writes one event to the socket of the process that started this one (bake/fleet/local.cpp). An event that does not
/// fit into the socket's buffer is lost: the work goes on.
void send_event(int descriptor, const std::string& line) {
  ::send(descriptor, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

ConsoleProgress::ConsoleProgress(std::vector<std::unique_ptr<ProgressView>> views, TypicalTimes history, Now now)
    : views_(std::move(views)), history_(std::move(history)), now_(std::move(now)), start_(now_()) {}

ConsoleProgress::~ConsoleProgress() {
  if (watched_ != nullptr) watched_->tie(tied_before_);
  ticker_ = {};  // ends the thread before the views go
  end_running(false);
}

double ConsoleProgress::since(Clock::time_point begin) const {
  return std::chrono::duration<double>(now_() - begin).count();
}

/// Counts a step that begins. Announced steps before it were left out.
void ConsoleProgress::count_step(std::string name) {
  const auto found = std::find(planned_.begin(), planned_.end(), kind_of_step(name));
  if (found != planned_.end()) planned_.erase(planned_.begin(), found + 1);
  StepState step;
  step.name = std::move(name);
  step.number = ++begun_;
  if (announced_) {
    step.of = begun_ + planned_.size();
    step.typical = history_.of(guest_, step.name);
  }
  running_ = std::move(step);
  began_ = now_();
}

void ConsoleProgress::step(std::string_view name) {
  end_running(false);
  const std::lock_guard lock(mutex_);
  count_step(on_one_line(name));
  for (const auto& view : views_) view->step(*running_, since(start_));
}

void ConsoleProgress::end_step(bool failed) {
  end_running(failed);
  const std::lock_guard lock(mutex_);
  for (const auto& view : views_) view->clear();
}

void ConsoleProgress::end_running(bool failed) {
  const std::lock_guard lock(mutex_);
  if (!running_) return;
  auto step = *std::exchange(running_, std::nullopt);
  step.seconds = since(began_);
  if (announced_ && !failed) timed_.push_back({guest_, step.name, step.seconds});
  for (const auto& view : views_) view->end_step(step, failed);
}

void ConsoleProgress::detail(std::string_view hostile) {
  const std::lock_guard lock(mutex_);
  const auto text = without_controls(hostile);
  for (const auto& view : views_) view->detail(text);
}

void ConsoleProgress::warn(std::string_view hostile) {
  const std::lock_guard lock(mutex_);
  const auto text = without_controls(hostile);
  for (const auto& view : views_) view->warn(text);
}

void ConsoleProgress::plan_steps(std::string_view guest, const std::vector<std::string>& names) {
  const std::lock_guard lock(mutex_);
  announced_ = true;
  guest_ = without_controls(guest);
  planned_.clear();
  for (const auto& name : names) planned_.push_back(kind_of_step(name));
  if (!running_) return;
  running_->of = begun_ + planned_.size();
  running_->typical = history_.of(guest_, running_->name);
}

void ConsoleProgress::work(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  const std::lock_guard lock(mutex_);
  if (!running_) return;
  auto& work = running_->work;
  if (!work) {
    work = Work{done, total, std::string(unit), 0, done};
    work_began_ = now_();
  }
  work->done = done;
  work->total = total;
  update();
}

void ConsoleProgress::update() {
  running_->seconds = since(began_);
  if (running_->work) running_->work->seconds = since(work_began_);
  for (const auto& view : views_) view->update(*running_);
}

void ConsoleProgress::part(std::string_view name, std::string_view state, Phase phase) {
  end_running(false);
  const std::lock_guard lock(mutex_);
  for (const auto& view : views_) view->part(on_one_line(name), on_one_line(state), phase, since(start_));
}

void ConsoleProgress::part_step(std::string_view name, const PartStep& hostile) {
  const std::lock_guard lock(mutex_);
  auto step = hostile;
  step.name = on_one_line(step.name);
  for (const auto& view : views_) view->part_step(on_one_line(name), step, since(start_));
}

void ConsoleProgress::tick() {
  const std::lock_guard lock(mutex_);
  if (running_) update();
  for (const auto& view : views_) view->tick(since(start_));
}

void ConsoleProgress::start_ticking() {
  ticker_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex waiting;
    std::unique_lock lock(waiting);
    while (!wake_.wait_for(lock, stop, tick_interval, [&] { return stop.stop_requested(); })) tick();
  });
}

void ConsoleProgress::watch_results(std::ostream& out) {
  watched_ = &out;
  tied_before_ = out.tie(&before_results_);
}

void ConsoleProgress::end_run(int status) {
  end_step(status != 0);
  ticker_ = {};
  const std::lock_guard lock(mutex_);
  for (const auto& view : views_) view->end_run(status, since(start_));
}

std::unique_ptr<ConsoleProgress> make_progress(Context& context) {
  const char* kind = std::getenv("TERM");  // a dumb terminal does not understand escape sequences
  const bool terminal = &context.err == &std::cerr && ::isatty(STDERR_FILENO) == 1 &&
                        (kind == nullptr || std::string_view(kind) != "dumb");
  const bool quiet = context.quiet || context.progress_mode == "none";
  const bool json = context.progress_mode == "json";
  const bool tty = !quiet && (context.progress_mode == "tty" || (context.progress_mode == "auto" && terminal));
  std::vector<std::unique_ptr<ProgressView>> views;
  if (!context.log_file.empty()) views.push_back(make_log_view(context.log_file));
  if (json)
    views.push_back(make_json_view([&err = context.err](const std::string& line) { err << line << std::flush; }, !quiet,
                                   context.verbose));
  else if (tty)
    views.push_back(make_terminal_view(context.err, context.verbose, [] { return terminal_size(STDERR_FILENO); }));
  else
    views.push_back(make_plain_view(context.err, !quiet, context.verbose && !quiet));
  if (context.events >= 0)
    views.push_back(make_json_view(
        [descriptor = context.events](const std::string& line) { send_event(descriptor, line); }, true, false));
  const auto kept = job::Cache(job::cache_directory()).note(history_note);
  auto progress = std::make_unique<ConsoleProgress>(std::move(views), TypicalTimes(kept.value_or("")));
  if (tty) progress->watch_results(context.out);
  if (tty && terminal) progress->start_ticking();
  return progress;
}

StepTimes& Context::progress() {
  if (!progress_) {
    auto console = make_progress(*this);
    console_ = console.get();
    progress_ = std::make_unique<StepTimes>(std::move(console));
  }
  return *progress_;
}

void Context::end_step(bool failed) {
  if (console_ != nullptr) console_->end_step(failed);
}

void Context::end_run(int exit_code) {
  if (progress_mode == "json" || events >= 0) progress();  // also a command without steps has an end
  if (console_ == nullptr) return;
  console_->end_run(exit_code);
  if (console_->timed_steps().empty()) return;
  // Read again: another bake may have kept its times meanwhile.
  const job::Cache cache(job::cache_directory());
  TypicalTimes times(cache.note(history_note).value_or(""));
  for (const auto& [guest, name, seconds] : console_->timed_steps()) times.add(guest, name, seconds);
  cache.keep_note(history_note, times.text());
}

void Context::require_store() const {
  std::error_code out_of_reach;
  if (store == default_store && !store_chosen) return;
  if (std::filesystem::status(store, out_of_reach).type() != std::filesystem::file_type::not_found) return;
  throw Error(ErrorKind::usage, fmt::format("opening store '{}': there is no such directory", store.string()),
              "'bake bundle add' makes a store");
}

void Context::print(const Json& document) {
  document_printed = true;
  out << document.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

Context::Context(std::ostream& result, std::ostream& messages) : out(result), err(messages) {}
Context::~Context() = default;

}  // namespace bake::cli
