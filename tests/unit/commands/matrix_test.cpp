// `bake matrix …` with text and JSON output, in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Result {
  int status = 0;
  std::string out, err;

  [[nodiscard]] Json json() const { return Json::parse(out); }
};

Result bake(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "matrix");
  std::ostringstream out, err;
  const int status = run(arguments, out, err);
  return {status, out.str(), err.str()};
}

TEST(MatrixCommand, ListsTheFifteenReleases) {
  const auto result = bake({"list", "--extension"});
  EXPECT_EQ(result.status, 0);
  const auto lines = split_lines(result.out);
  ASSERT_GT(lines.size(), 16U);
  EXPECT_EQ(lines[0],
            "release       kernel                  CX3-Pro      CX5          CX6          CX7                inbox  "
            "end of life");
  EXPECT_EQ(lines[4],
            "centos 7.7    3.10.0-1062.el7.x86_64  4.9-4.1.7.0  5.4-1.0.3.0  5.4-1.0.3.0  none               yes    "
            "2024-06-30");
  EXPECT_EQ(lines[15],
            "ubuntu 20.04  5.4.0-26-generic        inbox        5.8-2.0.3.0  5.8-2.0.3.0  5.8-2.0.3.0        yes    "
            "2025-05-31");
  EXPECT_EQ(lines[16], "");
  EXPECT_TRUE(lines[17].starts_with("topic ")) << lines[17];
}

TEST(MatrixCommand, ListsTopicsAsTablesAndJson) {
  for (const auto* topic : {"os", "sizes", "ofed", "bundles", "inbox", "pci", "rules", "secure-boot", "manifest"}) {
    const auto rows = bake({"list", topic, "--json"}).json().at(topic);
    EXPECT_EQ(split_lines(bake({"list", topic}).out).size(), rows.size() + 1) << topic;
    for (const auto& row : rows) EXPECT_FALSE(row.at("source").get<std::string>().empty()) << row.dump();
  }
  EXPECT_EQ(bake({"list", "colours"}).status, 2);
}

TEST(MatrixCommand, ShowsARowWithItsSource) {
  const auto size = bake({"show", "hb120rs_v2_promo", "--json"}).json().at("rows").at(0);
  EXPECT_EQ(size.at("topic"), "sizes");
  EXPECT_EQ(size.at("name"), "Standard_HB120rs_v2");
  EXPECT_EQ(size.at("confidence"), "confirmed");
  EXPECT_EQ(bake({"show", "rhel8.2", "--json"}).json().at("rows").at(0).at("ga_kernel"), "4.18.0-193.el8.x86_64");
  EXPECT_EQ(bake({"show", "15b3:101c", "--json"}).json().at("rows").at(0).at("name"), "ConnectX-6 VF");
  EXPECT_NE(bake({"show", "agent-breaks-ipoib"}).out.find("  remedy            update waagent to 2.12.0.2"),
            std::string::npos);
  const auto none = bake({"show", "Standard_HB120rs_v22"});
  EXPECT_EQ(none.status, 3);
  EXPECT_EQ(none.err,
            "bake: error: showing 'Standard_HB120rs_v22': the matrix has no such row\n"
            "bake: hint: did you mean 'Standard_HB120rs_v2'?\n");
  EXPECT_NE(bake({"show", "hb120rs_v22"}).err.find("did you mean 'HB120rs_v2'?"), std::string::npos);
}

TEST(MatrixCommand, ResolvesForPeopleAndPrograms) {
  const auto text = bake({"resolve", "centos7.7", "Standard_HB120rs_v2"});
  EXPECT_EQ(text.status, 0);
  EXPECT_TRUE(
      text.out.starts_with("1. MLNX_OFED 5.4-1.0.3.0\n"
                           "   archive   MLNX_OFED_LINUX-5.4-1.0.3.0-rhel7.7-x86_64.tgz\n"
                           "   sha256    e12e7d1606c8ad875c61be261d45e7cd11b0e15258ca29f7a6830077c57c9792\n"
                           "   module    mlx5_core\n"
                           "   why       long-term support line 5.4\n"
                           "   why       drives CX6 (Standard_HB120rs_v2)\n"
                           "   why       the SHA-256 of its archive is public\n"
                           "2. MLNX_OFED 5.5-1.0.3.2\n"
                           "   archive   MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz\n"
                           "   sha256    not public: pin the digest of an archive that you trust\n"
                           "   url       http://content.mellanox.com/ofed/MLNX_OFED-5.5-1.0.3.2/"
                           "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz\n"
                           "   module    mlx5_core\n"
                           "   why       the VM extension installs it for CX6 on CentOS 7.7\n"))
      << text.out;
  const auto json =
      bake({"--json", "resolve", "ubuntu:20.04", "--vm-size", "NC24rs_v3", "--kernel", "5.4.0-1046-azure"});
  EXPECT_EQ(json.json().at("choices").at(0).at("ofed"), "4.9-6.0.6.0");
  EXPECT_EQ(json.json().at("choices").at(0).at("module"), "mlx4_core");
  EXPECT_EQ(json.json().at("choices").at(0).at("tier"), "long_term");
  EXPECT_EQ(json.json().at("choices").at(0).at("kernel_support"), "supported");
  EXPECT_EQ(json.json().at("choices").at(0).at("verified"), true);
}

