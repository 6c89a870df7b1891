#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bake::cli {

/// How much of a step's work is done.
struct Work {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::string unit;
  double seconds = 0;        ///< since the first count
  std::uint64_t before = 0;  ///< the first count

  [[nodiscard]] std::optional<unsigned> percent() const;
};

/// A step as the progress shows it.
struct StepState {
  std::string name;               ///< without control characters
  std::size_t number = 0;         ///< the first is 1
  std::optional<std::size_t> of;  ///< number of steps, if it is known
  std::optional<double> typical;  ///< seconds in earlier runs, if there were any
  double seconds = 0;             ///< since its begin
  std::optional<Work> work;
};

/// Returns seconds for a person: "4.1s", "3m12s", "1h02m".
std::string human_duration(double seconds);

/// Returns "2 GiB of 8 GiB" as percent, rate and time left: "25%, 400 MiB/s, 15s left"; empty if nothing is counted.
std::string work_text(const Work& work);

/// Returns the line of the running step in at most `width` columns: "step 3 of 18  inspect  6s, usually 8s".
std::string running_line(const StepState& step, std::size_t width);

/// Returns the line of a step that is over, in at most `width` columns: "   4.1s  inspect".
std::string finished_line(const StepState& step, bool failed, std::size_t width);

/// Returns `text` in at most `width` columns of a terminal, without a middle part ("…") if it is longer.
std::string fit(std::string_view text, std::size_t width);

}  // namespace bake::cli
