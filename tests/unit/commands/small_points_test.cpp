// Outputs, stores and permissions: what a command says before it works.
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/digest.hpp"
#include "bake/recipe/fleet.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

class Outputs : public DiskTest {
 protected:
  void SetUp() override {
    static_cast<void>(raw_disk("base.raw", std::uint64_t{2} << 20U));
    recipe("image.yaml", "base.raw");
  }
  void recipe(const std::string& name, const std::string& base) const {
    write_text_atomically(at(name), "schema: bake/v1\nbase: " + base +
                                        "\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: inbox\n");
  }
  int bake(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return run(arguments, out_, err_);
  }

  std::ostringstream out_, err_;
};

TEST_F(Outputs, OfAnotherFormatIsRefused) {
  for (const auto* name : {"x.qcow2", "x.VHDX", "x.img", "x.raw"}) {
    EXPECT_EQ(bake({"image", at("image.yaml").string(), "-o", at(name).string()}), 2);
    const auto extension = to_lower(fs::path(name).extension().string());
    EXPECT_EQ(err_.str(), "bake: error: writing '" + at(name).string() + "': bake writes fixed VHDs, not " + extension +
                              " files\nbake: hint: write '" + at("x.vhd").string() +
                              "'; qemu-img converts it to other formats\n");
  }
  write_text_atomically(at("fleet.yaml"), "schema: bake/fleet/v1\nimages: [{recipe: image.yaml, output: x.qcow2}]\n");
  EXPECT_EQ(bake({"batch", at("fleet.yaml").string()}), 5);
  EXPECT_NE(err_.str().find("bake writes fixed VHDs, not .qcow2 files"), std::string::npos) << err_.str();
}

TEST_F(Outputs, ByDefaultIsNeverTheBase) {
  static_cast<void>(fixed_vhd("same.vhd", std::uint64_t{2} << 20U));
  recipe("same.yaml", "same.vhd");
  const auto same = recipe::load(at("same.yaml"));
  EXPECT_EQ(recipe::default_output(same, at("")), at("same-baked.vhd"));
  EXPECT_EQ(recipe::default_output(same, at("elsewhere")), at("elsewhere/same.vhd"));
  EXPECT_EQ(recipe::default_output(recipe::load(at("image.yaml")), at("")), at("image.vhd"));
  write_text_atomically(at("fleet.yaml"), "schema: bake/fleet/v1\nimages: [same.yaml]\n");
  EXPECT_EQ(recipe::load_fleet(at("fleet.yaml")).images.at(0).output.filename(), "same-baked.vhd");
}

TEST_F(Outputs, OfInitIsNotReplacedAndIsTriedBeforeTheDiskIsRead) {
  const auto base = at("base.raw").string();
  EXPECT_EQ(bake({"init", base, "--vm-size", "Standard_HB120rs_v2", "-o", at("image.yaml").string()}), 2);
  EXPECT_EQ(err_.str(),
            "bake: error: writing '" + at("image.yaml").string() + "': it exists\nbake: hint: --force replaces it\n");
  EXPECT_EQ(bake({"init", base, "--vm-size", "Standard_HB120rs_v2", "-o", "/nodir/x.yaml"}), 2);
  EXPECT_NE(err_.str().find("there is no directory '/nodir'"), std::string::npos);
}

TEST_F(Outputs, OfAStoreThatDoesNotExistIsAnErrorAndNotAnEmptyList) {
  const auto typo = at("typo").string();
  const std::vector<std::vector<std::string>> reading{
      {"bundle", "list"},        {"bundle", "show", "x"},       {"bundle", "remove", "x"},
      {"bundle", "verify", "x"}, {"bundle", "trust", "--list"}, {"modules", "list"},
      {"modules", "remove", "x"}};
  for (auto arguments : reading) {
    arguments.insert(arguments.end(), {"--store", typo});
    EXPECT_EQ(bake(arguments), 2) << arguments[1];
    EXPECT_NE(err_.str().find("'" + typo + "'"), std::string::npos) << err_.str();
    EXPECT_NE(err_.str().find("there is no such directory"), std::string::npos) << err_.str();
    EXPECT_EQ(out_.str(), "");
  }
  fs::create_directories(typo);
  EXPECT_EQ(bake({"bundle", "list", "--store", typo}), 0);
}

TEST_F(Outputs, ThatMayNotBeWrittenNameTheOwnerAndTheUser) {
  const auto place = at("");
  const std::string user = ::geteuid() == 0 ? "root" : "";
  EXPECT_NE(ownership_hint(at("missing/x")).find("and bake runs as " + user), std::string::npos);
  EXPECT_NE(ownership_hint("/proc/1/nosuch").find("'/proc/1' belongs to root (mode 0555), and bake runs as "),
            std::string::npos)
      << ownership_hint("/proc/1/nosuch");
  const auto error = error_of([&] { throw_errno("writing", "/proc/1/nosuch", EACCES); });
  EXPECT_EQ(error.message(), "writing '/proc/1/nosuch': Permission denied");
  EXPECT_EQ(error.hint(), ownership_hint("/proc/1/nosuch"));
}

/// Counts what is reported.
class Counting final : public Progress {
 public:
  void step(std::string_view /*name*/) override {}
  void detail(std::string_view /*text*/) override {}
  void warn(std::string_view /*text*/) override {}
  void work(std::uint64_t done, std::uint64_t total, std::string_view unit) override {
    ++reports;
    last = done;
    size = total;
    EXPECT_EQ(unit, "bytes");
  }
  std::size_t reports = 0;
  std::uint64_t last = 0, size = 0;
};

TEST_F(Outputs, OfADigestReportItsProgress) {
  const auto disk = raw_disk("large.raw", std::uint64_t{3} << 30U);  // a hole takes a second or more
  Counting counting;
  BackgroundDigests background({disk});
  const auto sha256 = background.wait(counting).front();
  EXPECT_GT(counting.reports, 0U);
  EXPECT_EQ(counting.size, std::uint64_t{3} << 30U);
  Counting foreground;
  EXPECT_EQ(digest_of_disk(disk, foreground), sha256);
  EXPECT_EQ(foreground.last, foreground.size);
  Counting file;
  EXPECT_EQ(digest_of_file(at("image.yaml"), file), digest_of_file(at("image.yaml")));
  EXPECT_EQ(file.last, fs::file_size(at("image.yaml")));
}

}  // namespace
}  // namespace bake::cli