TEST(MatrixCommand, ResolveShowsTheBestInFullAndNamesTheRest) {
  const auto text = bake({"resolve", "ubuntu20.04", "Standard_HB120rs_v2", "--kernel", "5.4.0-1046-azure"}).out;
  EXPECT_THAT(text, HasSubstr("\n3. MLNX_OFED 5.4-3.0.0.0\n"));
  EXPECT_THAT(text, Not(HasSubstr("\n4. ")));
  EXPECT_THAT(text, HasSubstr("\nthen 5.4-1.0.3.0, 4.9-6.0.6.0, 5.5-1.0.3.2, "));
  EXPECT_THAT(text, HasSubstr(", inbox ('--all' shows why)\n"));
  const auto all = bake({"resolve", "ubuntu20.04", "Standard_HB120rs_v2", "--kernel", "5.4.0-1046-azure", "--all"}).out;
  EXPECT_THAT(all, HasSubstr("\n4. MLNX_OFED 5.4-1.0.3.0\n   archive "));
  EXPECT_THAT(all, Not(HasSubstr("--all")));
}

TEST(MatrixCommand, ResolveAnswersForTheRequestedRelease) {
  const auto fits =
      bake({"resolve", "ubuntu20.04", "HB120rs_v2", "--kernel", "5.4.0-1046-azure", "--ofed", "5.4-3.0.0.0"});
  EXPECT_EQ(fits.status, 0);
  EXPECT_TRUE(fits.out.starts_with("MLNX_OFED 5.4-3.0.0.0: fits, choice 3 of ")) << fits.out;
  EXPECT_THAT(fits.out, HasSubstr("\n   archive   MLNX_OFED_LINUX-5.4-3.0.0.0-ubuntu20.04-x86_64.tgz\n"));
  EXPECT_THAT(fits.out, Not(HasSubstr("5.5-1.0.3.2")));

  const auto not_it = bake({"resolve", "ubuntu20.04", "HB176rs_v4", "--ofed", "5.5-1.0.3.2"});
  EXPECT_EQ(not_it.status, 3);
  EXPECT_EQ(not_it.out, "");
  EXPECT_TRUE(not_it.err.starts_with(
      "bake: error: resolving 'ubuntu20.04': not MLNX_OFED 5.5-1.0.3.2: MLNX_OFED 5.5-1.0.3.2 drives CX4, CX5, CX6, "
      "not CX7 (Standard_HB176rs_v4); ConnectX-7 (NDR) needs MLNX_OFED 5.6-1.0.3.3 or newer; with an older one the "
      "link comes up as SDR\nbake: hint: "))
      << not_it.err;
  EXPECT_THAT(not_it.err, HasSubstr("; these fit, best first: 5.8-2.0.3.0, "));

  const auto json = bake({"--json", "resolve", "ubuntu20.04", "HB176rs_v4", "--ofed", "inbox"});
  EXPECT_EQ(json.status, 3);
  EXPECT_EQ(json.json().at("asked").dump(), R"({"driver":"inbox","fits":false,"remedies":[]})");
  EXPECT_EQ(json.json().at("asked_refusals").size(), 1U);
  EXPECT_FALSE(json.json().at("choices").empty());
}

TEST(MatrixCommand, ResolveRefusesTheRequestedReleaseWhenNothingFits) {
  const auto error = bake({"resolve", "centos7.7", "HB176rs_v4", "--ofed", "4.9-2.2.6.0"});
  EXPECT_EQ(error.status, 3);
  EXPECT_TRUE(error.err.starts_with(
      "bake: error: resolving 'centos7.7': not MLNX_OFED 4.9-2.2.6.0: MLNX_OFED 4.9-2.2.6.0 drives "))
      << error.err;
  EXPECT_THAT(error.err, HasSubstr("; Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3, which has no bundle"));
}

