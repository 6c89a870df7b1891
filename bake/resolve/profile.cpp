#include "bake/resolve/profile.hpp"

#include <algorithm>
#include <set>

#include "bake/base/text.hpp"

namespace bake::resolve {
namespace {

using Names = std::vector<std::string>;

/// A part of the user space: all packages of `names` that the repository has. The lists have the names of both library
/// stacks and of rpm and deb together, because no name has two meanings.
struct Part {
  std::string what;
  Names names;
  Names one_of = {};  ///< at least one of these, when the part is essential
};

// The sets come from the vendor's installer (mlnxofedinstall and the dependencies of mlnx-ofed-basic and
// mlnx-ofed-hpc, MLNX_OFED 4.9-7.1.0.0); ib-minimal has the parts that a virtual machine with one InfiniBand function
// needs.
const std::vector<Part> minimal_parts{
    {"verbs library", {"libibverbs", "libibverbs1"}, {"libibverbs", "libibverbs1"}},
    {"mlx5 verbs provider",
     {"rdma-core", "ibverbs-providers", "libmlx4", "libmlx5", "libmlx4-1", "libmlx5-1"},
     {"rdma-core", "ibverbs-providers", "libmlx5", "libmlx5-1"}},
    {"verbs programs", {"libibverbs-utils", "ibverbs-utils"}},
    {"connection manager", {"librdmacm", "librdmacm1", "librdmacm-utils", "rdmacm-utils"}},
    {"management datagrams", {"libibumad", "libibumad3"}},
    {"diagnostics", {"infiniband-diags"}},
};

const std::vector<Part> basic_parts{
    {"development files",
     {"libibverbs-devel", "libibverbs-dev", "librdmacm-devel", "librdmacm-dev", "libibumad-devel", "libibumad-dev",
      "libibumad-static", "libibmad-devel", "libibmad-dev", "libibmad-static", "libmlx4-devel", "libmlx4-dev",
      "libmlx5-devel", "libmlx5-dev", "ibacm-devel", "ibacm-dev", "rdma-core-devel"}},
    {"libraries", {"libibmad", "libibmad5", "libibnetdisc5"}},
    {"diagnostics", {"infiniband-diags-compat"}},
    {"services", {"ibacm", "srptools", "srp_daemon"}},
    {"subnet manager", {"opensm", "opensm-libs", "opensm-devel", "opensm-doc", "libopensm", "libopensm-devel"}},
    {"tools", {"mft", "mft-mlx5", "mstflint", "mlnx-ethtool", "mlnx-iproute2"}},
};

const std::vector<Part> hpc_parts{
    {"MPI", {"openmpi", "mpitests", "mpitests_openmpi"}},
    {"communication",
     {"knem",     "xpmem",       "libxpmem", "ucx",      "ucx-devel",   "ucx-cma",      "ucx-ib",     "ucx-rdmacm",
      "ucx-knem", "ucx-xpmem",   "sharp",    "hcoll",    "dapl",        "dapl-utils",   "dapl-devel", "dapl2-utils",
      "libdapl2", "libdapl-dev", "libibcm",  "libibcm1", "libibcm-dev", "libibcm-devel"}},
    {"measurement and fabric tools",
     {"perftest", "ibutils", "ibutils2", "libibdm1", "ar-mgr", "dump-pr", "cc-mgr", "ibsim", "ibsim-doc", "ibdump"}},
};

/// Kernel modules and the names of their packages.
struct KernelPart {
  std::string rpm;
  std::string deb;
};
const KernelPart driver{"mlnx-ofa_kernel", "mlnx-ofed-kernel"};
const std::vector<KernelPart> basic_kernel_parts{
    {"kernel-mft", "kernel-mft"}, {"iser", "iser"}, {"isert", "isert"}, {"srp", "srp"}, {"rshim", "rshim"}};
const std::vector<KernelPart> hpc_kernel_parts{{"knem", "knem"}, {"xpmem", "xpmem"}};

/// How the driver's modules get into the image; the other modules must come in the same way.
enum class Delivery { none, prebuilt, kmp, dkms };

class Chooser {
 public:
  Chooser(const bundle::Repository& repository, bundle::PackageFormat format, const std::string& kernel,
          std::size_t for_kernel)
      : repository_(repository), format_(format), kernel_(kernel), for_kernel_(for_kernel) {}

  void add_parts(const std::vector<Part>& parts) {
    for (const auto& part : parts) add_part(part);
  }

  void add_driver() {
    add_if_available(format_ == bundle::PackageFormat::rpm ? "mlnx-ofa_kernel" : "mlnx-ofed-kernel-utils");
    add_if_available("mlnx-tools");
    for (const auto delivery : {Delivery::prebuilt, Delivery::kmp, Delivery::dkms})
      if (add_modules(driver, delivery)) {
        delivery_ = delivery;
        return;
      }
    // These modules are for another kernel; the kernel fit explains why they do not work.
    if (!add_modules(driver, Delivery::prebuilt, true))
      problem("kernel modules", candidates(driver, Delivery::prebuilt, true));
  }

  void add_kernel_parts(const std::vector<KernelPart>& parts) {
    for (const auto& part : parts) add_modules(part, delivery_);
  }

