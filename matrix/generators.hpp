#pragma once

#include <string>

#include "matrix/matrix.hpp"

namespace bake::matrix {

/// Returns one self-contained HTML page: releases × VM sizes → driver. It needs no script, no network and no colours,
/// and it has a light and a dark form. The same rows give the same page.
std::string html_page(const Matrix& matrix);

/// Returns the C++ header that ib-firstboot compiles in: sizes by lower-case name, PCI functions by device, and
/// releases. Each table is sorted. The row types are in firstboot/table_types.hpp.
std::string firstboot_tables(const Matrix& matrix);

}  // namespace bake::matrix
