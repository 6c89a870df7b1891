#include "bake/guest/initramfs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "bake/apply/build_initramfs.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/initramfs_edit.hpp"
#include "bake/guest/module_elf.hpp"
#include "bake/guest/modules_dep.hpp"

namespace bake::apply {
namespace {

/// Makes depmod's indexes for the modules that stay: it reads a tree of links to them. A module that is compressed in
/// the image and not in the initramfs is unpacked into the tree: mkinitramfs of initramfs-tools 0.142 unpacks them.
/// depmod of newer releases looks below /usr/lib. Returns their names and content.
std::map<std::string, std::string> make_indexes(const plan::Plan& plan, const std::vector<std::string>& modules,
                                                guest::Guest& guest) {
  const std::string work = "/var/tmp/.bake-initramfs";
  const auto tree = work + "/root";
  const auto directory = "/lib/modules/" + plan.kernel();
  std::string list;
  for (const auto& module : modules) list += "/" + module + "\n";
  guest.remove(work);
  guest.write(work + "/list", list, 0600);
  const auto result =
      guest.shell(fmt::format("set -e\n"
                              "mkdir -p {0}/usr {0}/lib\n"
                              "ln -s ../lib {0}/usr/lib\n"
                              "while IFS= read -r m; do\n"
                              "  if [ -e \"$m\" ]; then echo \"$m\"; else echo \"$m\" >&3; fi\n"
                              "done <{1}/list >{1}/plain 3>{1}/packed\n"
                              "xargs -r -d '\\n' cp -s --parents -t {0} <{1}/plain\n"
                              "while IFS= read -r m; do\n"
                              "  mkdir -p \"{0}${{m%/*}}\"\n"
                              "  if [ -e \"$m.zst\" ]; then zstd -q -dc \"$m.zst\"\n"
                              "  elif [ -e \"$m.xz\" ]; then xz -dc \"$m.xz\"\n"
                              "  else gzip -dc \"$m.gz\"; fi >\"{0}$m\"\n"
                              "done <{1}/packed\n"
                              "for f in modules.order modules.builtin modules.builtin.modinfo; do\n"
                              "  [ ! -e {2}/$f ] || cp -s --parents -t {0} {2}/$f\n"
                              "done\n"
                              "depmod -b {0} {3}\n",
                              tree, work, shell_quote(directory), shell_quote(plan.kernel())));
  if (!result.ok()) {
    guest.remove(work);
    throw guest::CannotEdit(ErrorKind::failed,
                            fmt::format("making the module indexes of '{}': {}", plan.initramfs, trim(result.output)));
  }
  std::map<std::string, std::string> indexes;
  for (const auto& name : guest.list(tree + directory)) {
    const auto path = tree + directory + "/" + name;
    const auto stat = guest.stat(path);
    if (name.starts_with("modules.") && stat && stat->type == guest::FileType::regular)
      indexes[name] = guest.read(path, guest::max_module_index).value_or("");
  }
  guest.remove(work);
  return indexes;
}

/// Returns path below lib/modules/RELEASE → content for the modules that the plan adds and for those that they need, as
/// far as they are not `present`.
std::map<std::string, std::string> modules_to_add(const plan::Plan& plan, const std::set<std::string>& present,
                                                  guest::Guest& guest) {
  const auto directory = fmt::format("/lib/modules/{}/", plan.kernel());
  const std::set<std::string> wanted(plan.initramfs_adds.begin(), plan.initramfs_adds.end());
  std::map<std::string, std::string> added;
  const auto modules_dep = guest.read(directory + "modules.dep", guest::max_module_index).value_or("");
  guest::each_module(modules_dep, [&](const guest::ModuleDependencies& module) {
    if (!wanted.contains(guest::module_name_of(module.path))) return;
    auto paths = module.needed;
    paths.emplace_back(module.path);
    for (const auto& path : paths)
      if (!present.contains(guest::module_name_of(path)))
        added[path] = guest.read(directory + path, guest::max_module).value_or("");
  });
  return added;
}

/// Returns whether the configuration of the kernel says that it unpacks an initramfs in gzip.
bool reads_gzip(guest::Guest& guest, const std::string& kernel) {
  auto config = guest.read("/boot/config-" + kernel);
  if (!config) config = guest.read(fmt::format("/lib/modules/{}/config", kernel));
  const auto lines = split_lines(config.value_or(""));
  return std::find(lines.begin(), lines.end(), "CONFIG_RD_GZIP=y") != lines.end();
}

void edit_initramfs(const plan::Plan& plan, guest::Guest& guest) {
  const auto bytes = guest.read(plan.initramfs, guest::max_initramfs).value_or("");
  const auto& names = plan.initramfs_leaves_out;
  guest::InitramfsEdit edit;
  edit.release = plan.kernel();
  edit.modules = {names.begin(), names.end()};
  const auto directory = fmt::format("lib/modules/{}/", plan.kernel());
  std::vector<std::string> rest;
  std::set<std::string> present;
  for (const auto& path : guest::read_initramfs(bytes, plan.kernel(), plan.initramfs).modules) {
    if (!path.starts_with(directory) || edit.modules.contains(guest::module_name_of(path))) continue;
    rest.push_back(path);
    present.insert(guest::module_name_of(path));
  }
  edit.added = modules_to_add(plan, present, guest);
  for (const auto& [path, content] : edit.added) rest.push_back(directory + path);
  edit.indexes = make_indexes(plan, rest, guest);
  edit.allow_gzip = reads_gzip(guest, plan.kernel());
  const TemporaryDirectory scratch;
  const auto edited = scratch.path() / "initramfs";
  guest::edit_initramfs(bytes, edit, edited, plan.initramfs);
  guest.upload(edited, plan.initramfs, 0600);
}

/// Returns whether the initramfs will have one of the signed modules as it was before. Modules that the plan leaves out
/// do not count.
bool has_any(const plan::Plan& plan, const std::map<std::string, plan::SignedModule>& signed_modules,
             guest::Guest& guest) {
  const bool tool_builds = plan.rebuild_initramfs && !plan.edits_initramfs();
  if (signed_modules.empty() || tool_builds || plan.initramfs_tool == guest::InitramfsTool::none) return false;
  std::set<std::string> names;
  for (const auto& [path, module] : signed_modules) names.insert(guest::module_name_of(path));
  for (const auto& name : plan.initramfs_leaves_out) names.erase(name);
  const auto bytes = guest.read(plan.initramfs, guest::max_initramfs);
  if (!bytes) return false;
  const auto content = guest::read_initramfs(*bytes, plan.kernel(), plan.initramfs);
  return std::any_of(content.modules.begin(), content.modules.end(),
                     [&](const auto& path) { return names.contains(guest::module_name_of(path)); });
}

}  // namespace

bool change_initramfs(const plan::Plan& plan, guest::Guest& guest, Progress& progress,
                      const std::map<std::string, plan::SignedModule>& signed_modules) {
  const bool stale = has_any(plan, signed_modules, guest);
  if (!plan.rebuild_initramfs && !stale) return false;
  const bool edits = plan.edits_initramfs() && !stale;
  progress.step(edits ? "edit initramfs" : "rebuild initramfs");
  if (plan.initramfs_tool == guest::InitramfsTool::initramfs_tools)
    list_initramfs_drivers(plan.initramfs_drivers, guest);
  if (edits) try {
      edit_initramfs(plan, guest);
      return false;
    } catch (const Error& error) {
      // The editor reads more of the file than the inspection did, so it can find damage that the inspection missed.
      if (dynamic_cast<const guest::CannotEdit*>(&error) == nullptr && error.kind() != ErrorKind::verification) throw;
      progress.warn(fmt::format("{}; the guest builds another initramfs", error.message()));
    }
  build_initramfs(
      {plan.initramfs_tool, plan.initramfs, plan.kernel(), plan.initramfs_drivers, plan::replaces_modules(plan.fit)},
      guest);
  return true;
}

}  // namespace bake::apply
