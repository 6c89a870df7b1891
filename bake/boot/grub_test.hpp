#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bake::guest {

enum class GrubFileKind { none, file, empty_file, directory };

/// Evaluates the arguments of GRUB's commands `test` and `[` (grub-core/commands/test.c), without the final "]". Throws
/// Undetermined for -nt and -ot: the times of files change when an image is copied.
bool evaluate_grub_test(const std::vector<std::string>& arguments,
                        const std::function<GrubFileKind(const std::string&)>& kind_of_file);

}  // namespace bake::guest
