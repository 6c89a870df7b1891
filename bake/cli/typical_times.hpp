#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake::cli {

/// Returns the part of a step's name that all steps of its kind share: "copying 'a.vhd' (2 GiB)" → "copying", "install
/// kernel 5.15.0" → "install kernel".
std::string kind_of_step(std::string_view name);

/// How long the steps of earlier runs took: the last five times of each kind of step, for each kind of guest.
class TypicalTimes {
 public:
  /// `text` is what text() returned in an earlier run; anything else counts as no times.
  explicit TypicalTimes(std::string_view text = {});

  /// Returns the median in seconds; empty if no earlier run had such a step.
  [[nodiscard]] std::optional<double> of(const std::string& guest, std::string_view step) const;
  void add(const std::string& guest, std::string_view step, double seconds);
  [[nodiscard]] std::string text() const;

 private:
  std::map<std::string, std::map<std::string, std::vector<double>>> times_;  ///< guest, kind of step, oldest first
};

}  // namespace bake::cli
