#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake::evidence {

/// Returns `text` as a licence expression of SPDX 2.3 (Annex D) when it is one: identifiers of the SPDX License List,
/// joined by AND, OR, WITH and parentheses. Nothing for anything else. Knows the identifiers that are common in
/// distributions, not the whole list, so it may also return nothing for an expression with a rare licence.
///
/// The packages of RHEL up to 9 use the older names of Fedora ("GPLv2+ and BSD"), which are not SPDX identifiers.
std::optional<std::string> licence_expression(std::string_view text);

/// Returns the identifier for a licence that is not an expression: "LicenseRef-rpm-GPLv2-and-BSD-1a2b3c4d". The same
/// text has the same identifier in every document. Only letters, digits, "." and "-" (SPDX 2.3, 10.1).
std::string licence_reference(std::string_view text);

}  // namespace bake::evidence
