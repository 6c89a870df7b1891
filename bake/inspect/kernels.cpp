#include "bake/inspect/kernels.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/archive/archive.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

constexpr std::size_t max_symvers = std::size_t{16} << 20U;  // a real file has 2 MiB
constexpr int max_vermagic_tries = 8;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Takes the next run of digits or of letters and skips separators.
std::string_view take_run(std::string_view& text) {
  while (!text.empty() && !is_digit(text.front()) && !is_letter(text.front())) text.remove_prefix(1);
  if (text.empty()) return {};
  const bool digits = is_digit(text.front());
  std::size_t end = 0;
  while (end < text.size() && (digits ? is_digit(text[end]) : is_letter(text[end]))) ++end;
  const auto run = text.substr(0, end);
  text.remove_prefix(end);
  return run;
}

int sign(int value) { return value < 0 ? -1 : static_cast<int>(value > 0); }

int compare_runs(std::string_view a, std::string_view b) {
  const bool a_number = is_digit(a.front());
  if (a_number != is_digit(b.front())) return a_number ? 1 : -1;
  if (!a_number) return sign(a.compare(b));
  while (a.size() > 1 && a.front() == '0') a.remove_prefix(1);
  while (b.size() > 1 && b.front() == '0') b.remove_prefix(1);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

/// Modules that matter when they are built into the kernel, each with its configuration option.
struct RdmaModule {
  std::string_view name;
  std::string_view option;
};
constexpr std::array<RdmaModule, 12> rdma_modules{RdmaModule{"mlx4_core", "CONFIG_MLX4_CORE"},
                                                  {"mlx4_en", "CONFIG_MLX4_EN"},
                                                  {"mlx4_ib", "CONFIG_MLX4_INFINIBAND"},
                                                  {"mlx5_core", "CONFIG_MLX5_CORE"},
                                                  {"mlx5_ib", "CONFIG_MLX5_INFINIBAND"},
                                                  {"mlxfw", "CONFIG_MLXFW"},
                                                  {"ib_core", "CONFIG_INFINIBAND"},
                                                  {"ib_cm", "CONFIG_INFINIBAND_ADDR_TRANS"},
                                                  {"rdma_cm", "CONFIG_INFINIBAND_ADDR_TRANS"},
                                                  {"ib_umad", "CONFIG_INFINIBAND_USER_MAD"},
                                                  {"ib_uverbs", "CONFIG_INFINIBAND_USER_ACCESS"},
                                                  {"ib_ipoib", "CONFIG_INFINIBAND_IPOIB"}};

/// In modules.dep paths count from the kernel's directory; /usr/lib/modules/K/kernel has the kernel's own modules.
bool is_own_module(std::string_view path) { return path.starts_with("kernel/"); }

bool is_own_rdma_module(std::string_view path) {
  return path.starts_with("kernel/drivers/infiniband/") || path.starts_with("kernel/drivers/net/ethernet/mellanox/");
}

/// The names in a directory, for many lookups.
class Directory {
 public:
  Directory(Guest& guest, std::string path) : path_(std::move(path)) {
    for (auto& name : guest.list(path_)) names_.insert(std::move(name));
  }
  [[nodiscard]] std::optional<std::string> find(const std::string& name) const {
    return names_.contains(name) ? std::optional(join_path(path_, name)) : std::nullopt;
  }

 private:
  std::string path_;
  std::set<std::string> names_;
};

std::optional<std::string> first_of(std::initializer_list<std::optional<std::string>> candidates) {
  for (const auto& candidate : candidates)
    if (candidate) return candidate;
  return std::nullopt;
}

std::optional<std::string> find_image(Guest& guest, const Directory& boot, const Directory& modules,
                                      const std::string& release) {
  const auto image = first_of({boot.find("vmlinuz-" + release), boot.find("vmlinux-" + release),
                               boot.find("Image-" + release), modules.find("vmlinuz")});
  return image && guest.exists(*image) ? image : std::nullopt;
}

/// Returns the table of the kernel's symbols. The headers' table is the last place: linux-headers-K of Ubuntu and
/// kernel-devel of EL have one, and `build` leads to them. Headers that were only prepared for a build may have an
/// empty table.
std::optional<std::string> find_symvers(Guest& guest, const Directory& boot, const Directory& modules,
                                        const std::string& release) {
  if (auto packed = first_of({boot.find("symvers-" + release + ".gz"), modules.find("symvers.gz"),
                              boot.find("symvers-" + release + ".xz"), modules.find("symvers.xz")}))
    return packed;
  if (!modules.find("build")) return std::nullopt;
  auto of_headers = "/lib/modules/" + release + "/build/Module.symvers";
  const auto stat = guest.stat(of_headers);
  const bool has_content = stat && stat->size > 0 && guest.exists(of_headers);
  return has_content ? std::optional(std::move(of_headers)) : std::nullopt;
}

/// The content of a file of the kernel, unpacked. Empty when it is damaged or larger than `limit`; other errors, such
/// as an appliance that died, are thrown.
std::optional<std::string> read_packed(Guest& guest, const std::string& path, std::size_t limit) {
  const auto stat = guest.target_stat(path);
  if (!stat || stat->size > limit) return std::nullopt;
  auto bytes = guest.read(path, limit);
  if (!bytes) return std::nullopt;
  try {
    return archive::unpack(std::move(*bytes), path, limit);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::untrusted) throw;
    return std::nullopt;
  }
}

