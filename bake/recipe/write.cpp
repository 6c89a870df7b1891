#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/base/yaml.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::recipe {
namespace {

std::string list(const std::vector<std::string>& values) {
  std::vector<std::string> quoted;
  quoted.reserve(values.size());
  for (const auto& value : values) quoted.push_back(yaml::quote(value));
  return "[" + join(quoted, ", ") + "]";
}

std::string ofed_word(const Ofed& ofed) {
  switch (ofed.choice) {
    case OfedChoice::automatic:
      return "auto";
    case OfedChoice::inbox:
      return "inbox";
    case OfedChoice::version:
      return ofed.version;
  }
  return "auto";
}

void write_ofed(std::string& out, const Ofed& ofed) {
  out +=
      "\n# auto: the best driver the matrix knows and the store has; inbox: the distribution's own; or one release.\n";
  out += "ofed:\n";
  out += fmt::format("  version: {}\n", yaml::quote(ofed_word(ofed)));
  if (!ofed.sha256.empty()) out += fmt::format("  sha256: {}\n", ofed.sha256);
  if (!ofed.libs.empty()) out += fmt::format("  libs: {}\n", ofed.libs);
  if (ofed.packages.empty())
    out += fmt::format("  profile: {}        # ib-minimal, basic, hpc, user-space-only\n", ofed.profile);
  else
    out += fmt::format("  packages: {}\n", list(ofed.packages));
}

void write_gallery(std::string& out, const Gallery& gallery) {
  out += "\ngallery:\n";
  const auto line = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out += fmt::format("  {}: {}\n", key, yaml::quote(value));
  };
  line("resource_group", gallery.resource_group);
  line("name", gallery.gallery);
  line("definition", gallery.definition);
  line("publisher", gallery.publisher);
  line("offer", gallery.offer);
  line("sku", gallery.sku);
  line("location", gallery.location);
  line("hyper_v_generation", gallery.hyper_v_generation);
  if (!gallery.target_regions.empty()) out += fmt::format("  target_regions: {}\n", list(gallery.target_regions));
  if (!gallery.features.empty()) out += fmt::format("  features: {}\n", list(gallery.features));
}

std::string paths(const std::vector<std::filesystem::path>& values) {
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(value.string());
  return list(names);
}

void write_users(std::string& out, const std::vector<CustomUser>& users) {
  if (!users.empty()) out += "  users:\n";
  for (const auto& user : users)
    out += fmt::format("    - {{name: {}, groups: {}, shell: {}, authorized_keys: {}}}\n", yaml::quote(user.name),
                       list(user.groups), yaml::quote(user.shell), paths(user.authorized_keys));
}

void write_customize(std::string& out, const Customize& customize) {
  if (customize.empty()) return;
  out += "\ncustomize:\n";
  const auto entry = [&](const char* key, const std::string& value) {
    if (value != "[]") out += fmt::format("  {}: {}\n", key, value);
  };
  entry("packages", list(customize.packages));
  entry("remove", list(customize.remove));
  if (!customize.files.empty()) out += "  files:\n";
  for (const auto& file : customize.files)
    out += fmt::format("    - {{source: {}, path: {}{}, owner: \"{}:{}\"}}\n", yaml::quote(file.source.string()),
                       yaml::quote(file.path), file.mode == 0 ? "" : fmt::format(", mode: \"{:04o}\"", file.mode),
                       file.uid, file.gid);
  if (!customize.lines.empty()) out += "  lines:\n";
  for (const auto& line : customize.lines)
    out += fmt::format("    - {{path: {}, line: {}}}\n", yaml::quote(line.path), yaml::quote(line.line));
  if (!customize.sysctl.empty()) out += "  sysctl:\n";
  for (const auto& [key, value] : customize.sysctl)
    out += fmt::format("    {}: {}\n", yaml::quote(key), yaml::quote(value));
  if (!customize.enable.empty() || !customize.disable.empty() || !customize.mask.empty())
    out += fmt::format("  services: {{enable: {}, disable: {}, mask: {}}}\n", list(customize.enable),
                       list(customize.disable), list(customize.mask));
  write_users(out, customize.users);
  entry("run", paths(customize.run));
  entry("first_boot", paths(customize.first_boot));
}

}  // namespace

std::string write(const Recipe& recipe) {
  std::string out = "schema: bake/v1\n";
  out += fmt::format("name: {}\n\n", yaml::quote(recipe.name));
  out += fmt::format("base:\n  path: {}\n", yaml::quote(recipe.base.path.string()));
  if (!recipe.base.sha256.empty()) out += fmt::format("  sha256: {}\n", recipe.base.sha256);
  out += fmt::format("os: {} {}\n", recipe.os.id, recipe.os.version);
  out += fmt::format("vm_sizes: {}\n", list(recipe.vm_sizes));
  if (recipe.change_kernel)
    out += fmt::format("kernel: {{release: {}}}  # becomes the default; the extra packages have it\n",
                       yaml::quote(recipe.kernel));
  else
    out += fmt::format("kernel: {}        # the one that boots by default, or a release below /lib/modules\n",
                       recipe.kernel.empty() ? "default" : yaml::quote(recipe.kernel));
  write_ofed(out, recipe.ofed);
  const auto& configure = recipe.configure;
  out += fmt::format(
      "\nconfigure:\n"
      "  enable_rdma: {}         # OS.EnableRDMA=y in waagent.conf\n"
      "  hold_kernel: {}         # keep updates from replacing the kernel the driver fits\n"
      "  hold_rdma: {}           # keep updates from replacing the RDMA packages\n"
      "  memlock_unlimited: {}   # RDMA pins memory\n"
      "  cloud_init_network: {}  # false: cloud-init leaves the network alone, and eth0 uses DHCP\n"
      "  reset_labels: {}       # true: SELinux labels of customized types are reset too\n"
      "  openibd_restart: {}    # true: systemd starts openibd again when it failed\n"
      "  rdma_names: {}         # kernel: mlx5_0; azure: mlx5_ib0 and mlx5_an0\n"
      "  load_modules: {}          # modules to load at boot: [ib_ipoib, ib_umad]\n",
      configure.enable_rdma, configure.hold_kernel, configure.hold_rdma, configure.memlock_unlimited,
      configure.cloud_init_network, configure.reset_labels, configure.openibd_restart, word(configure.rdma_names),
      list(configure.load_modules));
  const auto& firstboot = recipe.firstboot;
  out += fmt::format(
      "\nfirstboot:\n"
      "  install: {}\n"
      "  wait: {}                # seconds to wait for the ports\n"
      "  late: {}             # true: warn after the agent when an IPoIB interface has no address\n"
      "  strict_rate: {}      # true: a slow link gives exit code 14\n",
      firstboot.install, firstboot.wait_seconds, firstboot.late, firstboot.strict_rate);
  write_customize(out, recipe.customize);
  out += fmt::format(
      "\n# true: an image for many VMs: provisioned users, keys, names and logs are removed "
      "(docs/recipe.md).\ngeneralize: {}\n",
      recipe.generalize);
  if (const auto& secure_boot = recipe.secure_boot) {
    out +=
        "\n# Modules that these keys did not sign are signed; packer/publish gives the certificates to the firmware.\n";
    out += "secure_boot:\n";
    if (!secure_boot->sign_with.empty()) out += fmt::format("  sign_with: {}\n", yaml::quote(secure_boot->sign_with));
    out += fmt::format("  certificates: {}\n", paths(secure_boot->certificates));
  }
  if (recipe.gallery) write_gallery(out, *recipe.gallery);
  return out;
}

}  // namespace bake::recipe
