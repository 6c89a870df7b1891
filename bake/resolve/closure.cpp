#include "bake/resolve/closure.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>

#include "bake/resolve/solver.hpp"

namespace bake::resolve {
namespace {

using Names = std::vector<std::string_view>;

/// Returns true when the list has `name`, or an entry that ends with '*' and whose part before it begins `name`.
bool is_among(const std::string& name, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view each) {
    if (each.back() != '*') return name == each;
    each.remove_suffix(1);
    return name.starts_with(each);
  });
}

/// The RDMA stack itself. It works only if all of it comes from one vendor: when one part comes from the bundle, the
/// installed parts follow, and parts that cannot follow may be removed. Names: the packages that common_installers.pl
/// of MLNX_OFED 4.9 removes, without MPI, OpenFabrics and other users of the stack, which belong to the image's owner.
const Names rdma_stack{"rdma",          "rdma-core*",     "libibverbs*",
                       "librdmacm*",    "libibumad*",     "libibmad*",
                       "libibnetdisc*", "libibcm*",       "libmlx4*",
                       "libmlx5*",      "libmthca*",      "libcxgb3*",
                       "libcxgb4*",     "libnes",         "libocrdma*",
                       "libi40iw*",     "libhfi1*",       "libefa1",
                       "librxe*",       "libipathverbs*", "ibverbs-*",
                       "rdmacm-utils",  "ibacm*",         "iwpmd",
                       "srp_daemon",    "srptools",       "infiniband-diags*",
                       "opensm*",       "libopensm*",     "ibutils*",
                       "libibdm1",      "ibsim*",         "perftest",
                       "qperf",         "mstflint",       "opa-*",
                       "dapl*",         "libdapl*",       "pcp-pmda-infiniband",
                       "kernel-ib",     "compat-rdma",    "glusterfs-rdma",
                       "mlnx-*",        "kmod-mlnx-*",    "kmod-iser",
                       "kmod-isert",    "kmod-srp",       "ofed-scripts"};

/// Debian's and Ubuntu's parts of the stack that only fit each other. The vendor's older library stack ("mlnx-libs")
/// has other packages for the same files and declares no conflict. If these stay installed, they own files of its
/// packages
/// (/etc/libibverbs.d/mlx5.driver), and dpkg fails in the middle.
const Names distribution_parts{"rdma-core",    "libibumad3",    "libibumad-dev",   "libibmad5",
                               "libibmad-dev", "libibnetdisc5", "libibnetdisc-dev"};

/// The verbs library loads its drivers through a private interface: drivers of one version do not load into another.
constexpr std::string_view distribution_providers = "ibverbs-providers";

/// An image needs these to boot, to be reached or to be repaired.
const Names essential_packages{"kernel",
                               "kernel-core",
                               "kernel-modules*",
                               "kernel-rt*",
                               "linux-image-*",
                               "linux-modules-*",
                               "linux-azure*",
                               "linux-generic*",
                               "systemd*",
                               "glibc*",
                               "libc6",
                               "bash",
                               "coreutils*",
                               "filesystem",
                               "base-files",
                               "util-linux*",
                               "sudo",
                               "passwd",
                               "rpm",
                               "rpm-libs",
                               "yum",
                               "dnf",
                               "dpkg",
                               "apt",
                               "WALinuxAgent*",
                               "walinuxagent*",
                               "cloud-init*",
                               "openssh*",
                               "NetworkManager*",
                               "netplan.io",
                               "network-scripts",
                               "initscripts",
                               "dhclient",
                               "isc-dhcp-client",
                               "chrony",
                               "grub2*",
                               "grub-*",
                               "shim*",
                               "dracut*",
                               "initramfs-tools*",
                               "kmod",
                               "selinux-policy*",
                               "udev",
                               "python3",
                               "hyperv-daemons*"};

/// Packages with a bootable kernel. The plan is for another kernel, so it must not install one.
const Names boot_kernels{"kernel",    "kernel-core", "kernel-rt",    "kernel-rt-core",
                         "kernel-lt", "kernel-ml",   "linux-image-*"};

