#pragma once

#include "firstboot/system.hpp"

namespace firstboot {

/// The deadline of a whole run, and pauses between looks at sysfs: short at first, because most waits are short.
class Patience {
 public:
  explicit Patience(long span_ms) : deadline_(now_ms() + span_ms) {}
  [[nodiscard]] long left_ms() const { return deadline_ - now_ms(); }
  /// False at the deadline.
  bool pause() {
    const long left = left_ms();
    if (left <= 0) return false;
    sleep_ms(pause_ < left ? pause_ : left);
    pause_ = pause_ * 2 < longest_pause_ms ? pause_ * 2 : longest_pause_ms;
    return true;
  }

 private:
  static constexpr long first_pause_ms = 5;
  static constexpr long longest_pause_ms = 200;

  long deadline_;
  long pause_ = first_pause_ms;
};

}  // namespace firstboot
