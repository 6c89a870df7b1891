#pragma once

#include <vector>

#include "matrix/reader.hpp"

namespace bake::matrix {

/// What is wrong between the rows of linked `rows`: references to rows that are not there, one thing said twice, rules
/// that can never hold or overlap. Each problem at the line of its row.
std::vector<Problem> check_rows(const Matrix::Rows& rows);

/// Rows of the extension's manifest that contradict each other or the rest of the matrix. They do no harm, for
/// resolve() looks at the rest first, so they keep nothing from loading.
std::vector<Problem> check_manifest(const Matrix::Rows& rows);

}  // namespace bake::matrix
