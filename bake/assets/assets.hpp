#pragma once

#include <string>
#include <string_view>

/// Files that are embedded in the program bake (cmake/embed.cmake), so that a build server without a network needs only
/// this one program.
namespace bake::assets {

/// The program ib-firstboot, a static ELF file.
std::string_view firstboot();
/// sha256 of firstboot(), lower-case hexadecimal.
std::string firstboot_digest();
/// ib-firstboot.service
std::string_view firstboot_unit();
/// ib-firstboot-late.service
std::string_view firstboot_late_unit();
/// 80-ib-firstboot.preset
std::string_view firstboot_preset();
/// ib-ready.target
std::string_view ready_target();
/// HandlerManifest.json of the VM extension handler package
std::string_view handler_manifest();

/// recipe.schema.json: the JSON Schema (2020-12) of recipes
std::string_view recipe_schema();
/// fleet.schema.json: the JSON Schema of fleets
std::string_view fleet_schema();
/// matrix.schema.json: the JSON Schema of the files of the matrix
std::string_view matrix_schema();

}  // namespace bake::assets