std::optional<SymbolVersions> read_symvers(Guest& guest, const std::string& path) {
  const auto text = read_packed(guest, path, max_symvers);
  return text ? std::optional(parse_symvers(*text)) : std::nullopt;
}

/// Returns vermagic of the first of the kernel's own modules in modules.dep; empty when it cannot be read.
std::string read_vermagic(Guest& guest, const std::string& directory, std::string_view modules_dep) {
  int tries = 0;
  for (std::size_t at = 0; at < modules_dep.size() && tries < max_vermagic_tries;) {
    const std::string path(modules_dep.substr(at, modules_dep.find_first_of(":\n", at) - at));
    at = std::min(modules_dep.size(), modules_dep.find('\n', at)) + 1;
    if (!is_own_module(path) || path.find("..") != std::string::npos || !is_module_path(path)) continue;
    ++tries;
    const auto bytes = read_packed(guest, join_path(directory, path), max_module);
    if (!bytes) continue;
    try {
      return read_module(*bytes, path).vermagic;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::untrusted) throw;
      return {};  // a damaged module in the image; without vermagic the kernel fit compares only symbols
    }
  }
  return {};
}

std::optional<Kernel> look_at(Guest& guest, const Directory& boot, const std::string& release) {
  const auto directory = "/lib/modules/" + release;
  const Directory modules(guest, directory);
  const auto image = find_image(guest, boot, modules, release);
  if (!image) return std::nullopt;
  Kernel kernel;
  kernel.release = release;
  kernel.image = *image;
  kernel.initramfs = first_of({boot.find("initramfs-" + release + ".img"), boot.find("initrd.img-" + release),
                               boot.find("initrd-" + release), modules.find("initrd")});
  kernel.config = first_of({boot.find("config-" + release), modules.find("config")});
  kernel.symvers = find_symvers(guest, boot, modules, release);
  kernel.system_map = first_of({boot.find("System.map-" + release), modules.find("System.map")});
  const auto builtin = modules.find("modules.builtin");
  const auto config = kernel.config ? guest.read(*kernel.config).value_or("") : "";
  kernel.builtin_rdma = builtin_rdma_modules(builtin ? guest.read(*builtin).value_or("") : "", config);
  kernel.module_hash = module_hash_of(config);
  const auto dependencies = modules.find("modules.dep");
  const auto modules_dep = dependencies ? guest.read(*dependencies).value_or("") : "";
  kernel.rdma_users = outside_rdma_users(modules_dep);
  kernel.azure_drivers = azure_drivers(modules_dep);
  kernel.ib_core_users = own_ib_core_users(modules_dep);
  if (kernel.symvers) kernel.symbol_versions = read_symvers(guest, *kernel.symvers);
  kernel.vermagic = read_vermagic(guest, directory, modules_dep);
  kernel.has_headers = modules.find("build") && guest.exists(directory + "/build/Makefile");
  return kernel;
}

}  // namespace

int compare_kernel_releases(std::string_view a, std::string_view b) {
  for (;;) {
    const auto run_a = take_run(a);
    const auto run_b = take_run(b);
    if (run_a.empty() || run_b.empty()) return static_cast<int>(!run_a.empty()) - static_cast<int>(!run_b.empty());
    if (const int order = compare_runs(run_a, run_b); order != 0) return order;
  }
}

