#include "bake/verify/secure_boot.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/archive/archive.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/guest/modules_dep.hpp"
#include "bake/inspect/outside_modules.hpp"

namespace bake::verify {
namespace {

using guest::Facts;
using guest::Guest;
using plan::Expectations;
using signature::ModuleState;

constexpr const char* modules_rule = "module signatures";
constexpr const char* initramfs_rule = "module signatures in the initramfs";
constexpr const char* kernel_rule = "kernel signature";

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

/// Returns what is wrong with a module's signature; empty if nothing is. sha256 is in every kernel that checks
/// signatures; another hash than the configured one may be a module itself, and then the kernel refuses the signature.
std::string fault_of(const signature::ModuleCheck& check, const plan::SecureBootState& state) {
  if (check.state != ModuleState::good) return check.reason;
  if (check.form != state.form)
    return fmt::format("the signature has the form '{}', the kernel reads '{}'", signature::name_of(check.form),
                       signature::name_of(state.form));
  if (check.hash != state.hash && check.hash != "sha256")
    return fmt::format("the signature has {}, the kernel uses {}", check.hash, state.hash);
  return {};
}

std::string counted(std::size_t count) { return fmt::format("{} module{}", count, count == 1 ? "" : "s"); }

/// The modules of the image, judged.
struct Judged {
  std::size_t good = 0;
  Samples wrong;
  Samples of_others;  ///< of packages of the base, signed by keys that bake does not know
  std::set<std::string> names;
  std::set<std::string> other_names;
};

Judged judge(Guest& guest, const Expectations& expected) {
  Judged judged;
  std::uint64_t total = 0;
  std::vector<std::string> packages;
  for (const auto& package : expected.packages) packages.push_back(package.name);
  for (const auto& module : guest::find_outside_modules(guest, expected.family, expected.kernel, packages)) {
    std::string fault;
    std::string signer;
    try {
      const auto bytes = guest::read_unpacked_module(guest, module.path);
      total += bytes.size();
      if (total > guest::max_outside_modules) {
        judged.wrong.add(fmt::format("the modules have more than {} together", human_size(guest::max_outside_modules)));
        break;
      }
      const auto check = signature::check_module(bytes, expected.secure_boot->certificates);
      signer = check.signer;
      fault = fault_of(check, *expected.secure_boot);
      if (module.of_base && check.state == ModuleState::unknown_key) {
        judged.of_others.add(fmt::format("{} ({})", printable(module.path), signer));
        judged.other_names.insert(guest::module_name_of(module.path));
        continue;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::untrusted) throw;
      fault = error.message();
    }
    judged.names.insert(guest::module_name_of(module.path));
    if (fault.empty())
      ++judged.good;
    else
      judged.wrong.add(fmt::format("{}: {}", printable(module.path), fault));
  }
  return judged;
}

/// Compares the signed modules with the digests of the manifest: another module with a good signature is not the one
/// that was verified when the image was made.
void compare_digests(Guest& guest, const plan::SecureBootState& state, Samples& wrong) {
  std::vector<std::string> paths;
  for (const auto& [path, digest] : state.modules) paths.push_back(path);
  if (paths.empty()) return;
  const auto found = guest.fingerprints(paths, {});
  for (const auto& [path, digest] : state.modules) {
    const auto file = found.find(path);
    if (file == found.end())
      wrong.add(path + " is missing");
    else if (!file->second.ends_with(" " + digest))
      wrong.add(path + " is not the module that the bake signed");
  }
}

Check check_modules(Guest& guest, const Expectations& expected, Judged& judged) {
  compare_digests(guest, *expected.secure_boot, judged.wrong);
  if (!judged.wrong.empty()) return {modules_rule, false, judged.wrong.text("; ")};
  if (judged.names.empty() && judged.of_others.empty())
    return skipped(modules_rule, "all modules come with the kernel");
  std::vector<std::string> subjects;
  for (const auto& certificate : expected.secure_boot->certificates) subjects.push_back(certificate.subject);
  auto evidence = fmt::format("{}, signed by {} ({}, {})", counted(judged.good), join(subjects, " or "),
                              expected.secure_boot->hash, signature::name_of(expected.secure_boot->form));
  if (!judged.of_others.empty())
    evidence += "; not checked, because other keys signed these modules of the base: " + judged.of_others.text();
  return {modules_rule, true, evidence};
}

/// Checks the modules of the initramfs that did not come with the kernel.
Check check_initramfs(Guest& guest, const Facts& facts, const Expectations& expected, const Judged& judged) {
  const auto* kernel = facts.kernel(expected.kernel);
  if (kernel == nullptr || !kernel->initramfs) return skipped(initramfs_rule, "there is no initramfs");
  const auto bytes = guest.read(*kernel->initramfs, guest::max_initramfs);
  if (!bytes) return {initramfs_rule, false, *kernel->initramfs + " cannot be read"};
  const auto own = fmt::format("lib/modules/{}/kernel/", expected.kernel);
  const auto is_outside = [&](std::string_view path) {
    const auto name = guest::module_name_of(path);
    return !judged.other_names.contains(name) && (!path.starts_with(own) || judged.names.contains(name));
  };
  Samples wrong;
  std::size_t good = 0;
  try {
    guest::each_initramfs_module(
        *bytes, *kernel->initramfs, is_outside, [&](const std::string& path, std::string module) {
          const auto check = signature::check_module(archive::unpack(std::move(module), path, guest::max_module),
                                                     expected.secure_boot->certificates);
          const auto fault = fault_of(check, *expected.secure_boot);
          if (fault.empty())
            ++good;
          else
            wrong.add(fmt::format("{}: {}", printable(path), fault));
        });
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::untrusted && error.kind() != ErrorKind::verification) throw;
    return {initramfs_rule, false, error.message()};
  }
  if (!wrong.empty()) return {initramfs_rule, false, wrong.text("; ")};
  return {initramfs_rule, true,
          good == 0 ? fmt::format("all modules in {} come with the kernel", *kernel->initramfs)
                    : fmt::format("{} in {} with a good signature", counted(good), *kernel->initramfs)};
}

Check check_kernel(Guest& guest, const Facts& facts, const Expectations& expected) {
  constexpr std::size_t max_kernel = std::size_t{256} << 20U;
  const auto* kernel = facts.kernel(expected.kernel);
  if (kernel == nullptr) return {kernel_rule, false, "there is no kernel " + expected.kernel};
  const bool good = is_signed_pe(guest.read(kernel->image, max_kernel).value_or(""));
  return {kernel_rule, good,
          good ? kernel->image + " has a signature for UEFI"
               : kernel->image + " has no signature for UEFI, so the boot loader refuses it with Secure Boot"};
}

}  // namespace

