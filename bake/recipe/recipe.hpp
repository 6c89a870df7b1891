#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/recipe/customize.hpp"

namespace bake::recipe {

struct Base {
  std::filesystem::path path;  ///< as written, resolved against the recipe's directory
  std::string sha256;          ///< pin: digest of the file's content, or empty
};

struct Os {
  std::string id;       ///< ubuntu, centos, rhel, …
  std::string version;  ///< "20.04"
};

enum class OfedChoice { automatic, version, inbox };

struct Ofed {
  OfedChoice choice = OfedChoice::automatic;
  std::string version;                 ///< "5.5-1.0.3.2" when choice is version
  std::string sha256;                  ///< pin: digest of the archive, or empty
  std::string libs;                    ///< "", "mlnx-libs" or "upstream-libs"
  std::string profile = "ib-minimal";  ///< or basic, hpc, user-space-only; ignored when `packages` is given
  std::vector<std::string> packages;   ///< an explicit list instead of a profile
};

/// How RDMA devices are named on the VM.
enum class RdmaNames {
  inbox,   ///< as the packages of the image name them
  kernel,  ///< the kernel's names: mlx5_0
  azure,   ///< by their kind: mlx5_ib0 for InfiniBand, mlx5_an0 for Ethernet (Accelerated Networking)
};

struct Configure {
  bool enable_rdma = true;        ///< OS.EnableRDMA=y in waagent.conf
  bool hold_kernel = true;        ///< prevent updates to a kernel that the driver does not fit
  bool hold_rdma = true;          ///< prevent updates of the RDMA packages
  bool memlock_unlimited = true;  ///< in sessions and services: RDMA pins memory
  /// false: bake turns off cloud-init's network configuration and configures eth0 itself, with DHCP.
  bool cloud_init_network = true;
  bool reset_labels = false;     ///< SELinux: also the labels of files with a customized type
  bool openibd_restart = false;  ///< systemd starts openibd again when it failed
  RdmaNames rdma_names = RdmaNames::inbox;
  std::vector<std::string> load_modules;  ///< modules that are loaded at boot
};

struct Firstboot {
  bool install = true;
  unsigned wait_seconds = 60;  ///< how long ib-firstboot waits for functions and ports
  bool late = false;           ///< a second unit warns after the agent when an IPoIB interface has no address
  bool strict_rate = false;    ///< a link that is slower than the rate of the size is a failure
};

/// Keys for modules, so that they load with Secure Boot.
struct SecureBoot {
  /// Signs the modules: a file, resolved against the recipe's directory, or the URI of a key in a token
  /// ("pkcs11:…"). Empty: bake signs none.
  std::string sign_with;
  /// The firmware of the VMs gets these; the first one belongs to `sign_with`. Modules that their keys signed stay as
  /// they are.
  std::vector<std::filesystem::path> certificates;
};

struct Gallery {
  std::string resource_group, gallery, definition, publisher, offer, sku, location;
  std::string hyper_v_generation;  ///< "V1", "V2" or empty: from the disk's layout
  std::vector<std::string> target_regions;
  std::vector<std::string> features;  ///< of the image definition, KEY=VALUE; empty: the default of packer/publish
};

/// The description of one image by the user: the file `schema: bake/v1`.
struct Recipe {
  std::string name;
  Base base;
  Os os;
  std::vector<std::string> vm_sizes;
  std::string kernel;          ///< kernel release to bake for; empty: the default kernel
  bool change_kernel = false;  ///< make `kernel` the default, and install it if the image lacks it
  Ofed ofed;
  Configure configure;
  Firstboot firstboot;
  Customize customize;
  bool generalize = false;
  std::optional<SecureBoot> secure_boot;
  std::optional<Gallery> gallery;
  std::filesystem::path file;  ///< where it was read from
};

/// The size limit of a recipe. A recipe is about a page, so a larger file is a mistake.
inline constexpr std::size_t max_bytes = std::size_t{1} << 20U;

/// Returns "inbox", "kernel" or "azure", as recipes write it.
std::string_view word(RdmaNames names);

/// Reads a recipe. Throws Error{config} listing every problem with file:line: unknown keys (closest name suggested),
/// wrong types, missing parts, duplicates. Relative paths are relative to the recipe's directory.
Recipe load(const std::filesystem::path& file);

/// Like load(), for text; `file` names it in messages.
Recipe parse(std::string_view text, const std::filesystem::path& file);

/// Like parse(), but adds the problems to `problems` and does not throw: for callers that read several recipes.
Recipe parse(std::string_view text, const std::filesystem::path& file, std::vector<Problem>& problems);

/// Returns the output of a recipe that names none: NAME.vhd in `directory`, or NAME-baked.vhd if that is the base.
std::filesystem::path default_output(const Recipe& recipe, const std::filesystem::path& directory);

/// Returns a valid recipe name for a file name: each run of characters that a name may not contain becomes '-', except
/// at the start and the end. "CentOS 7.7 (base)" becomes "CentOS-7.7-base". Never empty.
std::string name_for(std::string_view file_name);

/// Returns the recipe as commented YAML, ready to edit; parse(write(r)) returns r.
std::string write(const Recipe& recipe);

}  // namespace bake::recipe
