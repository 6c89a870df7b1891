// The error for a file of the wrong kind names its kind and the right command.
#include <gtest/gtest.h>
#include <sstream>

#include "bake/commands/commands.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

class WrongFile : public DiskTest {
 protected:
  /// Returns the messages of `bake ARGUMENTS… FILE`, which must end with `status`, with FILE in place of the file's
  /// path.
  static std::string refusal_of(std::vector<std::string> arguments, const std::filesystem::path& file, int status = 5) {
    arguments.push_back(file.string());
    std::ostringstream out, err;
    EXPECT_EQ(run(arguments, out, err), status) << err.str();
    EXPECT_EQ(out.str(), "");
    auto text = err.str();
    for (auto at = text.find(file.string()); at != std::string::npos; at = text.find(file.string()))
      text.replace(at, file.string().size(), "FILE");
    return text;
  }
};

constexpr const char* disk_for_recipe =
    "bake: error: reading recipe 'FILE': it is a disk, not a recipe (write a recipe for it)\n"
    "bake: hint: run: bake init FILE --vm-size SIZE\n";

TEST_F(WrongFile, ADiskIsNotARecipe) {
  const auto large = fixed_vhd("large.vhd", std::uint64_t{8} << 20U);
  EXPECT_EQ(refusal_of({"plan"}, large), disk_for_recipe);
  EXPECT_EQ(refusal_of({"image"}, large), disk_for_recipe);
  const auto small = raw_disk("small.raw", 65536);
  EXPECT_EQ(refusal_of({"plan"}, small), disk_for_recipe);
  const auto qcow2 = at("base.qcow2");
  put(qcow2, 0, "QFI\xfb");
  std::filesystem::resize_file(qcow2, 196608);
  EXPECT_EQ(refusal_of({"plan"}, qcow2), disk_for_recipe);
  const auto blank = at("blank.vhd");  // no partition table: only the footer tells
  put(blank, 0, "some data");
  std::filesystem::resize_file(blank, std::uint64_t{1} << 20U);
  append_footer(blank, make_fixed_footer(std::uint64_t{1} << 20U, test_time, test_uuid));
  EXPECT_EQ(refusal_of({"plan"}, blank), disk_for_recipe);
}

TEST_F(WrongFile, ADiskIsNotAFleet) {
  EXPECT_EQ(refusal_of({"batch"}, fixed_vhd("base.vhd", std::uint64_t{8} << 20U)),
            "bake: error: reading fleet 'FILE': it is a disk, not a fleet (write a recipe for it)\n"
            "bake: hint: run: bake init FILE --vm-size SIZE\n");
}

TEST_F(WrongFile, ABinaryFileIsNotARecipe) {
  const auto archive = at("bundle.tgz");
  put(archive, 0, std::string_view("\x1f\x8b\x08\x00\x00", 5));
  EXPECT_EQ(refusal_of({"plan"}, archive), "bake: error: reading recipe 'FILE': it is a gzip file, not a recipe\n");
  const auto binary = at("program");
  put(binary, 0,
      std::string_view("\x7f"
                       "ELF\0",
                       5));
  EXPECT_EQ(refusal_of({"plan"}, binary),
            "bake: error: reading recipe 'FILE': not a recipe: it is not text (write a recipe for a disk)\n"
            "bake: hint: run: bake init DISK --vm-size SIZE\n");
  const auto huge = at("huge.txt");
  put(huge, 0, std::string((std::size_t{1} << 20U) + 1, 'x'));
  EXPECT_EQ(refusal_of({"plan"}, huge),
            "bake: error: reading recipe 'FILE': not a recipe: it is larger than 1048576 bytes (write a recipe for a "
            "disk)\n"
            "bake: hint: run: bake init DISK --vm-size SIZE\n");
}

