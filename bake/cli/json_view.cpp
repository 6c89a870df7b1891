#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "bake/cli/progress_view.hpp"

namespace bake::cli {
namespace {

using Json = nlohmann::ordered_json;
using Phase = Progress::Phase;

constexpr double seconds_between_counts = 0.5;

double rounded(double seconds) { return std::round(seconds * 10) / 10; }

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json typical_of(const std::optional<double>& typical) { return typical ? Json(rounded(*typical)) : Json(); }

std::string_view word_for(Phase phase) {
  switch (phase) {
    case Phase::waiting:
      return "waiting";
    case Phase::running:
      return "running";
    case Phase::over:
      return "over";
  }
  return "running";
}

class JsonView final : public ProgressView {
 public:
  JsonView(std::function<void(const std::string&)> write, bool steps, bool verbose)
      : write_(std::move(write)), steps_(steps), verbose_(verbose) {}

  void step(const StepState& step, double seconds) override {
    counted_ = -1;
    if (steps_)
      write({{"event", "step"},
             {"name", step.name},
             {"n", step.number},
             {"of", or_null(step.of)},
             {"elapsed", rounded(seconds)},
             {"typical", typical_of(step.typical)}});
  }
  void update(const StepState& step) override {
    if (!steps_ || !step.work) return;
    const auto& work = *step.work;
    const bool complete = work.done >= work.total && last_done_ != work.done;
    if (counted_ >= 0 && work.seconds - counted_ < seconds_between_counts && !complete) return;
    if (counted_ >= 0 && last_done_ == work.done) return;
    counted_ = work.seconds;
    last_done_ = work.done;
    write({{"event", "progress"}, {"done", work.done}, {"total", work.total}, {"unit", work.unit}});
  }
  void detail(std::string_view text) override {
    if (verbose_ && steps_) write({{"event", "detail"}, {"text", text}});
  }
  void warn(std::string_view text) override {
    ++warnings_;
    write({{"event", "warning"}, {"text", text}});
  }
  void part(const std::string& name, std::string_view state, Phase phase, double seconds) override {
    if (!steps_) return;
    write({{"event", "image"},
           {"image", name},
           {"state", state},
           {"phase", word_for(phase)},
           {"elapsed", rounded(seconds)}});
  }
  void part_step(const std::string& name, const Progress::PartStep& step, double seconds) override {
    if (!steps_) return;
    write({{"event", "image_step"},
           {"image", name},
           {"name", step.name},
           {"n", step.number},
           {"of", or_null(step.of)},
           {"typical", typical_of(step.typical)},
           {"percent", or_null(step.percent)},
           {"elapsed", rounded(seconds)}});
  }
  void end_run(int status, double seconds) override {
    write({{"event", "done"}, {"exit_code", status}, {"warnings", warnings_}, {"elapsed", rounded(seconds)}});
  }

 private:
  void write(const Json& event) { write_(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"); }

  std::function<void(const std::string&)> write_;
  bool steps_, verbose_;
  double counted_ = -1;  ///< when the last count was written, in seconds of the work; below 0: never
  std::uint64_t last_done_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace

std::unique_ptr<ProgressView> make_json_view(std::function<void(const std::string&)> write, bool steps, bool verbose) {
  return std::make_unique<JsonView>(std::move(write), steps, verbose);
}

}  // namespace bake::cli
