#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bake/cli/context.hpp"
#include "matrix/matrix.hpp"

namespace bake::cli {

/// The topics that `bake matrix list TOPIC` knows.
const std::vector<std::string>& matrix_topics();

/// All rows of one topic with every field, source and confidence included.
Json rows_as_json(const matrix::Matrix& matrix, const std::string& topic);

/// All rows of one topic as lines of columns; the first line is the heading.
std::vector<std::vector<std::string>> rows_as_table(const matrix::Matrix& matrix, const std::string& topic);

/// Rows that `name` may mean: a VM size, a release ("centos 7.7", "rhel8.2"), a driver release, a PCI device, a rule,
/// an inbox driver. Each with its topic.
std::vector<std::pair<std::string, Json>> rows_named(const matrix::Matrix& matrix, const std::string& name);

/// "ubuntu20.04", "centos:7.7", "rhel-8.2", "ubuntu 20.04" → id and version.
std::pair<std::string, std::string> split_os(const std::string& text);

/// Columns padded to equal width, two spaces apart; nothing behind the last one.
std::string as_columns(const std::vector<std::vector<std::string>>& table);

Json as_json(const matrix::Choice& choice);
Json as_json(const matrix::TopicCount& count);

}  // namespace bake::cli
