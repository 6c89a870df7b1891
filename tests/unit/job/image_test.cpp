// The checks of `bake image` before it changes the guest.
#include "bake/job/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/bundles.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class BakeImage : public DiskTest {
 protected:
  void SetUp() override {
    store.trust(write("vendor.asc", testing::vendor().public_key()));
    const auto parts = testing::deb_bundle();
    store.add(write(parts.top + ".tgz", parts.archive()), {}, progress);
    fs::create_directories(at("debs"));
    write("debs/tcl_8.6_amd64.deb", testing::make_deb("tcl", "8.6", "amd64"));
    store.add_extras(at("debs"), "focal base", "ubuntu20.04", progress);
    static_cast<void>(raw_disk("base.raw", std::uint64_t{2} << 20U));
    write("image.yaml",
          "schema: bake/v1\nname: image\nbase: base.raw\nos: "
          "ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\n"
          "ofed: 5.5-1.0.3.2\n");
  }

  fs::path write(const std::string& name, const std::string& content) const {
    write_text_atomically(at(name), content);
    return at(name);
  }

  /// An environment without an appliance: `starts` counts the attempts to start one.
  Environment environment() {
    return {matrix, store, progress,
            [this](const DiskRequest&) -> std::unique_ptr<Session> {
              ++starts;
              throw Error(ErrorKind::environment, "there is no appliance");
            },
            [this] { return starts; }};
  }

  /// Bakes in that environment.
  Error failure() {
    auto nowhere = environment();
    return error_of([&] { bake_image(recipe::load(at("image.yaml")), at("out.vhd"), false, nowhere, ""); });
  }

  void spoil(const fs::path& file) {
    auto bytes = read_text(file);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_text_atomically(file, bytes);
  }

  SilentProgress progress;
  matrix::Matrix matrix = matrix::Matrix::built_in();
  store::Store store{at("store")};
  unsigned starts = 0;
};

TEST_F(BakeImage, UnchangedPayloadsReachTheAppliance) {
  EXPECT_EQ(failure().message(), "there is no appliance");
  EXPECT_EQ(starts, 1U);
}

TEST_F(BakeImage, ThePlanAlsoChecksThePinOfTheBase) {
  write("image.yaml", "schema: bake/v1\nname: image\nbase: {path: base.raw, sha256: " + std::string(64, '0') +
                          "}\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: 5.5-1.0.3.2\n");
  auto nowhere = environment();
  const auto error = error_of([&] { plan_image(recipe::load(at("image.yaml")), nowhere); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("the recipe pins 000000"));
  EXPECT_EQ(starts, 1U);  // the digest is computed meanwhile
}

TEST_F(BakeImage, ReportsTheErrorsOfBaseAndDriverTogether) {
  write("base.raw", "no disk");
  write("image.yaml",
        "schema: bake/v1\nname: image\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\n"
        "ofed: 5.4-3.0.0.0\n");
  const auto error = failure();
  EXPECT_EQ(error.message(),
            "opening disk '" + at("base.raw").string() +
                "': not a disk image: no VHD footer, partition table or file system in it; and choosing a "
                "driver for 'image': the store '" +
                store.directory().string() + "' has none of the bundles that fit");
  const std::string archive = "MLNX_OFED_LINUX-5.4-3.0.0.0-ubuntu20.04-x86_64.tgz";
  EXPECT_EQ(error.hint(), "add " + archive + " to the store");
  EXPECT_EQ(error.remedies(), (std::vector<Remedy>{{Remedy::Action::add_bundle, archive}}));
  EXPECT_EQ(starts, 0U);
}

TEST_F(BakeImage, ADamagedBundleIsNotInstalled) {
  spoil(store.list().at(0).payload());
  const auto error = failure();
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("checking the payload of "
                                         "'MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64': its sha256 is "));
  EXPECT_EQ(error.hint(), "remove it, then add it again from its source");
  EXPECT_EQ(error.remedies(),
            (std::vector<Remedy>{{Remedy::Action::remove_bundle, "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64"}}));
  EXPECT_EQ(starts, 1U);  // the digests are computed meanwhile
  EXPECT_FALSE(fs::exists(at("out.vhd")));
  EXPECT_FALSE(fs::exists(at("out.vhd.partial")));
}

TEST_F(BakeImage, DamagedExtraPackagesAreNotInstalled) {
  spoil(store.all_extras().at(0).payload());
  const auto error = failure();
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("checking the payload of 'focal base': its sha256 is "));
  EXPECT_EQ(starts, 1U);  // the digests are computed meanwhile
}

}  // namespace
}  // namespace bake::job
