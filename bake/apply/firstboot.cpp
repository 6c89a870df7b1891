#include <fmt/format.h>
#include <string_view>

#include "bake/apply/apply.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"

// Put into the program by bake_embed() in CMakeLists.txt.
extern "C" {
extern const char bake_embed_ib_firstboot_begin[], bake_embed_ib_firstboot_end[];
extern const char bake_embed_ib_firstboot_service_begin[], bake_embed_ib_firstboot_service_end[];
extern const char bake_embed_handler_manifest_begin[], bake_embed_handler_manifest_end[];
extern const char bake_embed_ib_ready_target_begin[], bake_embed_ib_ready_target_end[];
extern const char bake_embed_ib_firstboot_preset_begin[], bake_embed_ib_firstboot_preset_end[];
}

namespace bake::apply {
namespace {

std::string_view embedded(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

std::string_view program() { return embedded(bake_embed_ib_firstboot_begin, bake_embed_ib_firstboot_end); }

/// The version that the loaded module must have; empty: any. Packages that carry sources do not say it, but the module
/// that DKMS made of them in the guest does.
std::string version_to_expect(const plan::Plan& plan, guest::Guest& guest) {
  const auto& expected = plan.expectations;
  if (!expected.module_version.empty() || expected.module_origin != "vendor") return expected.module_version;
  const auto result = guest.shell(fmt::format("modinfo -k {} -F version {} 2>/dev/null\n", shell_quote(plan.kernel()),
                                              shell_quote(expected.module)));
  const auto words = split_words(result.output);
  return result.ok() && words.size() == 1 ? words.front() : std::string();
}

}  // namespace

std::string firstboot_digest() { return digest_of(program()); }

HandlerFiles handler_files() {
  return {std::string(embedded(bake_embed_handler_manifest_begin, bake_embed_handler_manifest_end)),
          std::string(program())};
}

void install_firstboot(const plan::Plan& plan, guest::Guest& guest) {
  if (!plan.install_firstboot) return;
  guest.write(plan::path::firstboot, program(), 0755);
  guest.set_mode(plan::path::firstboot, 0755);
  guest.write(plan::path::firstboot_unit,
              embedded(bake_embed_ib_firstboot_service_begin, bake_embed_ib_firstboot_service_end));
  guest.write(plan::path::firstboot_target, embedded(bake_embed_ib_ready_target_begin, bake_embed_ib_ready_target_end));
  guest.write(plan::path::firstboot_preset,
              embedded(bake_embed_ib_firstboot_preset_begin, bake_embed_ib_firstboot_preset_end));
  guest.write(plan::path::firstboot_conf,
              fmt::format("# What this image was baked with; ib-firstboot holds the started VM to it.\n"
                          "OS={}-{}\nOFED={}\nMODULE={}\nMODULE_VERSION={}\nWAIT={}\n",
                          plan.os.id, plan.os.version, plan.ofed, plan.expectations.module,
                          version_to_expect(plan, guest), plan.firstboot_wait));
}

}  // namespace bake::apply
