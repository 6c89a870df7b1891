#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/fleet/report.hpp"
#include "bake/report/image_page.hpp"

namespace bake::report {

/// One image of a fleet.
struct FleetImageReport {
  fleet::FleetRow row;
  std::optional<ImageReport> image;  ///< empty: it has no manifest yet
};

/// Returns one self-contained HTML page about a fleet, without a script: a table of all images, then the sections of
/// each image that exists. `file` is the name of the fleet file, `time` when the states were read. The same input gives
/// the same page.
std::string fleet_page(const std::string& file, const std::string& time, const std::vector<FleetImageReport>& images);

}  // namespace bake::report
