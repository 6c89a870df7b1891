// Writes the tables that ib-firstboot compiles in: matrix_tables FILE.
#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "matrix/matrix.hpp"

namespace {

using bake::matrix::Matrix;

/// Lines in the order firstboot searches them.
template <typename Row, typename Format>
std::string table(std::string_view declaration, const std::vector<Row>& rows, Format format) {
  std::set<std::string> lines;
  for (const auto& row : rows) lines.insert(fmt::format("    {},\n", format(row)));
  return fmt::format("inline constexpr {}[] = {{\n{}}};\n", declaration, fmt::join(lines, ""));
}

std::string tables(const Matrix& matrix) {
  auto text = std::string(
      "// generated from matrix/; do not edit\n#pragma once\n\n#include \"firstboot/table_types.hpp\"\n\nnamespace "
      "firstboot {\n\n"
      "// sorted by lower-case name\n");
  text += table("SizeRow size_rows", matrix.sizes(), [](const auto& row) {
    return fmt::format("{{\"{}\", \"{}\", {}, Transport::{}}}", bake::to_lower(row.name), row.generation, row.hcas,
                       row.transport);
  });
  text += "\n// functions of PCI vendor 0x15b3, sorted by device\n";
  text += table("PciRow pci_rows", matrix.pci_devices(), [](const auto& row) {
    return fmt::format("{{0x{:04x}, \"{}\", \"{}\", \"{}\", {}}}", row.device, row.name, row.generation, row.driver,
                       row.virtual_function);
  });
  text += "\n// sorted by id, then version as text\n";
  text += table("OsRow os_rows", matrix.operating_systems(),
                [](const auto& row) { return fmt::format("{{\"{}\", \"{}\"}}", row.id, row.version); });
  return text + "\n}  // namespace firstboot\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: matrix_tables FILE\n";
    return 2;
  }
  try {
    bake::write_text_atomically(argv[1], tables(Matrix::built_in()));
  } catch (const std::exception& error) {
    std::cerr << "matrix_tables: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