TEST(MatrixCommand, UnderstandsNamesAsPeopleTypeThem) {
  const auto whole = bake({"resolve", "ubuntu20.04", "Standard_HB120rs_v2", "--ofed", "5.5-1.0.3.2"});
  EXPECT_EQ(whole.status, 0);
  for (const auto* release : {"focal", "Ubuntu-20.04", "ubuntu:20.04"})
    for (const auto* driver : {"5.5", "MLNX_OFED 5.5", "mlnx_ofed_linux-5.5-1.0.3.2"})
      EXPECT_EQ(bake({"resolve", release, "hb120rs_v2", "--ofed", driver}).out, whole.out) << release << driver;
  EXPECT_EQ(bake({"show", "Focal"}).out, bake({"show", "ubuntu20.04"}).out);
  EXPECT_EQ(bake({"show", "MLNX_OFED 5.5"}).out, bake({"show", "5.5-1.0.3.2"}).out);
  EXPECT_EQ(bake({"show", "el8.2"}).out, bake({"show", "RHEL 8.2"}).out);
  EXPECT_EQ(bake({"resolve", "focal", "Standard_D4s_v5"}).err,
            "bake: error: resolving VM size 'Standard_D4s_v5': it has no InfiniBand\nbake: hint: sizes with InfiniBand "
            "begin with HB, HC or HX, or with N and have an r: Standard_HB120rs_v3\n");
}

TEST(MatrixCommand, ResolveRefusesWordsThatCannotBeNames) {
  for (const std::string& word : {std::string("5.4-") + std::string(100000, 'a'), std::string("5."), std::string("5"),
                                  std::string(".5"), std::string("5.4 x")})
    EXPECT_EQ(bake({"resolve", "ubuntu20.04", "HB120rs_v2", "--kernel", word}).status, 2) << word.substr(0, 9);
  for (const auto* word : {"4.19.0.el7.x86_64", "5.4.0-1046-azure", "6.1"})
    EXPECT_EQ(bake({"resolve", "ubuntu20.04", "HB120rs_v2", "--kernel", word}).status, 0) << word;
  EXPECT_EQ(bake({"resolve", "ubuntu20.04", "HB120rs_v2", "--ofed", "newest"}).err,
            "bake: error: resolving --ofed 'newest': not a release\n"
            "bake: hint: write 'inbox' or a release: 5.5-1.0.3.2, doca-3.2.3-019000\n");
  for (const auto* word : {"5.5-", ".-", "5-1.0", "5.5-1.0.x", "auto"})
    EXPECT_EQ(bake({"resolve", "ubuntu20.04", "HB120rs_v2", "--ofed", word}).status, 2) << word;
  EXPECT_THAT(bake({"resolve", "Standard_HB120rs_v2", "Standard_HC44rs", "ubuntu20.04"}).err,
              HasSubstr("hint: bake matrix resolve ubuntu20.04 Standard_HB120rs_v2 Standard_HC44rs\n"));

  const auto kernel = bake({"resolve", "ubuntu20.04", "HB120rs_v2", "--kernel", "banana"});
  EXPECT_EQ(kernel.status, 2);
  EXPECT_EQ(kernel.err,
            "bake: error: resolving kernel 'banana': not a kernel release\n"
            "bake: hint: write it as 'uname -r' prints it: 3.10.0-1062.el7.x86_64, 5.4.0-1046-azure\n");
  const auto swapped = bake({"resolve", "Standard_HB120rs_v2", "ubuntu20.04"});
  EXPECT_EQ(swapped.status, 2);
  EXPECT_EQ(swapped.err,
            "bake: error: resolving 'Standard_HB120rs_v2': this is a VM size; the release comes first\n"
            "bake: hint: bake matrix resolve ubuntu20.04 Standard_HB120rs_v2\n");
  EXPECT_THAT(bake({"resolve", "ubuntu", "HB120rs_v2"}).err, HasSubstr("resolving release 'ubuntu': the matrix does"));
}

TEST(MatrixCommand, RefusalsExitWithThree) {
  const auto text = bake({"resolve", "centos7.6", "Standard_HB176rs_v4"});
  EXPECT_EQ(text.status, 3);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(
      text.err,
      "bake: error: resolving 'centos7.6': Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= 5.6-1.0.3.3, which has no "
      "bundle for CentOS 7.6; its inbox driver does not drive CX7\n"
      "bake: hint: use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which is "
      "unverified\n");
  const auto json = bake({"--json", "resolve", "centos7.6", "Standard_HB176rs_v4"});
  EXPECT_EQ(json.status, 3);
  EXPECT_EQ(
      json.json().at("nearest"),
      "use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which is unverified");
  EXPECT_EQ(bake({"resolve", "windows2019", "Standard_HB60rs"}).status, 3);
}

