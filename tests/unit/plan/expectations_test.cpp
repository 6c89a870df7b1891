#include "bake/plan/expectations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Expectations, NameThePrivateKeysOfTheBase) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  inputs.facts.private_keys = {"/root/MOK.priv"};
  const auto expected = make(inputs).plan.expectations;
  EXPECT_THAT(expected.private_keys, ElementsAre("/root/MOK.priv"));
  auto json = nlohmann::json::parse(to_json(expected).dump());
  EXPECT_EQ(expectations_from(json), expected);
  json.erase("private_keys");  // a manifest of an older bake
  EXPECT_THAT(expectations_from(json).private_keys, IsEmpty());
}

TEST(Expectations, AreReadBackFromTheManifest) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  inputs.recipe.configure.load_modules = {"ib_umad"};
  const auto expected = make(inputs).plan.expectations;
  auto json = nlohmann::json::parse(to_json(expected).dump());
  EXPECT_EQ(expectations_from(json), expected);
  EXPECT_FALSE(expected.option_files.empty());
  EXPECT_TRUE(expected.memlock_unlimited);
  json.erase("option_files");  // a manifest of an older bake
  EXPECT_THAT(expectations_from(json).option_files, IsEmpty());
  json.erase("network_config");  // a manifest of an older bake
  EXPECT_EQ(expectations_from(json).network_config, "");
  json.erase("memlock_unlimited");  // a manifest of an older bake
  EXPECT_FALSE(expectations_from(json).memlock_unlimited);
  json["firstboot_strict_rate"] = true;
  EXPECT_TRUE(expectations_from(json).firstboot_strict_rate);
  json.erase("firstboot_strict_rate");  // a manifest of an older bake
  EXPECT_FALSE(expectations_from(json).firstboot_strict_rate);
  EXPECT_FALSE(json.contains("base_privileges"));  // a plan does not have them
  auto recorded = expected;
  recorded.base_privileges = Privileges{{{"/usr/bin/sudo", "1"}}, {{"/root/.ssh/authorized_keys", "2"}}, {"a"}, {"b"}};
  EXPECT_EQ(expectations_from(nlohmann::json::parse(to_json(recorded).dump())), recorded);
  EXPECT_FALSE(to_json(recorded).contains("privileges"));  // a manifest of an older bake
  recorded.privileges = recorded.base_privileges;
  recorded.privileges->capabilities = std::map<std::string, std::string>{{"/usr/bin/ping", "3"}};
  EXPECT_EQ(expectations_from(nlohmann::json::parse(to_json(recorded).dump())), recorded);
  EXPECT_THROW(expectations_from(nlohmann::json::object()), Error);
}

}  // namespace
}  // namespace bake::plan
