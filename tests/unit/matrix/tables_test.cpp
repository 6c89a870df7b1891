#include <algorithm>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "matrix/generators.hpp"

namespace bake::matrix {
namespace {

/// The lines of one table, without the space around them.
std::vector<std::string> rows_of(const std::string& header, const std::string& name) {
  std::vector<std::string> rows;
  bool inside = false;
  for (const auto& line : split_lines(header)) {
    if (line == "};") inside = false;
    if (inside) rows.emplace_back(trim(line));
    if (line.ends_with(" " + name + "[] = {")) inside = true;
  }
  return rows;
}

TEST(MatrixTables, HoldEveryRowSorted) {
  const auto matrix = Matrix::built_in();
  const auto header = firstboot_tables(matrix);
  EXPECT_TRUE(header.starts_with(
      "// generated from matrix/; do not edit\n#pragma once\n\n#include \"firstboot/table_types.hpp\"\n"));
  EXPECT_EQ(header.find("#include", header.find("table_types")), std::string::npos);
  const auto sizes = rows_of(header, "size_rows"), devices = rows_of(header, "pci_rows"),
             systems = rows_of(header, "os_rows");
  EXPECT_EQ(sizes.size(), matrix.sizes().size());
  EXPECT_EQ(devices.size(), matrix.pci_devices().size());
  EXPECT_EQ(systems.size(), matrix.operating_systems().size());
  for (const auto& rows : {sizes, devices, systems}) EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  const auto has = [](const std::vector<std::string>& rows, const char* row) {
    return std::count(rows.begin(), rows.end(), row) == 1;
  };
  EXPECT_TRUE(has(sizes, R"({"standard_hb120rs_v2", "CX6", 1, Transport::sriov},)"));
  EXPECT_TRUE(has(sizes, R"({"standard_nd96isr_h100_v5", "CX7", 8, Transport::sriov},)"));
  EXPECT_TRUE(has(sizes, R"({"standard_h16r", "", 1, Transport::networkdirect},)"));
  EXPECT_TRUE(has(sizes, R"({"standard_nd96is_h100_v5", "", 0, Transport::none},)"));
  EXPECT_TRUE(has(devices, R"({0x101c, "ConnectX-6 VF", "CX6", "mlx5", true},)"));
  EXPECT_TRUE(has(devices, R"({0x1007, "ConnectX-3 Pro", "CX3-Pro", "mlx4", false},)"));
  EXPECT_TRUE(has(systems, R"({"ubuntu", "20.04"},)"));
  EXPECT_TRUE(has(systems, R"({"centos", "7.7"},)"));
}

}  // namespace
}  // namespace bake::matrix