std::string package_arch(const std::string& machine, bool deb) {
  if (!deb) return machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

/// DOCA-Host brings a dkms; Azure's images take the distribution's (Azure/azhpc-images, components/install_doca.sh).
constexpr std::string_view not_from_a_bundle = "dkms";

SolverSource source_for(const PackageSource& from) {
  SolverSource source{from.payload, from.kernel_bundle, from.packages_text, from.filelists_text, {}};
  const bool extras = from.payload != 0 && !from.kernel_bundle;
  for (const auto& package : from.repository->packages)
    if (extras || package.name != not_from_a_bundle)
      source.files[solver_key(package.name, package.version, package.arch)] = package.file;
  return source;
}

SolverWanted wanted_of(const std::string& spec, bool distribution) {
  const auto equals = spec.find('=');
  return {spec.substr(0, equals), equals == std::string::npos ? "" : spec.substr(equals + 1), distribution};
}

SolverRequest request_for(const guest::Facts& facts, const std::vector<PackageSource>& sources,
                          const std::vector<std::string>& wanted, const std::vector<std::string>& never) {
  SolverRequest request;
  request.deb = facts.family == guest::Family::deb;
  request.arch = package_arch(facts.arch, request.deb);
  request.never = never;
  for (const auto& source : sources) request.sources.push_back(source_for(source));
  for (const auto& spec : wanted) request.wanted.push_back(wanted_of(spec, false));
  return request;
}

/// Returns true when the first source is a bundle (not extra packages) with a verbs library.
bool has_verbs_library(const std::vector<PackageSource>& sources) {
  if (sources.empty() || sources.front().payload != 0) return false;
  const auto& packages = sources.front().repository->packages;
  return std::any_of(packages.begin(), packages.end(), [](const auto& each) { return each.name == "libibverbs1"; });
}

/// Returns the problem of a change that the dependencies allow but bake does not.
std::optional<Problem> objection_to(const PackageChange& change, const Installed& installed,
                                    const std::function<bool(const std::string&)>& is_protected,
                                    const std::set<std::string>& new_kernels) {
  if (change.action == PackageChange::Action::remove && is_protected(change.name))
    return Problem{change.name, "would be removed (" + change.reason + "), but the image needs it",
                   "remove the package that causes it from the list"};
  if (change.action == PackageChange::Action::install && is_among(change.name, boot_kernels) &&
      !new_kernels.contains(change.name))
    return Problem{change.name, "would install another kernel, " + change.version + " (" + change.reason + ")",
                   "name the kernel in the recipe (kernel: {release: …}), or install it in the base image first"};
  const auto foreign = installed.foreign.find(change.name);
  if (change.action != PackageChange::Action::remove && foreign != installed.foreign.end())
    return Problem{change.name,
                   "is installed for " + foreign->second + " too, and dpkg accepts both only in one version",
                   "remove " + change.name + ":" + foreign->second + " from the image first"};
  return std::nullopt;
}

bool none(const std::string& /*name*/) { return false; }

/// Asks the solver. Then objects to changes that the dependencies allow; packages of `new_kernels` may be installed.
Closure ask(SolverRequest& request, const guest::Facts& facts, const std::set<std::string>& new_kernels) {
  std::vector<Problem> problems;
  const auto installed = request.deb ? read_dpkg_status(facts.packages.dump, request.arch, problems)
                                     : read_rpm_dump(facts.packages.dump, problems);
  request.installed = &installed;
  request.is_protected = [&](const std::string& name) {
    return is_among(name, essential_packages) || installed.essential.contains(name);
  };
  auto closure = problems.empty() ? run_solver(request) : Closure{{}, std::move(problems)};
  for (const auto& change : closure.changes)
    if (auto problem = objection_to(change, installed, request.is_protected, new_kernels))
      closure.problems.push_back(*problem);
  if (!closure.ok()) closure.changes.clear();
  return closure;
}

}  // namespace

Closure solve(const guest::Facts& facts, const std::vector<PackageSource>& sources,
              const std::vector<std::string>& wanted, const std::vector<std::string>& never,
              const recipe::Customize& customize) {
  auto request = request_for(facts, sources, wanted, never);
  request.remove = customize.remove;
  for (const auto& spec : customize.packages) request.wanted.push_back(wanted_of(spec, true));
  request.follows = request.removable = [](const std::string& name) { return is_among(name, rdma_stack); };
  const bool verbs_of_bundle = request.deb && has_verbs_library(sources);
  request.must_go = [=](const std::string& name) { return verbs_of_bundle && name == distribution_providers; };
  request.should_go = [=](const std::string& name) { return verbs_of_bundle && is_among(name, distribution_parts); };
  return ask(request, facts, {});
}

Closure solve_kernel(const guest::Facts& facts, const std::vector<PackageSource>& sources,
                     const std::vector<std::string>& wanted) {
  auto request = request_for(facts, sources, wanted, {});
  request.follows = request.removable = request.must_go = request.should_go = none;
  request.keeps_all = true;
  std::set<std::string> new_kernels;
  for (const auto& package : request.wanted) new_kernels.insert(package.name);
  return ask(request, facts, new_kernels);
}

}  // namespace bake::resolve
