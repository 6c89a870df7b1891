#pragma once

#include "firstboot/system.hpp"

namespace firstboot {

/// The deadline of a run and the pauses between two scans. The first pauses are short, because most waits are short.
class RetryTimer {
 public:
  explicit RetryTimer(long span_ms) : deadline_(now_ms() + span_ms) {}
  [[nodiscard]] long left_ms() const { return deadline_ - now_ms(); }
  /// Sleeps before the next try. Returns false at the deadline.
  bool pause() {
    const long left = left_ms();
    if (left <= 0) return false;
    sleep_ms(pause_ < left ? pause_ : left);
    pause_ = pause_ * 2 < max_pause_ms ? pause_ * 2 : max_pause_ms;
    return true;
  }

 private:
  static constexpr long first_pause_ms = 5;
  static constexpr long max_pause_ms = 200;

  long deadline_;
  long pause_ = first_pause_ms;
};

}  // namespace firstboot
