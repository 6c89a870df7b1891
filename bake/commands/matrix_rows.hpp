#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bake/cli/context.hpp"
#include "matrix/matrix.hpp"

namespace bake::cli {

/// Returns the topics of `bake matrix list TOPIC`.
const std::vector<std::string>& matrix_topics();

/// Returns all rows of one topic with every field, their source and their confidence.
Json rows_to_json(const matrix::Matrix& matrix, const std::string& topic);

/// Returns all rows of one topic as lines of columns. The first line is the heading.
std::vector<std::vector<std::string>> rows_to_table(const matrix::Matrix& matrix, const std::string& topic);

/// Returns the rows with this name and their topics: a VM size, a release ("centos 7.7", "rhel8.2"), a driver release,
/// a PCI device, a rule or an inbox driver.
std::vector<std::pair<std::string, Json>> rows_named(const matrix::Matrix& matrix, const std::string& name);

/// Returns columns of equal width, two spaces apart, without trailing spaces.
std::string as_columns(const std::vector<std::vector<std::string>>& table);

}  // namespace bake::cli
