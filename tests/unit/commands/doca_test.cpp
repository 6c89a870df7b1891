// `bake bundle` with packages of DOCA-Host.
#include "tests/support/doca.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bake/commands/commands.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::cli {
namespace {

using testing::DocaParts;

class DocaCommands : public testing::StoreTest {
 protected:
  std::string output_of(std::vector<std::string> arguments, int status = 0) {
    arguments.insert(arguments.end(), {"--store", store.directory().string()});
    std::ostringstream out, err;
    EXPECT_EQ(run(arguments, out, err), status) << err.str();
    return status == 0 ? out.str() : err.str();
  }
  std::string add(const DocaParts& parts) {
    const auto file = write(parts.file_name(), parts.bytes());
    return output_of({"bundle", "add", file.string(), "--sha256", digest_of_file(file)});
  }
};

TEST_F(DocaCommands, ListAndShowNameTheReleaseAndItsModules) {
  const auto parts = testing::doca_rpm_with_kmods();
  EXPECT_THAT(add(parts), ::testing::HasSubstr("  doca-host-3.1.0-091000_25.07_rhel96.x86_64  3 packages  "));
  const auto listed = Json::parse(output_of({"bundle", "list", "--json"})).at("bundles").at(0);
  const auto shown = Json::parse(output_of({"bundle", "show", parts.stem(), "--json"}));
  for (const auto& json : {listed, shown}) {
    EXPECT_EQ(json.at("family"), "D2");
    EXPECT_EQ(json.at("doca_version"), "3.1.0");
    EXPECT_EQ(json.at("doca_build"), "091000");
    EXPECT_EQ(json.at("ofed_version"), "25.07-0.9.7");
    EXPECT_EQ(json.at("version"), "doca-3.1.0-091000");
    EXPECT_EQ(json.at("distro"), "rhel9.6");
    EXPECT_EQ(json.at("arch"), "x86_64");
    EXPECT_EQ(json.at("layout"), "doca");
    EXPECT_EQ(json.at("module_sources"), Json::parse(R"([{"from": "kmp", "kernel": "5.14.0-570.12.1.el9_6.x86_64"}])"));
  }
  EXPECT_THAT(output_of({"bundle", "list"}),
              ::testing::HasSubstr("OFED 25.07-0.9.7, modules built for 5.14.0-570.12.1.el9_6.x86_64  pinned"));
}

TEST_F(DocaCommands, ListNamesEveryFamily) {
  for (const auto& parts :
       {testing::doca_deb(), testing::doca_rpm_with_dkms(), testing::doca_kernel_rpm(), testing::doca_kernel_deb()})
    add(parts);
  const auto bundle = write(testing::rpm_bundle().top + ".tgz", testing::rpm_bundle().archive());
  output_of({"bundle", "add", bundle.string(), "--sha256", digest_of_file(bundle)});
  std::map<std::string, Json> sources;
  const auto listed = Json::parse(output_of({"bundle", "list", "--json"}));
  for (const auto& json : listed.at("bundles"))
    sources[json.at("family").get<std::string>() + " " + json.at("ofed_version").get<std::string>()] =
        json.at("module_sources");
  EXPECT_EQ(sources,
            (std::map<std::string, Json>{
                {"C 5.5-1.0.3.2", Json::parse(R"([{"from": "kmp", "kernel": "4.18.0-193.el8.x86_64"}])")},
                {"D1 25.10-3.1.8.0", Json::parse(R"([{"from": "dkms"}])")},
                {"D3 25.10-2.4.1", Json::parse(R"([{"from": "dkms"}])")},
                {"E 25.01-0.6.0.0", Json::parse(R"([{"from": "prebuilt", "kernel": "5.14.0-503.26.1.el9_5.x86_64"}])")},
                {"E 25.04-0.6.1.0", Json::parse(R"([{"from": "prebuilt", "kernel": "6.8.0-63-generic"}])")}}));
}

TEST_F(DocaCommands, ARefusalSaysWhatToUseInstead) {
  auto parts = testing::doca_deb();
  parts.name = "doca-host-repo-ubuntu2204";
  parts.version = "2.5.0-0.0.1.2.5.0108.1.23.10.1.1.9.0";
  const auto file = write(parts.file_name(), parts.bytes());
  EXPECT_THAT(
      output_of({"bundle", "add", file.string(), "--sha256", digest_of_file(file)}, 5),
      ::testing::EndsWith("bake: error: reading bundle '" + parts.stem() +
                          "': recognised: a doca-host-repo package of DOCA 2.6 or earlier, which bake does not "
                          "read\nbake: hint: use the MLNX_OFED_LINUX bundle of the same release, or a doca-host "
                          "package of DOCA 2.7 or later\n"));
}

}  // namespace
}  // namespace bake::cli
