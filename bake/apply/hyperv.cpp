#include "bake/apply/hyperv.hpp"

#include <fmt/format.h>

#include "bake/apply/shell.hpp"
#include "bake/base/text.hpp"

namespace bake::apply {

std::vector<std::string> hyperv_modules(guest::Guest& guest, const std::string& release) {
  return split_words(run(guest, "looking for Hyper-V drivers",
                         fmt::format("for m in hv_vmbus hv_storvsc hv_netvsc; do\n"
                                     "  case \"$(modinfo -k {} -n $m 2>/dev/null)\" in /*) echo $m;; esac\n"
                                     "done\n:\n",
                                     shell_quote(release))));
}

}  // namespace bake::apply
