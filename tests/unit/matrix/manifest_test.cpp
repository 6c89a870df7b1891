// The VM extension's own table: read, compared, written back.
#include "matrix/manifest.hpp"

#include <gtest/gtest.h>
#include <set>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"

namespace bake::matrix {
namespace {

/// sha256 of InfiniBand/resources.json in Azure/azhpc-extensions@9092b59: the built-in rows give that file back.
constexpr std::string_view microsofts_file = "3b00d91a70597abc32e389ad38bce1f0846845c354b3764d4304928c916ca95d";

/// The shape of 2020: one type, Windows and Linux, a pin with and one without a URL, an element without a comment.
constexpr std::string_view old_shape = R"({
  "Driver" : [ { "Name" : "OFED", "Version" : [ { "Type" : "CX5", "OS" : [
    { "Comment" : "Driver version is 2.22.", "Name" : "Windows", "Distro" : [
      { "Name" : "2016/10", "Version" : [ { "Num" : "All", "FwLink" : "http://download.microsoft.com/MLNX_WinOF2.exe" } ] } ] },
    { "Name" : "Linux", "Distro" : [
      { "Name" : "Ubuntu", "Version" : [
        { "Num" : "18.10", "FwLink" : "http://content.mellanox.com/ofed/MLNX_OFED-4.7-1.0.0.1/MLNX_OFED_LINUX-4.7-1.0.0.1-ubuntu18.10-x86_64.tgz" } ] },
      { "Name" : "RHEL/CentOS", "Version" : [
        { "Num" : "7.6", "FwLink" : "http://content.mellanox.com/ofed/MLNX_OFED-4.7-1.0.0.1/MLNX_OFED_LINUX-4.7-1.0.0.1-rhel7.6-x86_64.tgz",
          "KernelDevelVer" : "3.10.0-957.1.3.el7.x86_64" },
        { "Num" : "7.4", "FwLink" : "http://content.mellanox.com/ofed/MLNX_OFED-4.6-1.0.1.1/MLNX_OFED_LINUX-4.6-1.0.1.1-rhel7.4-x86_64.tgz",
          "KernelDevelVer" : "3.10.0-693.el7.x86_64",
          "KernelDevelRPM" : "http://vault.centos.org/7.4.1708/os/x86_64/Packages/kernel-devel-3.10.0-693.el7.x86_64.rpm",
          "Note" : "kept" } ] } ] } ] } ] } ]
})";

std::vector<ManifestRow> parse(std::string_view text) { return parse_manifest(text, "resources.json", "a test"); }

std::vector<std::string> problems_of(std::string_view text) {
  try {
    parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    auto lines = split_lines(error.message());
    if (lines.size() > 1) lines.erase(lines.begin());
    return lines;
  }
  return {};
}

TEST(MatrixManifest, ReadsTheOldShape) {
  const auto rows = parse(old_shape);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].os, "Windows");
  EXPECT_EQ(rows[0].comment, "Driver version is 2.22.");
  EXPECT_EQ(rows[1].type, "CX5");
  EXPECT_EQ(rows[1].distro, "Ubuntu");
  EXPECT_EQ(rows[1].version, "18.10");
  EXPECT_EQ(rows[2].kernel_devel, "3.10.0-957.1.3.el7.x86_64");
  EXPECT_EQ(rows[2].kernel_devel_url, "");
  EXPECT_EQ(rows[3].kernel_devel_url,
            "http://vault.centos.org/7.4.1708/os/x86_64/Packages/kernel-devel-3.10.0-693.el7.x86_64.rpm");
  EXPECT_EQ(rows[3].more, (std::vector<std::string>{"Note", "kept"}));
}

TEST(MatrixManifest, ReadsFilesWithoutTypesOrDrivers) {
  const auto rows = parse(R"({"OS": [{"Name": "Linux", "Distro": [{"Name": "Ubuntu", "Version":
    [{"Num": "20.04", "FwLink": "http://x/MLNX_OFED_LINUX-5.0-1.0.0.0-ubuntu20.04-x86_64.tgz"}]}]}]})");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].driver, "OFED");
  EXPECT_EQ(rows[0].type, "");
  EXPECT_EQ(write_manifest(parse(write_manifest(rows))), write_manifest(rows));
}

