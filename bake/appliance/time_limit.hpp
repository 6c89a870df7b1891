#pragma once

#include <chrono>
#include <optional>

namespace bake::guest {

/// How long programs may run on behalf of a guest: each one up to a limit, and all of them with the calls between them
/// up to a deadline, if there is one.
class TimeLimit {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TimeLimit(std::chrono::seconds each, std::optional<std::chrono::seconds> all = {},
                     Clock::time_point start = Clock::now());

  void set_each(std::chrono::seconds each) { each_ = each; }
  /// Throws Error{failed} when the deadline is over.
  void require_time(Clock::time_point now = Clock::now()) const;
  /// Returns how long the next program may run, in whole seconds. Throws as require_time() does.
  [[nodiscard]] std::chrono::seconds next(Clock::time_point now = Clock::now()) const;
  /// True when `granted` by next() was only the rest of the time up to the deadline.
  [[nodiscard]] bool is_rest(std::chrono::seconds granted) const { return all_ && granted < each_; }
  /// The time for all; zero when there is no deadline.
  [[nodiscard]] std::chrono::seconds all() const { return all_.value_or(std::chrono::seconds{0}); }

 private:
  std::chrono::seconds each_;
  std::optional<std::chrono::seconds> all_;
  Clock::time_point start_;
};

}  // namespace bake::guest
