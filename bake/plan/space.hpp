#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/plan/refusal.hpp"

namespace bake::plan {

struct SpaceNeed {
  std::string mount_point;
  std::uint64_t needed = 0;  ///< bytes
  std::uint64_t free = 0;    ///< bytes
};

/// The needs of a plan, by file system of the guest.
class SpaceNeeds {
 public:
  explicit SpaceNeeds(const guest::Layout& layout) : layout_(layout) {}

  /// Needs `bytes` on the file system of `path`.
  void add(const std::string& path, std::uint64_t bytes);
  /// Needs `bytes` below `path` if that is a separate file system, which is often small. Elsewhere packages need more
  /// than temporary files do.
  void add_temporary(const std::string& path, std::uint64_t bytes);
  /// Needs the space of new packages, in bytes by directory, and of the package manager's records.
  void add_packages(const std::map<std::string, std::uint64_t>& install_bytes);
  /// Needs the space in which an initramfs is built.
  void add_initramfs();

  [[nodiscard]] std::vector<SpaceNeed> list() const;
  /// Returns a refusal for every file system that has less free space than needed.
  [[nodiscard]] std::vector<Refusal> refusals() const;

 private:
  const guest::Layout& layout_;
  std::map<std::string, SpaceNeed> needs_;
};

}  // namespace bake::plan
