#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <string>
#include <vector>

#include "bake/base/text.hpp"
#include "matrix/generators.hpp"

namespace bake::matrix {
namespace {

/// Returns one table with its lines sorted.
template <typename Row, typename Format>
std::string table(std::string_view declaration, const std::vector<Row>& rows, Format format) {
  std::set<std::string> lines;
  for (const auto& row : rows) lines.insert(fmt::format("    {},\n", format(row)));
  return fmt::format("inline constexpr {}[] = {{\n{}}};\n", declaration, fmt::join(lines, ""));
}

}  // namespace

std::string firstboot_tables(const Matrix& matrix) {
  auto text = std::string(
      "// generated from matrix/; do not edit\n#pragma once\n\n#include \"firstboot/table_types.hpp\"\n\nnamespace "
      "firstboot {\n\n"
      "// sorted by lower-case name\n");
  text += table("SizeRow size_rows", matrix.sizes(), [](const auto& row) {
    return fmt::format("{{\"{}\", \"{}\", {}, Transport::{}}}", to_lower(row.name), row.generation, row.hcas,
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

}  // namespace bake::matrix
