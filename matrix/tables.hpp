#pragma once

#include <string>

#include "matrix/matrix.hpp"

namespace bake::matrix {

/// The C++ header that ib-firstboot compiles in: sizes by lower-case name, PCI functions by device and releases, each
/// table sorted. The types of its rows are in firstboot/table_types.hpp.
std::string firstboot_tables(const Matrix& matrix);

}  // namespace bake::matrix
