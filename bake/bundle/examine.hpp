#pragma once

#include <map>
#include <string>

#include "bake/base/progress.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/bundle/tree.hpp"
#include "bake/bundle/trust.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::bundle {

/// The content of a staged bundle and the results of its checks.
struct Examination {
  Bundle bundle;                            ///< without trust, payload digest and directory
  Report report;                            ///< without the pin
  std::map<std::string, IndexTexts> texts;  ///< by Repository::flavour
};

/// Reads identity, layout, indexes and every package of a bundle. With `ignore_indexes` the packages' own headers
/// count instead, and indexes are made from them. Throws Error{config} if it is not an OFED bundle and
/// Error{untrusted} for damaged content; all other problems are in the report.
Examination examine(const StagedBundle& staged, const signature::KeyRing& ring, bool ignore_indexes,
                    Progress& progress);

}  // namespace bake::bundle
