#include <algorithm>
#include <fmt/format.h>

#include "bake/apply/steps.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
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

/// Returns whether bake signs a module. sha256 is in every kernel that checks signatures.
bool needs_signature(const signature::ModuleCheck& check, const plan::SecureBoot& plan) {
  if (check.state != ModuleState::good) return true;
  return check.form != plan.form || (check.hash != plan.hash && check.hash != "sha256");
}

/// Throws Error{untrusted} for bytes that are not a kernel module, a relocatable ELF file of 64 bits (elf.5). The
/// firmware trusts the certificate for everything, so bake must not sign other content, for example a part of a boot
/// loader, because its name ends in ".ko".
void require_module(std::string_view bytes, const std::string& path) {
  constexpr std::string_view elf_64(
      "\x7f"
      "ELF\x02",
      5);
  constexpr std::size_t type = 16;  // e_type, little endian
  constexpr std::string_view relocatable("\x01\x00", 2);
  if (!bytes.starts_with(elf_64) || bytes.substr(std::min(type, bytes.size()), 2) != relocatable)
    throw Error(ErrorKind::untrusted, fmt::format("signing '{}': it is not a kernel module", printable(path)),
                "remove it from the image");
}

/// Returns the modules that the bake brought or changed. Those that the base had before stay as they are, because
/// the recipe does not ask for their signature.
std::vector<std::string> modules_of_the_bake(const plan::Plan& plan, guest::Guest& guest) {
  std::vector<std::string> paths;
  for (auto& module : guest::find_outside_modules(guest, plan.family, plan.kernel(), installed_packages(plan)))
    paths.push_back(std::move(module.path));
  const auto& before = plan.secure_boot->base_modules;
  if (before.empty()) return paths;
  const auto now = guest.fingerprints(paths, {});
  std::erase_if(paths, [&](const auto& path) {
    const auto earlier = before.find(path);
    const auto state = now.find(path);
    return earlier != before.end() && state != now.end() && earlier->second == state->second;
  });
  return paths;
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
  std::uint64_t total = 0;
  for (const auto& path : modules_of_the_bake(plan, guest)) {
    const auto bytes = guest::read_unpacked_module(guest, path);
    total += bytes.size();
    if (total > guest::max_outside_modules)
      throw Error(ErrorKind::untrusted, fmt::format("signing modules: they have more than {} together",
                                                    human_size(guest::max_outside_modules)));
    const auto check = signature::check_module(bytes, plan.secure_boot->certificates);
    if (!needs_signature(check, *plan.secure_boot)) continue;
    require_module(bytes, path);
    const auto file = fmt::format("{}.ko", ++number);
    stage(*plan.secure_boot, *signer, bytes, path, file, guest);
    list += fmt::format("{} {}\n", file, path);
    done[path].signer = check.signer;
    paths.push_back(path);
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
