#pragma once

#include <string>
#include <vector>

#include "matrix/loading.hpp"

namespace bake::matrix {

using Sizes = std::vector<const SizeRow*>;

/// A Query with its rows.
struct DriverQuery {
  const OsRow* os = nullptr;
  Sizes sizes;
  std::string kernel;
  std::string ofed;                        ///< a release to consider even without a bundle row, or "inbox"
  std::vector<std::string> in_store = {};  ///< more such releases
};

/// The result of find_drivers().
struct DriverResult {
  std::vector<Choice> choices;        ///< ranked, best first
  std::vector<std::string> refusals;  ///< messages of the rules that refuse drivers which drive all cards
  std::vector<std::string> remedies;
  std::vector<std::string> requested_refusals, requested_remedies;  ///< as in Resolution
};

/// Ranks all drivers for `query`. The order is:
/// 1. drivers that support the kernel, then drivers of which this is not known and the inbox driver, then drivers that
/// do
///    not support it;
/// 2. archives with a public digest that are in a long-term line or that the VM extension installs, then other archives
///    that the VM extension installs, then long-term lines, DOCA-OFED, other releases and the inbox driver;
/// 3. long-term lines of DOCA-OFED, archives with a public digest, confirmed rows, newer versions.
DriverResult find_drivers(const Matrix& matrix, const DriverQuery& query);

/// Returns the kernel of the query, or else the kernel of Azure's current image. Empty: not known.
const std::string& kernel_or_assumed(const DriverQuery& query);

/// Returns the distinct card generations of `sizes`, oldest first.
std::vector<std::string> generations_of(const Sizes& sizes);

/// Returns the releases that drive a generation as text, "MLNX_OFED >= 5.6-1.0.3.3", or an empty string. Releases of
/// DOCA-OFED only if no release of MLNX_OFED drives it.
std::string releases_for(const Matrix& matrix, const std::string& generation);

/// Returns "Standard_HB120rs_v2, Standard_HC44rs".
std::string names_of(const Sizes& sizes);

/// Returns "end of life 2024-06-30". For RHEL and its rebuilds the date belongs to the major release, and the
/// text says so.
std::string end_of_life_of(const OsRow& os);

/// Returns the notes about the release itself, which do not depend on the VM size: its end of life, and the kernel that
/// resolve() assumes when the query names none.
std::vector<std::string> os_notes(const OsRow& os, const std::string& kernel);

}  // namespace bake::matrix