TEST_F(WrongFile, AKeyIsNotARecipeNorAFleet) {
  const auto key = at("key.asc");
  put(key, 0, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
  EXPECT_EQ(refusal_of({"plan"}, key),
            "bake: error: reading recipe 'FILE': it is an OpenPGP public key, not a recipe\n");
  EXPECT_EQ(refusal_of({"batch"}, key),
            "bake: error: reading fleet 'FILE': it is an OpenPGP public key, not a fleet\n");
}

TEST_F(WrongFile, ARecipeIsNotADiskNorABundleNorAnArchive) {
  const auto recipe = at("recipe.yaml");
  put(recipe, 0, "schema: bake/v1\nbase: base.vhd\n");
  EXPECT_EQ(refusal_of({"inspect"}, recipe),
            "bake: error: opening disk 'FILE': not a disk image but a YAML file with schema bake/v1\n");
  EXPECT_EQ(refusal_of({"init", "--vm-size", "Standard_HB120rs_v2"}, recipe),
            "bake: error: opening disk 'FILE': not a disk image but a YAML file with schema bake/v1\n");
  EXPECT_EQ(refusal_of({"import"}, recipe),
            "bake: error: reading 'FILE': not an archive of bake but a YAML file with schema bake/v1\n"
            "bake: hint: give an archive that was exported by bake\n");
  EXPECT_EQ(refusal_of({"--quiet", "--store", at("store").string(), "bundle", "add"}, recipe),
            "bake: error: reading bundle 'recipe.yaml': neither a tar archive nor an ISO image but a YAML file with "
            "schema bake/v1\n"
            "bake: hint: bake reads MLNX_OFED_LINUX-<version>-<distro>-<arch>.tgz and .iso, the files that the vendor "
            "publishes\n");
}

TEST_F(WrongFile, ADirectoryIsWrongUsage) {
  const auto directory = at("directory");
  std::filesystem::create_directory(directory);
  const std::string disk = "opening disk 'FILE': it is a directory, not a disk\n";
  const std::string file = "reading 'FILE': it is a directory, not a file\nbake: hint: name a file in it\n";
  EXPECT_EQ(refusal_of({"plan"}, directory, 2), "bake: error: " + file);
  EXPECT_EQ(refusal_of({"image"}, directory, 2), "bake: error: " + file);
  EXPECT_EQ(refusal_of({"batch"}, directory, 2), "bake: error: " + file);
  EXPECT_EQ(refusal_of({"bundle", "trust"}, directory, 2), "bake: error: " + file);
  EXPECT_EQ(refusal_of({"import"}, directory, 2), "bake: error: " + file);
  EXPECT_EQ(refusal_of({"inspect"}, directory, 2), "bake: error: " + disk);
  EXPECT_EQ(refusal_of({"verify"}, directory, 2), "bake: error: " + disk);
  EXPECT_EQ(refusal_of({"vhd", "check"}, directory, 2), "bake: error: " + disk);
}

TEST_F(WrongFile, AMissingFileHasTheClosestNameAsHint) {
  put(at("recipe.yaml"), 0, "schema: bake/v1\n");
  EXPECT_EQ(
      refusal_of({"plan"}, at("recpie.yaml"), 2),
      "bake: error: opening 'FILE': no such file\nbake: hint: did you mean '" + at("recipe.yaml").string() + "'?\n");
  EXPECT_EQ(refusal_of({"inspect"}, at("nowhere/base.vhd"), 2),
            "bake: error: opening 'FILE': no such file\nbake: hint: there is no directory '" + at("nowhere").string() +
                "'\n");
  EXPECT_EQ(refusal_of({"plan"}, at("another"), 2), "bake: error: opening 'FILE': no such file\n");
}

TEST_F(WrongFile, UtfSixteenIsText) {
  std::string text("\xff\xfe", 2);
  for (const char c : std::string_view("schema: bake/v2\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [x]\n"))
    text += {c, '\0'};
  const auto recipe = at("recipe.yaml");
  put(recipe, 0, text);
  EXPECT_EQ(refusal_of({"plan"}, recipe),
            "bake: error: reading recipe 'FILE': FILE:1: unknown schema 'bake/v2' (this bake reads bake/v1)\n");
}

TEST_F(WrongFile, AFleetIsNotARecipeNorTheReverse) {
  const auto fleet = at("fleet.yaml");
  put(fleet, 0, "schema: bake/fleet/v1\nimages: [a.yaml]\n");
  EXPECT_EQ(refusal_of({"plan"}, fleet),
            "bake: error: reading recipe 'FILE': FILE:1: it is a fleet, not a recipe\n"
            "bake: hint: run: bake batch FILE\n");
  const auto recipe = at("recipe.yaml");
  put(recipe, 0, "schema: bake/v1\nbase: base.vhd\nos: ubuntu 20.04\nvm_sizes: [x]\n");
  EXPECT_EQ(refusal_of({"batch"}, recipe),
            "bake: error: reading fleet 'FILE': FILE:1: it is a recipe, not a fleet\n"
            "bake: hint: run: bake plan FILE\n"
            "bake: hint: run: bake image FILE\n");
}

TEST_F(WrongFile, InAFleetIsNamedWithItsPath) {
  const auto disk = raw_disk("base.raw", 65536);
  const auto fleet = at("fleet.yaml");
  put(fleet, 0, "schema: bake/fleet/v1\nimages: [base.raw]\n");
  EXPECT_EQ(refusal_of({"batch"}, fleet), "bake: error: reading fleet 'FILE': " + disk.string() +
                                              ": it is a disk, not a recipe (write a recipe for it)\n"
                                              "bake: hint: run: bake init " +
                                              disk.string() + " --vm-size SIZE\n");
}

}  // namespace
}  // namespace bake::cli
