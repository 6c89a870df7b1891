#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "matrix/matrix.hpp"

namespace bake::matrix {
namespace {

/// "ID ANSWER KEYRING FORM" of the row for a kernel, or "none".
std::string row_for(const Matrix& matrix, const std::string& id, const std::string& version,
                    const std::string& kernel) {
  const auto* row = matrix.find_secure_boot(id, version, kernel);
  return row == nullptr ? "none" : row->id + " " + row->accepts + " " + row->keyring + " " + row->signature;
}

std::string built_in(const std::string& id, const std::string& version, const std::string& kernel) {
  return row_for(Matrix::built_in(), id, version, kernel);
}

TEST(MatrixSecureBoot, RowsOfKernels) {
  EXPECT_EQ(built_in("centos", "7.7", "3.10.0-1062.el7.x86_64"), "el7 yes .system_keyring legacy");
  EXPECT_EQ(built_in("rhel", "8.10", "4.18.0-553.el8_10.x86_64"), "el8 yes .platform cms");
  EXPECT_EQ(built_in("almalinux", "9.6", "5.14.0-570.12.1.el9_6.x86_64"), "el9 yes .platform cms");
  EXPECT_EQ(built_in("ubuntu", "16.04", "4.4.0-131-generic"), "ubuntu-4.4 unproven the system keyring cms");
  EXPECT_EQ(built_in("ubuntu", "16.04", "4.15.0-1113-azure"), "ubuntu-4.13 yes the secondary keyring cms");
  EXPECT_EQ(built_in("ubuntu", "18.04", "4.15.0-23-generic"), "ubuntu-4.13 yes the secondary keyring cms");
  EXPECT_EQ(built_in("ubuntu", "18.04", "5.0.0-1036-azure"), "ubuntu-5.0 unproven .platform cms");
  EXPECT_EQ(built_in("ubuntu", "18.04", "5.4.0-1109-azure"), "ubuntu-5.4 yes .platform cms");
  EXPECT_EQ(built_in("ubuntu", "24.04", "6.8.0-1041-azure"), "ubuntu-5.4 yes .platform cms");
  EXPECT_EQ(built_in("debian", "12", "6.1.0-57-cloud-amd64"), "debian yes .platform cms");
  EXPECT_EQ(built_in("azurelinux", "3.0", "6.6.57.1-6.azl3"), "azure-linux no .platform cms");
  EXPECT_EQ(built_in("ubuntu", "24.04", "6.12.0-061200-generic"), "ubuntu-mainline no .platform cms");
  EXPECT_EQ(built_in("rocky", "9.6", "6.12.1-1.el9.elrepo.x86_64"), "el-kernel-ml no .platform cms");
  EXPECT_EQ(built_in("arch", "1.0", "6.12"), "none");
}

// Every release that bake bakes has an answer for its first kernel and for Azure's.
TEST(MatrixSecureBoot, EveryReleaseHasARow) {
  for (const auto& os : Matrix::built_in().operating_systems()) {
    EXPECT_NE(built_in(os.id, os.version, os.ga_kernel), "none") << os.name;
    const auto& azure = os.azure_kernel.empty() ? os.ga_kernel : os.azure_kernel;
    EXPECT_NE(built_in(os.id, os.version, azure), "none") << os.name;
  }
}

TEST(MatrixSecureBoot, RowOfAnOverlayHasPrecedence) {
  const TemporaryDirectory overlay;
  write_text_atomically(overlay.path() / "own.yaml",
                        "secure_boot:\n  - id: own\n    os: [\"ubuntu 24.04\"]\n    kernel_contains: \"-site\"\n"
                        "    keyring: .platform\n    accepts: no\n    note: \"it is a kernel of kernel.org\"\n"
                        "    remedy: \"boot the kernel of Ubuntu\"\n    source: \"the site\"\n");
  const auto matrix = Matrix::load({overlay.path()});
  EXPECT_EQ(row_for(matrix, "ubuntu", "24.04", "6.12.1-site"), "own no .platform cms");
  EXPECT_EQ(row_for(matrix, "ubuntu", "24.04", "6.8.0-1041-azure"), "ubuntu-5.4 yes .platform cms");
}

TEST(MatrixSecureBoot, ProblemsNameTheirLine) {
  const TemporaryDirectory overlay;
  const auto file = overlay.path() / "own.yaml";
  write_text_atomically(
      file,
      "secure_boot:\n  - id: own\n    keyring: .platform\n    accepts: maybe\n    source: \"x\"\n  - id: "
      "two\n    os: [ubuntu]\n    keyring: .platform\n    accepts: no\n    source: \"x\"\n");
  std::vector<std::string> messages;
  for (const auto& problem : Matrix::check({overlay.path()})) messages.push_back(problem.message);
  EXPECT_EQ(messages, (std::vector<std::string>{
                          "a row must name its releases",
                          "a row that does not accept keys of the firmware must have 'note' and 'remedy'",
                          "'accepts' must be one of yes, no, unproven, not 'maybe'",
                          "a row that does not accept keys of the firmware must have 'note' and 'remedy'"}));
}

}  // namespace
}  // namespace bake::matrix