bool is_signed_pe(std::string_view bytes) {
  constexpr std::size_t pe_offset = 0x3c;
  constexpr std::size_t optional_header = 24;  // behind "PE\0\0" and the COFF header
  constexpr std::size_t certificate_table = 4;
  constexpr std::size_t entry = 8;
  if (!bytes.starts_with("MZ") || bytes.size() < pe_offset + 4) return false;
  const std::size_t at = number_at(bytes, pe_offset);
  if (at > bytes.size() || bytes.size() - at < optional_header + 240 ||
      bytes.substr(at, 4) != std::string_view("PE\0\0", 4))
    return false;
  const auto magic = number_at(bytes, at + optional_header) & 0xffffU;
  const std::size_t directories = magic == 0x20bU ? 112 : 96;  // PE32+, PE32
  const auto table = at + optional_header + directories + certificate_table * entry;
  const std::size_t offset = number_at(bytes, table);
  const std::size_t size = number_at(bytes, table + 4);
  return size > 0 && offset <= bytes.size() && size <= bytes.size() - offset;
}

std::vector<Check> verify_secure_boot(Guest& guest, const Facts& facts, const Expectations& expected) {
  if (!expected.secure_boot) {
    const std::string reason = "the recipe has no 'secure_boot'";
    return {skipped(kernel_rule, reason), skipped(modules_rule, reason), skipped(initramfs_rule, reason)};
  }
  auto judged = judge(guest, expected);
  std::vector<Check> checks{check_kernel(guest, facts, expected)};
  checks.push_back(check_modules(guest, expected, judged));
  checks.push_back(check_initramfs(guest, facts, expected, judged));
  return checks;
}

}  // namespace bake::verify
