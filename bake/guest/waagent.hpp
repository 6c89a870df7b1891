#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The value the Azure Linux agent would take for `key` from the text of waagent.conf, or empty when it would take its
/// default. As its parser (azurelinuxagent/common/conf.py, Azure/WALinuxAgent@00b65341): a line counts unless its very
/// first character is '#', the value ends at '#', quotes and spaces around it go, the last line wins.
std::optional<std::string> waagent_setting(std::string_view config, std::string_view key);

/// The agent in the guest, if it has one. The version comes from `packages`, else from the agent's own files.
std::optional<Waagent> find_waagent(Guest& guest, const std::vector<InstalledPackage>& packages);

}  // namespace bake::guest