  void add_if_available(const std::string& name) {
    const auto* package = find(name);
    if (package == nullptr) return;
    // The modules of a doca-kernel-repo need its version of a package that the bundle has too.
    const bool for_kernel = package < repository_.packages.data() + for_kernel_;
    names_.insert(for_kernel ? spec_of(*package) : name);
  }

  ProfilePackages take() { return {{names_.begin(), names_.end()}, std::move(problems_)}; }

 private:
  [[nodiscard]] const bundle::BundlePackage* find(const std::string& name) const {
    for (const auto& package : repository_.packages)
      if (package.name == name) return &package;
    return nullptr;
  }

  void problem(const std::string& what, const Names& wanted) {
    problems_.push_back({repository_.directory, "has no " + what + ": none of " + join(wanted, ", "),
                         "check that the bundle is complete and that 'libs' is right"});
  }

  void add_part(const Part& part) {
    for (const auto& name : part.names) add_if_available(name);
    const bool found = std::any_of(part.one_of.begin(), part.one_of.end(),
                                   [&](const std::string& name) { return find(name) != nullptr; });
    if (!part.one_of.empty() && !found) problem(part.what, part.one_of);
  }

  [[nodiscard]] Names candidates(const KernelPart& part, Delivery delivery, bool all = false) const {
    const auto& base = format_ == bundle::PackageFormat::rpm ? part.rpm : part.deb;
    Names names;
    if (all || delivery == Delivery::prebuilt) names.insert(names.end(), {base + "-modules", base});
    if (all || delivery == Delivery::kmp) names.insert(names.end(), {"kmod-" + base, "kmod-" + base + "-mlnx"});
    if (all || delivery == Delivery::dkms) names.push_back(base + "-dkms");
    return names;
  }

  /// Adds the first candidate of this delivery that the repository has; of several packages with one name, the one that
  /// was built for the kernel. A prebuilt package must be for the kernel, unless `any_kernel`.
  bool add_modules(const KernelPart& part, Delivery delivery, bool any_kernel = false) {
    for (const auto& name : candidates(part, delivery)) {
      const bundle::BundlePackage* chosen = nullptr;
      for (const auto& package : repository_.packages) {
        if (package.name != name) continue;
        if (is_prebuilt_for(package, kernel_)) {
          chosen = &package;
          break;
        }
        if (chosen == nullptr && (delivery != Delivery::prebuilt || (any_kernel && has_modules(package))))
          chosen = &package;
      }
      if (chosen == nullptr) continue;
      names_.insert(spec_of(*chosen));
      return true;
    }
    return false;
  }

  static bool has_modules(const bundle::BundlePackage& package) {
    return !package.built_kernel.empty() || package.version.find(".kver.") != std::string::npos;
  }

  [[nodiscard]] std::string spec_of(const bundle::BundlePackage& package) const {
    const auto same = std::count_if(repository_.packages.begin(), repository_.packages.end(),
                                    [&](const auto& other) { return other.name == package.name; });
    return same > 1 ? package.name + "=" + package.version : package.name;
  }

  const bundle::Repository& repository_;
  bundle::PackageFormat format_;
  const std::string& kernel_;
  std::size_t for_kernel_;
  Delivery delivery_ = Delivery::none;
  std::set<std::string> names_;
  std::vector<Problem> problems_;
};

}  // namespace

const std::vector<std::string>& profile_names() {
  static const std::vector<std::string> names{"ib-minimal", "basic", "hpc", "user-space-only"};
  return names;
}

const std::vector<std::string>& never_installed() {
  static const std::vector<std::string> names{"mlnx-fw-updater"};
  return names;
}

bool names_package(const std::string& spec, const bundle::BundlePackage& package) {
  const auto equals = spec.find('=');
  if (spec.substr(0, equals) != package.name) return false;
  return equals == std::string::npos || spec.substr(equals + 1) == package.version;
}

bool is_prebuilt_for(const bundle::BundlePackage& package, const std::string& kernel) {
  if (!package.built_kernel.empty()) return package.built_kernel == kernel;
  const auto found = package.version.find(".kver.");
  if (found == std::string::npos) return false;
  const auto built = package.version.substr(found + 6);
  // rpm allows no '-' in a version and appends a release: 4.18.0_147.el8.x86_64-1.
  return built == kernel || built.substr(0, built.rfind('-')) == replace_all(kernel, "-", "_") ||
         built == replace_all(kernel, "-", "_");
}

ProfilePackages packages_of(const std::string& profile, const bundle::Repository& repository,
                            bundle::PackageFormat format, const std::string& kernel, std::size_t for_kernel) {
  if (std::find(profile_names().begin(), profile_names().end(), profile) == profile_names().end())
    return {{},
            {{profile, "unknown profile; the profiles are " + join(profile_names(), ", "),
              did_you_mean(profile, profile_names())}}};
  Chooser chooser(repository, format, kernel, for_kernel);
  const bool kernel_wanted = profile != "user-space-only";
  const bool hpc = profile == "hpc";
  const bool basic = hpc || profile == "basic";
  if (kernel_wanted) chooser.add_driver();
  chooser.add_if_available("ofed-scripts");
  chooser.add_parts(minimal_parts);
  if (basic) chooser.add_parts(basic_parts);
  if (hpc) chooser.add_parts(hpc_parts);
  if (basic) chooser.add_kernel_parts(basic_kernel_parts);
  if (hpc) chooser.add_kernel_parts(hpc_kernel_parts);
  return chooser.take();
}

}  // namespace bake::resolve
