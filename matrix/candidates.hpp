#pragma once

#include <string>
#include <vector>

#include "matrix/matrix.hpp"
#include "matrix/reader.hpp"

namespace bake::matrix {

using Sizes = std::vector<const SizeRow*>;

/// What is asked for, with its rows found.
struct Question {
  const OsRow* os = nullptr;
  Sizes sizes;
  std::string kernel;
  std::string ofed;                    ///< a release to judge even if no bundle row names it, or "inbox"
  std::vector<std::string> held = {};  ///< more such releases
};

/// What became of all drivers there are for one operating system and several sizes.
struct Answer {
  std::vector<Choice> choices;        ///< ranked, best first
  std::vector<std::string> refusals;  ///< what rules said of drivers that drive all cards
  std::vector<std::string> remedies;
  std::vector<std::string> asked_refusals, asked_remedies;  ///< as of Resolution
  bool confirmed = false;                                   ///< the best choice has no warning
};

/// Every driver for `question`, ranked: what the VM extension installs first, then long-term lines, then other
/// releases, then the inbox driver; within each, confirmed rows before unverified ones and newer before older.
Answer find_drivers(const Matrix& matrix, const Question& question);

/// Distinct card generations of `sizes`, oldest first.
std::vector<std::string> generations_of(const Sizes& sizes);

/// "MLNX_OFED >= 5.6-1.0.3.3": the bakeable releases that drive a generation, as a person says it; empty when none do.
std::string releases_for(const Matrix& matrix, const std::string& generation);

/// "Standard_HB120rs_v2, Standard_HC44rs".
std::string names_of(const Sizes& sizes);

/// "end of life 2024-06-30"; of RHEL and its rebuilds only the major release's is known, and the text says so.
std::string end_of_life_of(const OsRow& os);

}  // namespace bake::matrix
