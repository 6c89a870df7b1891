// Names as people type them.
#include "matrix/words.hpp"

#include <gtest/gtest.h>

#include "matrix/matrix.hpp"
#include "tests/support/error_of.hpp"

namespace bake::matrix {
namespace {

std::string release(std::string_view text) {
  const auto [id, version] = release_words(text);
  const auto* os = Matrix::built_in().find_os(id, version);
  return os == nullptr ? "" : os->id + " " + os->version;
}

TEST(Words, NameARelease) {
  for (const auto* text : {"ubuntu 20.04", "ubuntu20.04", "Ubuntu-20.04", "UBUNTU:20.04", "focal", "ubuntu focal",
                           "Ubuntu 20.04 LTS", " ubuntu_20.04 "})
    EXPECT_EQ(release(text), "ubuntu 20.04") << text;
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, std::string>>{{"xenial", "ubuntu 16.04"},
                                                        {"bionic", "ubuntu 18.04"},
                                                        {"Jammy", "ubuntu 22.04"},
                                                        {"noble", "ubuntu 24.04"},
                                                        {"el8.2", "rhel 8.2"},
                                                        {"rhel 8.2", "rhel 8.2"},
                                                        {"RHEL8.2", "rhel 8.2"},
                                                        {"Red Hat Enterprise Linux 8.2", "rhel 8.2"},
                                                        {"centos:7.7", "centos 7.7"},
                                                        {"CentOS 7.7.1908", "centos 7.7"},
                                                        {"alma9.4", "almalinux 9.4"},
                                                        {"AlmaLinux-9.4", "almalinux 9.4"},
                                                        {"rocky9.4", "rocky 9.4"},
                                                        {"Rocky Linux 9.4", "rocky 9.4"},
                                                        {"ubuntu", ""},
                                                        {"fokal", ""},
                                                        {"ubuntu 20.05", ""},
                                                        {"", ""}})
    EXPECT_EQ(release(text), expected) << text;
}

TEST(Words, NameADriverRelease) {
  const auto matrix = Matrix::built_in();
  for (const auto* text : {"5.5-1.0.3.2", "5.5", "MLNX_OFED 5.5", "MLNX_OFED_LINUX-5.5-1.0.3.2",
                           "mlnx ofed 5.5-1.0.3.2", "OFED 5.5", "5.5-1", " 5.5 "})
    EXPECT_EQ(matrix.driver_release(text), "5.5-1.0.3.2") << text;
  for (const auto* text : {"DOCA-OFED 3.2.3-019000", "doca 3.2.3-019000", "doca-host-3.2.3-019000"})
    EXPECT_EQ(matrix.driver_release(text), "doca-3.2.3-019000") << text;
  for (const auto* text : {"", "inbox", "9.9-1.2.3.4"}) EXPECT_EQ(matrix.driver_release(text), text);
}

TEST(Words, ThatNameSeveralDriverReleasesAreRefused) {
  const auto error = error_of([] { static_cast<void>(Matrix::built_in().driver_release("5.6")); });
  EXPECT_EQ(error.message(), "choosing driver '5.6': it names several releases");
  EXPECT_EQ(error.hint(), "write one of 5.6-1.0.3.3, 5.6-2.0.9.0");
  const auto unknown = error_of([] { static_cast<void>(Matrix::built_in().driver_release("6.5")); });
  EXPECT_EQ(unknown.message(), "choosing driver '6.5': the matrix has no such release");
  EXPECT_FALSE(unknown.hint().empty());
}

TEST(Words, ThatAreNoDriverRelease) {
  for (const auto* text :
       {"", "latest", "5", "rhel8.2", "5.5-", "mlnx", "15b3:101c", "Standard_HB120rs_v3", "doca-3.2.3-0.1"})
    EXPECT_EQ(driver_words(text), std::nullopt) << text;
}

TEST(Words, NameAVmSize) {
  const auto matrix = Matrix::built_in();
  for (const auto* text : {"Standard_HB120rs_v3", "standard_hb120RS_V3", "HB120rs_v3", "hb120rs v3"}) {
    const auto* size = matrix.find_size(text);
    ASSERT_NE(size, nullptr) << text;
    EXPECT_EQ(size->name, "Standard_HB120rs_v3");
  }
}

TEST(Words, NameAVmSizeWithoutInfiniband) {
  for (const auto* text :
       {"Standard_D4s_v5", "D4s_v5", "Standard_E8bds_v5", "Standard_F72s_v2", "Standard_B2ms", "Standard_L8s_v3",
        "Standard_M128ms", "Standard_DC4as_v5", "Standard_NC4as_T4_v3", "Standard_NV36ads_A10_v5", "Basic_A1"}) {
    EXPECT_TRUE(names_size_without_infiniband(text)) << text;
    const auto error = error_of([&] { Matrix::built_in().require_sizes({text}); });
    EXPECT_EQ(error.message(), std::string("resolving VM size '") + text + "': it has no InfiniBand");
  }
  for (const auto* text : {"Standard_HB999rs_v9", "Standard_ND96isr_H999_v9", "Standard_NC24rs_v9", "focal", "D", ""})
    EXPECT_FALSE(names_size_without_infiniband(text)) << text;
}

}  // namespace
}  // namespace bake::matrix
