// `bake modules export` on a guest in memory.
#include "bake/job/export_modules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "bake/store/built_modules.hpp"
#include "tests/support/bundles.hpp"
#include "tests/support/disk_fixture.hpp"
#include "tests/support/error_of.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ImageSession : public Session {
 public:
  explicit ImageSession(guest::Facts facts) : facts_(std::move(facts)) {
    guest_.with_directory("/var/tmp");
    guest_.with_handler([this](const std::string& script) -> std::optional<guest::ShellResult> {
      if (script.find("mktarball") == std::string::npos) return std::nullopt;
      guest_.with_file("/var/tmp/.bake-modules/m.dkms.tar.gz", "tree");
      return guest::ShellResult{0, "noise\nmodule mlnx-ofed-kernel/5.5 m.dkms.tar.gz\n"};
    });
  }
  guest::Guest& guest() override { return guest_; }
  guest::Facts inspect() override { return facts_; }
  void finish() override {}

 private:
  guest::MemoryGuest guest_;
  guest::Facts facts_;
};

class ExportModules : public DiskTest {
 protected:
  void SetUp() override {
    const auto parts = testing::deb_bundle();
    write_text_atomically(at("vendor.asc"), testing::vendor().public_key());
    write_text_atomically(at(parts.top + ".tgz"), parts.archive());
    store.trust(at("vendor.asc"));
    bundle = store.add(at(parts.top + ".tgz"), {}, progress).bundle;
    static_cast<void>(raw_disk("image.raw", std::uint64_t{2} << 20U));
    facts.os = {"ubuntu", "20.04", ""};
    facts.family = guest::Family::deb;
    facts.arch = "x86_64";
    manifest = {{"schema", "bake-manifest/v1"},
                {"fit", {{"verdict", "needs build"}}},
                {"kernel", {{"release", "5.4.0-1040-azure"}}},
                {"driver", {{"ofed", "5.5-1.0.3.2"}, {"bundle", {{"name", bundle.name}, {"sha256", bundle.id()}}}}},
                {"changes", nlohmann::json::array()}};
    for (const auto& package : bundle.repositories.at(0).packages)
      manifest["changes"].push_back({{"name", package.name}, {"file", package.file}});
  }

  bundle::BuiltModules exported() {
    facts.baked_manifest = manifest.dump();
    Environment environment{matrix, store, progress,
                            [this](const DiskRequest&) { return std::make_unique<ImageSession>(facts); },
                            [] { return 1U; }};
    return export_modules(at("image.raw"), at("m.tar.zst"), false, environment);
  }

  SilentProgress progress;
  matrix::Matrix matrix = matrix::Matrix::built_in();
  store::Store store{at("store")};
  bundle::Bundle bundle;
  guest::Facts facts;
  nlohmann::json manifest;
};

TEST_F(ExportModules, WritesAFileThatTheStoreTakes) {
  const auto modules = exported();
  EXPECT_EQ(modules.name, "5.5-1.0.3.2 for 5.4.0-1040-azure");
  EXPECT_EQ(modules.distro, "ubuntu20.04");
  ASSERT_EQ(modules.sources.size(), 1U);
  EXPECT_EQ(modules.sources[0].name, "mlnx-ofed-kernel-dkms");
  EXPECT_EQ(modules.sources[0].sha256.size(), 64U);
  const auto added = store::add_modules(store, at("m.tar.zst"), modules.id, progress);
  EXPECT_EQ(added.archives, modules.archives);
  EXPECT_EQ(added.archives.at(0).module, "mlnx-ofed-kernel/5.5");
}

TEST_F(ExportModules, AnImageWithoutCompiledModulesIsRefused) {
  manifest["fit"]["verdict"] = "weak-updates";
  const auto error = error_of([&] { exported(); });
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_THAT(error.message(), HasSubstr("no module was compiled in it (weak-updates)"));
  EXPECT_FALSE(fs::exists(at("m.tar.zst")));
}

TEST_F(ExportModules, AnImageOfAnotherBundleIsRefused) {
  manifest["driver"]["bundle"]["sha256"] = std::string(64, 'b');
  EXPECT_THAT(error_of([&] { exported(); }).message(), HasSubstr("the store lacks its bundle"));
}

}  // namespace
}  // namespace bake::job
