#include "bake/apply/guest_files.hpp"

#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/guest/config_link.hpp"

namespace bake::apply {

void write_own_file(guest::Guest& guest, const std::string& path, std::string_view content, unsigned mode) {
  const auto found = guest.stat(path);
  if (found && found->type != guest::FileType::directory) guest.remove(path);
  guest.write(path, content, mode);
}

void write_config_file(guest::Guest& guest, const std::string& path, std::string_view content) {
  if (const auto link = guest::find_config_link(guest, path); link && !link->allowed)
    throw Error(ErrorKind::incompatible, fmt::format("changing '{}' in the guest: {}", path, description_of(*link)),
                "replace the link with a file in the base");
  guest.write(path, content);
}

}  // namespace bake::apply
