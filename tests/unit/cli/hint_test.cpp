// Commands in hints: they work in a shell.
#include <cstdlib>
#include <gtest/gtest.h>
#include <sstream>

#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/source.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

class Hint : public DiskTest {
 protected:
  /// Returns the messages of `bake ARGUMENTS…`, which must end with `status`.
  static std::string messages(const std::vector<std::string>& arguments, int status) {
    std::ostringstream out, err;
    EXPECT_EQ(run(arguments, out, err), status) << err.str();
    return err.str();
  }
  [[nodiscard]] std::string recipe(const std::string& name) const {
    const auto file = at(name);
    write_text_atomically(file,
                          "schema: bake/v1\nname: image\nbase: base.raw\nos: ubuntu 20.04\n"
                          "vm_sizes: [Standard_HB120rs_v2]\nofed: 5.4-3.0.0.0\n");
    return file.string();
  }
};

TEST_F(Hint, AboutABundleNamesTheStoreOption) {
  static_cast<void>(raw_disk("base.raw", std::uint64_t{8} << 20U));
  const auto refusal = [](const std::string& store, const std::string& option) {
    return "bake: error: choosing a driver for 'image': the store '" + store +
           "' has none of the bundles that fit: there is no such directory\n"
           "bake: hint: add MLNX_OFED_LINUX-5.4-3.0.0.0-ubuntu20.04-x86_64.tgz to the store\n"
           "bake: hint: run: bake bundle add MLNX_OFED_LINUX-5.4-3.0.0.0-ubuntu20.04-x86_64.tgz" +
           option + "\n";
  };
  const auto store = at("store").string();
  const auto file = recipe("image.yaml");
  EXPECT_EQ(messages({"plan", file, "--store", store}, 3), refusal(store, " --store " + store));
  ::setenv("BAKE_STORE", store.c_str(), 1);
  EXPECT_EQ(messages({"plan", file}, 3), refusal(store, ""));
  EXPECT_EQ(messages({"plan", file, "--store", store + "2"}, 3), refusal(store + "2", " --store " + store + "2"));
  ::unsetenv("BAKE_STORE");
}

TEST_F(Hint, DoesNotNestQuotes) {
  EXPECT_EQ(quote_command("bake plan r.yaml"), "'bake plan r.yaml'");
  EXPECT_EQ(quote_command("bake plan 'a b.yaml'"), "bake plan 'a b.yaml'");
  const auto disk = raw_disk("base disk.raw", std::uint64_t{8} << 20U).string();
  EXPECT_EQ(messages({"plan", disk}, 5), "bake: error: reading recipe '" + disk +
                                             "': it is a disk, not a recipe (write a recipe for it)\n"
                                             "bake: hint: run: bake init '" +
                                             disk + "' --vm-size SIZE\n");
  const auto odd = raw_disk("odd disk.raw", (std::uint64_t{8} << 20U) + 1536).string();
  std::ostringstream out, err;
  EXPECT_EQ(command_lines(Context(out, err), error_of([&] { open_source(odd); }).remedies()),
            std::vector<std::string>{"bake vhd wrap '" + odd + "' -o NEW.vhd"});
  const auto single = recipe("a recipe.yaml");
  EXPECT_EQ(messages({"batch", single}, 5), "bake: error: reading fleet '" + single + "': " + single +
                                                ":1: it is a recipe, not a fleet\n"
                                                "bake: hint: run: bake plan '" +
                                                single +
                                                "'\n"
                                                "bake: hint: run: bake image '" +
                                                single + "'\n");
}

}  // namespace
}  // namespace bake::cli
