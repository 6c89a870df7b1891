#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/report/content.hpp"
#include "bake/report/document.hpp"

namespace bake::report {

/// One thing that is not equal. One of the sides may lack it.
struct Change {
  std::string name;
  std::optional<Fields> a, b;

  friend bool operator==(const Change&, const Change&) = default;
};

/// What differs in one part of two documents.
struct PartDifference {
  std::string part;
  std::string not_compared;  ///< why; empty: the part was compared
  std::string note;          ///< what the comparison leaves out; empty: nothing
  std::size_t equal = 0;     ///< entries that are equal
  std::vector<Change> changes;
};

/// One of the two documents.
struct Side {
  std::string file;
  std::string read_from;  ///< the file that was read, if it is another one
  Kind kind = Kind::manifest;
  std::string recipe;    ///< its name, or empty
  std::string time;      ///< when the image was made, or empty
  bool refused = false;  ///< a plan that does not work: it is filled in as far as it was decided
};

/// What differs between two documents.
struct Difference {
  Side a, b;
  std::vector<PartDifference> parts;

  /// True when no part that was compared differs.
  [[nodiscard]] bool equal() const;
};

/// Compares two documents. Pure.
Difference compare(const Document& a, const Document& b);

/// "added", "removed" or "changed": what happened from a to b.
std::string_view word_for(const Change& change);

/// Returns "same", "not compared: why", or "3 added, 1 removed, 14 changed, 120 same".
std::string summary_of(const PartDifference& part);

/// Returns the difference for programs: schema bake-diff/v1.
nlohmann::ordered_json to_json(const Difference& difference);

/// Returns the difference for a person. Digests are shortened, and long parts too.
std::string to_text(const Difference& difference);

/// Returns the difference as one self-contained HTML page without a script.
std::string to_html(const Difference& difference);

}  // namespace bake::report
