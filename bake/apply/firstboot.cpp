#include <fmt/format.h>
#include <string_view>

#include "bake/apply/apply.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/digest.hpp"

// Put into the program by bake_embed() in CMakeLists.txt.
extern "C" {
extern const char bake_embed_ib_firstboot_begin[], bake_embed_ib_firstboot_end[];
extern const char bake_embed_ib_firstboot_service_begin[], bake_embed_ib_firstboot_service_end[];
extern const char bake_embed_handler_manifest_begin[], bake_embed_handler_manifest_end[];
extern const char bake_embed_ib_ready_target_begin[], bake_embed_ib_ready_target_end[];
}

namespace bake::apply {
namespace {

std::string_view embedded(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

std::string_view program() { return embedded(bake_embed_ib_firstboot_begin, bake_embed_ib_firstboot_end); }

}  // namespace

std::string firstboot_digest() { return digest_of(program()); }

HandlerFiles handler_files() {
  return {std::string(embedded(bake_embed_handler_manifest_begin, bake_embed_handler_manifest_end)),
          std::string(program())};
}

void install_firstboot(const plan::Plan& plan, guest::Guest& guest) {
  if (!plan.install_firstboot) return;
  guest.write("/usr/sbin/ib-firstboot", program(), 0755);
  guest.set_mode("/usr/sbin/ib-firstboot", 0755);
  guest.write("/etc/systemd/system/ib-firstboot.service",
              embedded(bake_embed_ib_firstboot_service_begin, bake_embed_ib_firstboot_service_end));
  guest.write("/etc/systemd/system/ib-ready.target",
              embedded(bake_embed_ib_ready_target_begin, bake_embed_ib_ready_target_end));
  guest.write("/etc/ib-firstboot.conf",
              fmt::format("# What this image was baked with; ib-firstboot holds the started VM to it.\n"
                          "OS={}-{}\nOFED={}\nMODULE={}\nMODULE_VERSION={}\nWAIT={}\n",
                          plan.os.id, plan.os.version, plan.ofed, plan.expectations.module,
                          plan.expectations.module_version, plan.firstboot_wait));
}

}  // namespace bake::apply
