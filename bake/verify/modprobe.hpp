#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// One command of a modprobe.d file: its words, and the file that it is in.
struct ModprobeCommand {
  std::string file;
  std::vector<std::string> words;
};

/// Calls `use` with each command that modprobe may read on the started VM, without those below /run. A file of
/// /etc/modprobe.d hides the files of the same name in the other directories (modprobe.d(5)). Each file of the others
/// counts, because old versions read only /etc, /run and /lib (kmod, NEWS, kmod 7): for these, a file below
/// /usr/local/lib hides nothing.
void each_modprobe_command(guest::Guest& guest, const std::function<void(const ModprobeCommand&)>& use);

/// Checks that modprobe and udev can load the modules of the card and of RDMA, and their dependencies: that no command
/// of modprobe.d and no option of the kernel keeps one from being loaded.
Check verify_module_loading(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

}  // namespace bake::verify
