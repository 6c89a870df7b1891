#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bake::cli {

/// What this program was built from.
struct BuildInfo {
  std::string version;
  std::string commit;  ///< of git, as at the last run of CMake: "abc1234", "abc1234-dirty"; "unknown" outside git
  std::string date;    ///< of the commit: "2026-11-30"; empty outside git
  std::vector<std::pair<std::string, std::string>> libraries;  ///< name and version at the build
};

BuildInfo build_info();

}  // namespace bake::cli
