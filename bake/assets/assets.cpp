#include "bake/assets/assets.hpp"

#include "bake/base/digest.hpp"

// bake_embed() in CMakeLists.txt defines these.
extern "C" {
extern const char bake_embed_ib_firstboot_begin[], bake_embed_ib_firstboot_end[];
extern const char bake_embed_ib_firstboot_service_begin[], bake_embed_ib_firstboot_service_end[];
extern const char bake_embed_ib_firstboot_late_service_begin[], bake_embed_ib_firstboot_late_service_end[];
extern const char bake_embed_handler_manifest_begin[], bake_embed_handler_manifest_end[];
extern const char bake_embed_ib_ready_target_begin[], bake_embed_ib_ready_target_end[];
extern const char bake_embed_ib_firstboot_preset_begin[], bake_embed_ib_firstboot_preset_end[];
extern const char bake_embed_recipe_schema_begin[], bake_embed_recipe_schema_end[];
extern const char bake_embed_fleet_schema_begin[], bake_embed_fleet_schema_end[];
extern const char bake_embed_matrix_schema_begin[], bake_embed_matrix_schema_end[];
}

namespace bake::assets {
namespace {

std::string_view embedded(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

std::string_view firstboot() { return embedded(bake_embed_ib_firstboot_begin, bake_embed_ib_firstboot_end); }

std::string firstboot_digest() { return digest_of(firstboot()); }

std::string_view firstboot_unit() {
  return embedded(bake_embed_ib_firstboot_service_begin, bake_embed_ib_firstboot_service_end);
}

std::string_view firstboot_late_unit() {
  return embedded(bake_embed_ib_firstboot_late_service_begin, bake_embed_ib_firstboot_late_service_end);
}

std::string_view firstboot_preset() {
  return embedded(bake_embed_ib_firstboot_preset_begin, bake_embed_ib_firstboot_preset_end);
}

std::string_view ready_target() { return embedded(bake_embed_ib_ready_target_begin, bake_embed_ib_ready_target_end); }

std::string_view handler_manifest() {
  return embedded(bake_embed_handler_manifest_begin, bake_embed_handler_manifest_end);
}

std::string_view recipe_schema() { return embedded(bake_embed_recipe_schema_begin, bake_embed_recipe_schema_end); }

std::string_view fleet_schema() { return embedded(bake_embed_fleet_schema_begin, bake_embed_fleet_schema_end); }

std::string_view matrix_schema() { return embedded(bake_embed_matrix_schema_begin, bake_embed_matrix_schema_end); }

}  // namespace bake::assets