std::vector<std::string> builtin_rdma_modules(std::string_view modules_builtin, std::string_view config) {
  std::set<std::string, std::less<>> names;
  std::set<std::string, std::less<>> known_options{"CONFIG_INFINIBAND"};
  for (const auto& module : rdma_modules) {
    names.emplace(module.name);
    known_options.emplace(module.option);
  }
  std::set<std::string> listed;
  for (const auto line : each_line(modules_builtin))
    if (auto name = module_name_of(trim(line)); names.contains(name)) listed.insert(std::move(name));
  std::set<std::string> options;
  for (const auto line : each_line(config))
    if (line.ends_with("=y") && known_options.contains(line.substr(0, line.size() - 2)))
      options.emplace(line.substr(0, line.size() - 2));
  // The options of ib_cm and rdma_cm are yes or no; they matter only when the core itself is built in.
  const bool core = options.contains("CONFIG_INFINIBAND");
  std::vector<std::string> found;
  for (const auto& module : rdma_modules) {
    const bool depends_on_core = module.option == "CONFIG_INFINIBAND_ADDR_TRANS";
    const bool configured = options.contains(std::string(module.option)) && (core || !depends_on_core);
    if (configured || listed.contains(std::string(module.name))) found.emplace_back(module.name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> outside_rdma_users(std::string_view modules_dep) {
  std::set<std::string> found;
  each_module(modules_dep, [&](const ModuleDependencies& module) {
    if (!is_own_module(module.path) && std::any_of(module.needed.begin(), module.needed.end(), is_own_rdma_module))
      found.insert(module_name_of(module.path));
  });
  return {found.begin(), found.end()};
}

std::vector<std::string> own_ib_core_users(std::string_view modules_dep) {
  const auto is_ib_core = [](const auto& path) { return module_name_of(path) == "ib_core"; };
  std::set<std::string> found;
  each_module(modules_dep, [&](const ModuleDependencies& module) {
    if (is_own_module(module.path) && std::any_of(module.needed.begin(), module.needed.end(), is_ib_core))
      found.emplace(module.path);
  });
  return {found.begin(), found.end()};
}

SymbolVersions parse_symvers(std::string_view text) {
  SymbolVersions symbols;
  for (const auto line : each_line(text)) {
    const auto number = line.substr(0, line.find('\t'));
    const auto name = piece_of(line, '\t', 1).value_or("");
    if (name.empty() || !number.starts_with("0x")) continue;
    std::uint32_t crc = 0;
    const char* end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data() + 2, end, crc, 16);
    if (error == std::errc() && stop == end) symbols[std::string(name)] = crc;
  }
  return symbols;
}

std::string module_hash_of(std::string_view config) {
  constexpr std::string_view option = "CONFIG_MODULE_SIG_HASH=\"";
  bool checks = false;
  std::string hash;
  for (auto line : each_line(config)) {
    if (line == "CONFIG_MODULE_SIG=y") checks = true;
    if (!line.starts_with(option) || !line.ends_with('"')) continue;
    line.remove_prefix(option.size());
    hash = line.substr(0, line.size() - std::min<std::size_t>(line.size(), 1));
  }
  return checks ? hash : "";
}

std::vector<std::string> azure_drivers(std::string_view modules_dep) {
  const auto modules = resolve_modules(modules_dep, "");
  std::vector<std::string> found;
  for (const auto* name : {"hv_vmbus", "hv_storvsc", "hv_netvsc", "pci_hyperv", "nvme"})
    if (modules.contains(name)) found.emplace_back(name);
  return found;
}

void read_initramfs_of(Guest& guest, Kernel& kernel) {
  kernel.initramfs_content.reset();
  kernel.initramfs_trouble.clear();
  if (!kernel.initramfs) {
    kernel.initramfs_trouble = "there is none for " + kernel.release;
    return;
  }
  const auto& path = *kernel.initramfs;
  const auto stat = guest.target_stat(path);
  if (stat && stat->size > max_initramfs) {
    kernel.initramfs_trouble = fmt::format("{} has {} bytes, more than any initramfs", path, stat->size);
    return;
  }
  try {
    kernel.initramfs_content = read_initramfs(guest.read(path, max_initramfs).value_or(""), kernel.release, path);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::verification) throw;
    kernel.initramfs_trouble = error.message();
  }
}

std::vector<Kernel> find_kernels(Guest& guest) {
  const Directory boot(guest, "/boot");
  std::vector<Kernel> kernels;
  for (const auto& release : guest.list("/lib/modules"))
    if (auto kernel = look_at(guest, boot, release)) kernels.push_back(std::move(*kernel));
  std::stable_sort(kernels.begin(), kernels.end(),
                   [](const Kernel& a, const Kernel& b) { return compare_kernel_releases(a.release, b.release) < 0; });
  return kernels;
}

}  // namespace bake::guest
