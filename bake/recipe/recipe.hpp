#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"

namespace bake::recipe {

struct Base {
  std::filesystem::path path;  ///< as written, resolved against the recipe's directory
  std::string sha256;          ///< pin of the file's content, or empty
};

struct Os {
  std::string id;       ///< ubuntu, centos, rhel, …
  std::string version;  ///< "20.04"
};

enum class OfedChoice { automatic, version, inbox };

struct Ofed {
  OfedChoice choice = OfedChoice::automatic;
  std::string version;                 ///< "5.5-1.0.3.2" when choice is version
  std::string sha256;                  ///< pin of the archive, or empty
  std::string libs;                    ///< "", "mlnx-libs" or "upstream-libs"
  std::string profile = "ib-minimal";  ///< or basic, hpc, user-space-only; ignored when `packages` is given
  std::vector<std::string> packages;   ///< an explicit list instead of a profile
};

struct Configure {
  bool enable_rdma = true;        ///< OS.EnableRDMA=y in waagent.conf
  bool hold_kernel = true;        ///< keep the kernel from being updated away from the driver
  bool hold_rdma = true;          ///< keep the RDMA packages from being replaced
  bool memlock_unlimited = true;  ///< /etc/security/limits.d: RDMA pins memory
};

struct Firstboot {
  bool install = true;
  unsigned wait_seconds = 60;  ///< how long ib-firstboot waits for functions and ports
};

struct Gallery {
  std::string resource_group, gallery, definition, publisher, offer, sku, location;
  std::string hyper_v_generation;  ///< "V1", "V2" or empty: from the disk's layout
  std::vector<std::string> target_regions;
  std::vector<std::string> features;  ///< of the image definition, KEY=VALUE; empty: what packer/publish gives
};

/// What the user asked for: the file `schema: bake/v1`.
struct Recipe {
  std::string name;
  Base base;
  Os os;
  std::vector<std::string> vm_sizes;
  std::string kernel;  ///< release to bake for; empty: the one that boots by default
  Ofed ofed;
  Configure configure;
  Firstboot firstboot;
  bool generalize = false;
  std::optional<Gallery> gallery;
  std::filesystem::path file;  ///< where it was read from
};

/// A recipe is a page; a megabyte is a mistake.
inline constexpr std::size_t max_bytes = std::size_t{1} << 20U;

/// Reads a recipe. Throws Error{config} listing every problem with file:line: unknown keys (closest name suggested),
/// wrong types, missing parts, duplicates. Relative paths are relative to the recipe's directory.
Recipe load(const std::filesystem::path& file);

/// As load(), for text; `file` names it in messages.
Recipe parse(std::string_view text, const std::filesystem::path& file);

/// As parse(), with its problems added to `problems` instead of thrown: for whoever reads many recipes.
Recipe parse(std::string_view text, const std::filesystem::path& file, std::vector<Problem>& problems);

/// A recipe's name made of a file's: each run of what may not be in one becomes '-', and none stands at its ends.
/// "CentOS 7.7 (base)" gives "CentOS-7.7-base". Never empty.
std::string name_for(std::string_view file_name);

/// Whether `text` has the form of a whole OFED version: "5.5-1.0.3.2", not "5.5".
bool is_ofed_release(std::string_view text);

/// The recipe as commented YAML, ready to edit; parse(write(r)) gives r back.
std::string write(const Recipe& recipe);

}  // namespace bake::recipe
