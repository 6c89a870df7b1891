#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"

namespace bake::apply {

void write_option_files(const plan::Plan& plan, guest::Guest& guest) {
  for (const auto& file : plan.option_files) {
    write_own_file(guest, file.path, file.text, file.mode);
    guest.set_mode(file.path, file.mode);
  }
}

}  // namespace bake::apply