TEST(MatrixManifest, RoundTripLosesNothing) {
  for (const auto& rows : {parse(old_shape), Matrix::built_in().extension_manifest()}) {
    const auto text = write_manifest(rows);
    const auto again = parse(text);
    ASSERT_EQ(again.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(again[i].link, rows[i].link);
      EXPECT_EQ(again[i].kernel_devel, rows[i].kernel_devel);
      EXPECT_EQ(again[i].comment, rows[i].comment);
      EXPECT_EQ(again[i].more, rows[i].more);
    }
    EXPECT_EQ(write_manifest(again), text);
  }
}

TEST(MatrixManifest, ComparesWithTheMatrix) {
  const auto report = compare_manifest(Matrix::built_in(), parse(old_shape));
  EXPECT_EQ(report.rows, 4U);
  EXPECT_EQ(report.identical, 0U);
  std::vector<std::string> added, changed;
  for (const auto& row : report.added) added.push_back(row.row);
  for (const auto& row : report.changed) changed.push_back(row.row + " " + row.field);
  EXPECT_EQ(added, (std::vector<std::string>{"CX5 Windows 2016/10 All", "CX5 Linux Ubuntu 18.10"}));
  EXPECT_EQ(changed,
            (std::vector<std::string>{"CX5 Linux RHEL/CentOS 7.6 link", "CX5 Linux RHEL/CentOS 7.6 kernel_devel",
                                      "CX5 Linux RHEL/CentOS 7.6 kernel_devel_url", "CX5 Linux RHEL/CentOS 7.6 comment",
                                      "CX5 Linux RHEL/CentOS 7.4 link", "CX5 Linux RHEL/CentOS 7.4 kernel_devel",
                                      "CX5 Linux RHEL/CentOS 7.4 kernel_devel_url", "CX5 Linux RHEL/CentOS 7.4 comment",
                                      "CX5 Linux RHEL/CentOS 7.4 more"}));
  EXPECT_EQ(report.kept.size(), 40U);
  EXPECT_EQ(report.conflicts, std::vector<Problem>{});
  EXPECT_EQ(report.kernel_pins, (std::vector<std::string>{"RHEL/CentOS 7.6: 3.10.0-957.1.3.el7.x86_64",
                                                          "RHEL/CentOS 7.4: 3.10.0-693.el7.x86_64"}));
}

TEST(MatrixManifest, ReportsConflicts) {
  auto rows = parse(old_shape);
  rows[1].type = "CX3-Pro";
  rows[1].link = "http://x/MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu18.10-x86_64.tgz";
  rows[2].link = "http://x/MLNX_OFED_LINUX-4.7-1.0.0.1-rhel7.7-x86_64.tgz";
  rows.push_back(rows[3]);
  rows[4].repeat = 1;
  rows[4].link = "http://x/MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.4-x86_64.tgz";
  std::vector<std::string> conflicts;
  for (const auto& problem : compare_manifest(Matrix::built_in(), rows).conflicts) conflicts.push_back(problem.message);
  const std::set<std::string> found(conflicts.begin(), conflicts.end());
  EXPECT_EQ(found, (std::set<std::string>{"gives CX3-Pro the driver release 5.5-1.0.3.2, which does not drive it",
                                          "is for RHEL/CentOS 7.6, but its archive is for rhel7.7",
                                          "gives OFED CX5 Linux RHEL/CentOS 7.4 a second archive, "
                                          "'http://x/MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.4-x86_64.tgz'"}));
}

