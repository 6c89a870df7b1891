#include <algorithm>
#include <fmt/format.h>

#include "bake/apply/steps.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/inspect/outside_modules.hpp"

namespace bake::apply {
namespace {

using signature::ModuleState;

constexpr const char* work = "/var/tmp/.bake-sign";

/// Packs each new module like the old file and puts it there. The file stays the same, so that it keeps its owner, mode
/// and label. DKMS keeps a copy of what it built and compares both (dkms.in, module_status_built_extra), so an equal
/// copy gets the new module too. The kernel's own decompressor reads xz with CRC32 only (torvalds/linux,
/// scripts/Makefile.modinst).
constexpr const char* place_script = R"sh(
set -e
digest() { sha256sum <"$1"; }
while read -r new path; do
  case $path in
    *.xz) xz --check=crc32 --lzma2=dict=1MiB -f {0}/$new; new=$new.xz ;;
    *.zst) zstd -q -f --rm {0}/$new -o {0}/$new.zst; new=$new.zst ;;
    *.gz) gzip -n -f {0}/$new; new=$new.gz ;;
  esac
  for built in /var/lib/dkms/*/*/$kernel/*/module/${path##*/}; do
    if [ -f "$built" ] && [ "$(digest "$built")" = "$(digest "$path")" ]; then cat {0}/$new >"$built"; fi
  done
  cat {0}/$new >"$path"
  rm -f {0}/$new
done <{0}/list
rm -rf {0}
depmod -a $kernel
)sh";

std::vector<std::string> installed_packages(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto& package : plan.expectations.packages) names.push_back(package.name);
  return names;
}

/// Returns whether bake signs a module. A package of the base may have modules that another accepted key signed, for
/// example one of the firmware's own; those stay.
bool needs_signature(const signature::ModuleCheck& check, bool of_base, const plan::SecureBoot& plan) {
  if (check.state == ModuleState::good) return check.hash != plan.hash || check.form != plan.form;
  return check.state == ModuleState::unsigned_ || !of_base;
}

/// Signs `bytes` and hands the result to the guest under the name `file` below `work`.
void stage(const plan::SecureBoot& plan, const signature::ModuleSigner& signer, std::string_view bytes,
           const std::string& path, const std::string& file, guest::Guest& guest) try {
  guest.write(fmt::format("{}/{}", work, file), signer.sign(bytes, plan.hash, plan.form), 0600);
} catch (const Error& error) {
  throw Error(error.kind(), fmt::format("{} (module '{}')", error.message(), path), error.hint(), error.remedies());
}

}  // namespace

std::map<std::string, plan::SignedModule> sign_modules(const plan::Plan& plan, guest::Guest& guest,
                                                       const signature::ModuleSigner* signer, Progress& progress) {
  std::map<std::string, plan::SignedModule> done;
  if (!plan.secure_boot || !plan.secure_boot->signs) return done;
  if (signer == nullptr) throw Error(ErrorKind::bug, "signing modules: there is no key");
  progress.step("sign modules");
  guest.remove(work);
  std::string list;
  std::size_t number = 0;
  std::vector<std::string> paths;
  for (const auto& module : guest::find_outside_modules(guest, plan.family, plan.kernel(), installed_packages(plan))) {
    const auto bytes = guest::read_unpacked_module(guest, module.path);
    const auto check = signature::check_module(bytes, plan.secure_boot->certificates);
    if (!needs_signature(check, module.of_base, *plan.secure_boot)) continue;
    const auto file = fmt::format("{}.ko", ++number);
    stage(*plan.secure_boot, *signer, bytes, module.path, file, guest);
    list += fmt::format("{} {}\n", file, module.path);
    done[module.path].signer = check.signer;
    paths.push_back(module.path);
  }
  if (done.empty()) return done;
  const auto digests = [&](std::string plan::SignedModule::*place) {
    for (const auto& [path, state] : guest.fingerprints(paths, {}))
      done[path].*place = state.substr(state.rfind(' ') + 1);
  };
  digests(&plan::SignedModule::before);
  guest.write(fmt::format("{}/list", work), list, 0600);
  guest::run(guest, "putting the signed modules into the image",
             fmt::format("kernel={}\n", shell_quote(plan.kernel())) + replace_all(place_script, "{0}", work));
  digests(&plan::SignedModule::after);
  progress.detail(fmt::format("signed {} modules with {}", done.size(), signer->certificate().subject));
  return done;
}

}  // namespace bake::apply
