#pragma once

#include <string>

#include "matrix/matrix.hpp"

namespace bake::matrix {

/// One self-contained HTML page: releases × VM sizes → driver. No script, no network, readable without colours, light
/// and dark. Depends on the rows alone, so the same matrix gives the same page.
std::string html_page(const Matrix& matrix);

}  // namespace bake::matrix
