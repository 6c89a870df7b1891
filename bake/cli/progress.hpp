#pragma once

#include <memory>

#include "bake/base/progress.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {

/// Returns the reporter for the options of `context`: "[  12.3s] step" lines (plain), one line that is rewritten (tty),
/// or only warnings (none, --quiet). "auto" is tty when standard error is a terminal.
std::unique_ptr<Progress> make_progress(Context& context);

}  // namespace bake::cli
