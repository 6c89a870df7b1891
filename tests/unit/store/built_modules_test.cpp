// Built modules in the store: only a whole file with a pin is taken.
#include "bake/store/built_modules.hpp"

#include <gmock/gmock.h>

#include "bake/archive/archive.hpp"
#include "bake/archive/iso_reader.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BuiltModulesStore : public testing::StoreTest {
 protected:
  BuiltModulesStore() {
    modules.name = "doca-3.2.3-019000 for K";
    modules.kernel = "K";
    modules.arch = "x86_64";
    modules.distro = "ubuntu24.04";
    modules.ofed = "doca-3.2.3-019000";
    modules.sources = {{"mlnx-ofed-kernel-dkms", "25.10", std::string(64, 'a')}};
    content = {{"mlnx.dkms.tar.gz", "tree"}, {"source-tree.tar.gz", "symbols"}};
    modules.archives = {{"mlnx-ofed-kernel/25.10", "mlnx.dkms.tar.gz", digest_of("tree"), 4},
                        {"", "source-tree.tar.gz", digest_of("symbols"), 7}};
  }

  /// The file that `bake modules export` would write.
  [[nodiscard]] std::filesystem::path file() const {
    const auto path = scratch.path() / "m.tar.zst";
    archive::TarWriter tar(path, 0);
    const auto add = [&tar](const std::string& name, const std::string& bytes) {
      tar.add_file(name, bytes.size());
      tar.write(std::as_bytes(std::span(bytes)));
    };
    add("modules.json", bundle::to_json(modules).dump());
    for (const auto& [name, bytes] : content) add(name, bytes);
    tar.finish();
    return path;
  }
  std::string refusal() {
    const auto path = file();
    const auto error = error_of([&] { add_modules(store, path, digest_of_file(path), progress); });
    EXPECT_EQ(error.kind(), ErrorKind::untrusted);
    EXPECT_THAT(all_modules(store), IsEmpty());
    return error.message();
  }

  bundle::BuiltModules modules;
  std::vector<std::pair<std::string, std::string>> content;
};

TEST_F(BuiltModulesStore, KeepsAFileWithAPin) {
  const auto path = file();
  const auto added = add_modules(store, path, digest_of_file(path), progress);
  EXPECT_EQ(added.id, digest_of_file(path));
  const auto all = all_modules(store);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].name, modules.name);
  EXPECT_EQ(all[0].sources, modules.sources);
  EXPECT_EQ(all[0].archives, modules.archives);
  EXPECT_EQ(all[0].payload_sha256, digest_of_file(all[0].payload()));
  EXPECT_EQ(archive::read_iso_tree(all[0].payload()).files.size(), 2U);
  EXPECT_EQ(add_modules(store, path, digest_of_file(path), progress).id, added.id);  // again
  EXPECT_EQ(remove_modules(store, added.id.substr(0, 8)), modules.name);
  EXPECT_THAT(all_modules(store), IsEmpty());
}

TEST_F(BuiltModulesStore, RefusesAFileWithoutAPin) {
  const auto path = file();
  const auto error = error_of([&] { add_modules(store, path, "", progress); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("nothing vouches for it"));
  EXPECT_FALSE(std::filesystem::exists(store.directory() / "modules"));
}

TEST_F(BuiltModulesStore, RefusesAnotherDigest) {
  const auto path = file();
  const auto error = error_of([&] { add_modules(store, path, std::string(64, '0'), progress); });
  EXPECT_THAT(error.message(), HasSubstr("the command line pins 000000"));
}

TEST_F(BuiltModulesStore, RefusesContentThatDiffersFromTheDescription) {
  content[0].second = "eert";
  EXPECT_THAT(refusal(), HasSubstr("'mlnx.dkms.tar.gz' differs from the description"));
  content[0].second = "longer";
  EXPECT_THAT(refusal(), HasSubstr("'mlnx.dkms.tar.gz' has another size than the description says"));
}

TEST_F(BuiltModulesStore, RefusesMissingAndAddedEntries) {
  const auto whole = content;
  content.pop_back();
  EXPECT_THAT(refusal(), HasSubstr("'source-tree.tar.gz' is missing or not in its place"));
  content = whole;
  content.emplace_back("more", "x");
  EXPECT_THAT(refusal(), HasSubstr("it has more entries than the description names"));
}

TEST_F(BuiltModulesStore, RefusesNamesThatLeaveTheDirectory) {
  modules.archives[0].file = content[0].first = "../mlnx.dkms.tar.gz";
  EXPECT_THAT(refusal(), HasSubstr("is not a plain name"));
  modules.archives[0].file = content[0].first = "mlnx.dkms.tar.gz";
  modules.archives[0].module = "x) reboot ;; y/1";
  EXPECT_THAT(refusal(), HasSubstr("is not a plain name"));
  modules.archives[0].module = "mlnx-ofed-kernel/25.10";
  modules.kernel = "../K";
  EXPECT_THAT(refusal(), HasSubstr("'../K' is not a kernel release"));
}

TEST_F(BuiltModulesStore, RefusesAFileOfAnotherKind) {
  const auto path = write("x.tar.zst", "no archive");
  const auto error = error_of([&] { add_modules(store, path, digest_of_file(path), progress); });
  EXPECT_EQ(error.kind(), ErrorKind::config);
  EXPECT_THAT(error.message(), HasSubstr("x.tar.zst': it is not an export of built modules"));
  EXPECT_THAT(all_modules(store), IsEmpty());
  EXPECT_EQ(error_of([&] { add_modules(store, scratch.path(), "", progress); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace bake::store