TEST(MatrixCommand, ChecksOverlays) {
  EXPECT_TRUE(bake({"check"}).out.ends_with("no problems\n"));
  const TemporaryDirectory overlay;
  write_text_atomically(overlay.path() / "a.yaml",
                        "vm_sizes:\n  - name: Standard_X1\n    transport: none\n    source: x\n");
  const auto result = bake({"--matrix", overlay.path().string(), "check"});
  EXPECT_EQ(result.status, 5);
  EXPECT_EQ(result.out, (overlay.path() / "a.yaml").string() + ":2: vm_sizes row has no 'family'\n");
  EXPECT_EQ(result.err, "bake: error: checking the matrix: 1 problem\n");
  EXPECT_EQ(bake({"--json", "check", "--matrix", overlay.path().string()}).json().at("problems").size(), 1U);
  EXPECT_EQ(bake({"list", "--matrix", overlay.path().string()}).status, 5);
  EXPECT_EQ(bake({"--matrix", "/nowhere", "check"}).status, 2);
}

TEST(MatrixCommand, ExportImportExportIsByteIdentical) {
  const TemporaryDirectory directory;
  const auto file = (directory.path() / "resources.json").string();
  const auto overlay = (directory.path() / "overlay").string();
  ASSERT_EQ(bake({"export", "--format", "resources.json", "-o", file}).status, 0);
  const auto import = bake({"--json", "import", file, "-o", overlay});
  ASSERT_EQ(import.status, 0) << import.err;
  EXPECT_EQ(import.json().at("identical"), 42);
  EXPECT_EQ(import.json().at("added").size(), 0U);
  EXPECT_EQ(import.json().at("changed").size(), 0U);
  EXPECT_EQ(import.json().at("kernel_pins").size(), 3U);
  const auto again = bake({"--matrix", overlay, "export"});
  EXPECT_EQ(again.out, read_text(file));
  EXPECT_TRUE(bake({"--matrix", overlay, "check"}).out.ends_with("no problems\n"));
  // Neither command replaces a file without --force.
  EXPECT_EQ(bake({"export", "-o", file}).status, 2);
  EXPECT_EQ(bake({"import", file, "-o", overlay}).status, 2);
  EXPECT_EQ(bake({"import", file, "-o", overlay, "--force"}).status, 0);
}

TEST(MatrixCommand, ABadManifestWritesNothing) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "resources.json";
  write_text_atomically(file, "{\"Driver\": [");
  const auto overlay = directory.path() / "overlay";
  EXPECT_EQ(bake({"import", file.string(), "-o", overlay.string()}).status, 5);
  EXPECT_FALSE(std::filesystem::exists(overlay));
  EXPECT_EQ(bake({"import", "/nowhere.json"}).status, 2);
}

TEST(MatrixCommand, HtmlIsOneSelfContainedPage) {
  const auto page = bake({"html"}).out;
  EXPECT_TRUE(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<link"), std::string::npos);
  EXPECT_EQ(page.find("@import"), std::string::npos);
  EXPECT_EQ(page.find("{{"), std::string::npos);
  const std::regex elsewhere(R"re((src|href)="[^#])re");
  EXPECT_FALSE(std::regex_search(page, elsewhere));
  EXPECT_NE(page.find("<a href=\"#centos-7-7\">CentOS 7.7</a>"), std::string::npos);
  EXPECT_NE(page.find("<tbody id=\"centos-7-7\">"), std::string::npos);
  EXPECT_NE(page.find("MLNX_OFED_LINUX-5.4-1.0.3.0-rhel7.7-x86_64.tgz"), std::string::npos);
  EXPECT_EQ(bake({"html"}).out, page);
}

TEST(MatrixCommand, HtmlEscapesTheTextOfAnOverlay) {
  const TemporaryDirectory overlay;
  write_text_atomically(overlay.path() / "a.yaml",
                        "vm_sizes:\n  - {name: Standard_X1, family: '<script>{{rows}}', transport: none, source: x}\n");
  const auto page = bake({"--matrix", overlay.path().string(), "html"}).out;
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;{{rows}}"), std::string::npos);
}

}  // namespace
}  // namespace bake::cli