TEST(MatrixManifest, AnOverlayOfTheOldShapeSaysWhatTheExtensionInstalls) {
  const TemporaryDirectory directory;
  const auto built_in = Matrix::built_in();
  const auto rows = parse(old_shape);
  write_text_atomically(directory.path() / "m.yaml", manifest_overlay(built_in, rows));
  const auto matrix = Matrix::load({directory.path()});
  EXPECT_EQ(matrix.extension_manifest().size(), built_in.extension_manifest().size() + 2);
  // What the VM extension installs.
  const auto installed = [&](const std::string& size) {
    for (const auto& choice : matrix.resolve({"centos", "7.6", "", {size}, ""}).choices)
      if (choice.tier == Tier::extension) return choice.ofed;
    return std::string();
  };
  EXPECT_EQ(installed("HB60rs"), "4.7-1.0.0.1");
  EXPECT_EQ(installed("HB120rs_v2"), "5.5-1.0.3.2");
  EXPECT_EQ(matrix.find_os("centos", "7.6")->kernel_pins,
            (std::vector<std::string>{"3.10.0-957.27.2.el7.x86_64", "3.10.0-957.1.3.el7.x86_64"}));
  ASSERT_NE(matrix.find_ofed("4.6-1.0.1.1"), nullptr);
  EXPECT_EQ(matrix.find_ofed("4.6-1.0.1.1")->layout, "split");
  EXPECT_TRUE(matrix.find_ofed("4.6-1.0.1.1")->provenance.unverified);
  // Export, import of the export, export: the same bytes.
  const auto first = write_manifest(matrix.extension_manifest());
  const TemporaryDirectory second;
  write_text_atomically(second.path() / "m.yaml", manifest_overlay(matrix, parse(first)));
  EXPECT_EQ(write_manifest(Matrix::load({directory.path(), second.path()}).extension_manifest()), first);
}

TEST(MatrixManifest, RefusesKeysThatItCannotWriteBack) {
  EXPECT_EQ(problems_of("{\n  \"Driver\" : [\n,"),
            std::vector<std::string>{"reading manifest 'resources.json': resources.json:3: is not valid JSON"});
  EXPECT_EQ(problems_of("[]"),
            std::vector<std::string>{
                "reading manifest 'resources.json': resources.json: must be an object with a list 'Driver'"});
  EXPECT_EQ(problems_of("{}"), std::vector<std::string>{"reading manifest 'resources.json': resources.json: has no "
                                                        "rows: no element has 'Num' and 'FwLink'"});
  EXPECT_EQ(problems_of(R"({"Driver": [{"Name": "OFED", "Extra": 1, "Version": [{"Type": 5, "OS": [{"Name": "Linux",
      "Distro": [{"Name": "Ubuntu", "Version": [{"Num": "18.04"}, 7]}]}]}]}]})"),
            (std::vector<std::string>{
                "  resources.json at Driver[0]: key 'Extra' is unknown, and writing the file back would lose it",
                "  resources.json at Driver[0].Version[0]: 'Type' must be a text",
                "  resources.json at Driver[0].Version[0].OS[0].Distro[0].Version[0]: has no 'FwLink'",
                "  resources.json at Driver[0].Version[0].OS[0].Distro[0].Version[1]: must be an object"}));
}

TEST(MatrixManifest, EveryRowOfMicrosoftsFileIsThereAfterAnImport) {
  const auto text = write_manifest(Matrix::built_in().extension_manifest());
  ASSERT_EQ(digest_of(text), microsofts_file);
  const auto rows = parse(text);
  std::set<std::string> places;
  for (const auto& row : rows) places.insert(row.type + "|" + row.os + "|" + row.distro + "|" + row.version);
  EXPECT_EQ(places.size(), 42U);
  const auto report = compare_manifest(Matrix::built_in(), rows);
  EXPECT_EQ(report.identical, 42U);
  EXPECT_TRUE(report.added.empty() && report.changed.empty() && report.kept.empty() && report.conflicts.empty());
  EXPECT_EQ(report.kernel_pins.size(), 3U);
  EXPECT_EQ(write_manifest(rows), text);
}

}  // namespace
}  // namespace bake::matrix
