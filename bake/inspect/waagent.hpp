#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// Returns the value of `key` that the Azure Linux agent reads from the text of waagent.conf, or empty when it uses its
/// default. Like its parser (azurelinuxagent/common/conf.py, Azure/WALinuxAgent@00b65341): a line counts unless its
/// very first character is '#', the value ends at '#', quotes and spaces around it are removed, the last line counts.
std::optional<std::string> waagent_setting(std::string_view config, std::string_view key);

/// Returns the agent in the guest, if there is one. The version comes from `packages`, else from the agent's own files.
std::optional<Waagent> find_waagent(Guest& guest, const std::vector<InstalledPackage>& packages);

}  // namespace bake::guest
