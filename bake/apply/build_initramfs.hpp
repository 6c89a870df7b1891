#pragma once

#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::apply {

/// An initramfs that the guest's own tool builds.
struct InitramfsBuild {
  guest::InitramfsTool tool = guest::InitramfsTool::dracut;
  std::string path;                   ///< "/boot/initrd.img-K"
  std::string kernel;                 ///< the release
  std::vector<std::string> drivers;   ///< modules that it must contain
  bool without_card_drivers = false;  ///< the card's drivers are not those of the kernel
};

/// Adds `drivers` to the list that initramfs-tools reads each time it builds an initramfs.
void list_initramfs_drivers(const std::vector<std::string>& drivers, guest::Guest& guest);

/// Runs dracut or update-initramfs. Throws Error{failed} with the end of its output. The list of
/// list_initramfs_drivers() must exist already.
void build_initramfs(const InitramfsBuild& build, guest::Guest& guest);

}  // namespace bake::apply
