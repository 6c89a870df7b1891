// Extra packages: what is asked of them when they come into the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/cli/context.hpp"
#include "bake/ofed/bundle_json.hpp"
#include "ofed/store_fixture.hpp"

namespace bake::ofed {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExtrasTest : public StoreTest {
 protected:
  fs::path directory_of(const std::string& name, const std::map<std::string, std::string>& files) const {
    fs::create_directories(scratch.path() / name);
    for (const auto& [file, content] : files) write(name + "/" + file, content);
    return scratch.path() / name;
  }
  /// `bake bundle add …`: the JSON document it prints.
  Json add(std::vector<std::string> arguments, int expected) const {
    arguments.insert(arguments.begin(),
                     {"--store", store.directory().string(), "--json", "--progress", "none", "bundle", "add"});
    std::ostringstream out, err;
    EXPECT_EQ(cli::run(arguments, out, err), expected) << out.str() << err.str();
    return Json::parse(out.str());
  }
};

TEST_F(ExtrasTest, PackagesOfADistributionAreNotSearchedForModules) {
  const auto debs = directory_of(
      "debs", {{"linux-modules-extra-5.4.0-26-generic_5.4.0-26.30_amd64.deb",
                testing::make_deb("linux-modules-extra-5.4.0-26-generic", "5.4.0-26.30", "amd64",
                                  {{"/lib/modules/5.4.0-26-generic/kernel/net/x.ko", "a kind nobody here reads"}})}});
  const auto extras = store.add_extras(debs, "focal", "ubuntu20.04", progress);
  ASSERT_EQ(extras.repository.packages.size(), 1U);
  EXPECT_EQ(extras.repository.packages[0].name, "linux-modules-extra-5.4.0-26-generic");
  EXPECT_THAT(extras.repository.packages[0].modules, IsEmpty());
}

}  // namespace
}  // namespace bake::ofed
