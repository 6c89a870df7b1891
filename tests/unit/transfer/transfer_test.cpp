// Transfer across an air gap: `bake import` imports an archive of `bake export` completely or not at all.
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "bake/archive/archive.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/signature/dsse.hpp"
#include "bake/signature/signing.hpp"
#include "bake/store/store.hpp"
#include "bake/transfer/index.hpp"
#include "tests/support/bundles.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::transfer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;
using Members = std::vector<testing::Member>;

constexpr int untrusted = 4;
const std::string bundle_name = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64";

/// Returns path → digest of every file below `directory`.
std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> found;
  if (!fs::exists(directory)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    found[fs::relative(entry.path(), directory).string()] =
        entry.is_regular_file() ? digest_of_file(entry.path()) : "directory";
  return found;
}

std::string archive_of(const Members& members) { return make_tar(members, testing::Compression::zstd); }

Members members_of(const std::string& archive) {
  Members members;
  archive::ArchiveReader reader(archive::source_of(archive), archive::ArchiveKind::tar, "carry");
  while (const auto entry = reader.next()) members.push_back({entry->path, reader.read_all(std::size_t{64} << 20U)});
  return members;
}

class TransferTest : public DiskTest {
 protected:
  void SetUp() override {
    ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    pair_ = signature::new_key_pair();
    write("site.key", pair_.private_pem);
    write("site.pub", pair_.public_pem);
    fill_store(at("store"));
    base_ = raw_disk("base.raw", std::uint64_t{32} << 20U);
    write("image.yaml",
          "schema: bake/v1\nname: image\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\n"
          "ofed: 5.5-1.0.3.2\n");
  }
  void TearDown() override { ::unsetenv("SOURCE_DATE_EPOCH"); }

  fs::path write(const std::string& name, const std::string& content) const {
    write_text_atomically(at(name), content);
    return at(name);
  }

  void fill_store(const fs::path& directory) const {
    SilentProgress progress;
    store::Store store(directory);
    store.trust(write("vendor.asc", testing::vendor().public_key()));
    store.add(write(bundle_name + ".tgz", testing::deb_bundle().archive()), {}, progress);
    fs::create_directories(at("debs"));
    write("debs/tcl_8.6_amd64.deb", testing::make_deb("tcl", "8.6", "amd64"));
    store.add_extras(at("debs"), "focal base", "ubuntu20.04", progress);
  }

  /// Runs bake with `arguments`. Returns its output, or its messages when it fails.
  std::string bake(std::vector<std::string> arguments, int expected) const {
    arguments.insert(arguments.end(), {"--progress", "none"});
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(cli::run(arguments, out, err), expected) << err.str();
    return expected == 0 ? out.str() : err.str();
  }

  std::string pack(const std::string& name, const std::string& recipe = "image.yaml",
                   const std::string& store = "store") const {
    bake({"export", "--recipe", at(recipe), "--out", at(name), "--key", at("site.key"), "--store", at(store)}, 0);
    return read_text(at(name));
  }

  std::vector<std::string> import_arguments(const std::string& name) const {
    return {"import", at(name), "--trust", at("site.pub"), "--to", at("carried"), "--store", at("other")};
  }

  /// Signs an index with the key of the test.
  std::string envelope(const std::string& index) const {
    return signature::make_envelope(index, index_type, pair_.private_pem);
  }

  signature::KeyPair pair_;
  fs::path base_;
};

TEST_F(TransferTest, ImportsEverything) {
  pack("carry.tar.zst");
  const auto out = bake(import_arguments("carry.tar.zst"), 0);
  EXPECT_THAT(out, HasSubstr("bundle   " + bundle_name + "\n"));
  EXPECT_THAT(out, HasSubstr("extras   focal base\n"));
  EXPECT_THAT(out, HasSubstr("key      " + testing::vendor().fingerprint() + "\n"));
  for (const auto* part : {"bundles", "extras", "keyring"})
    EXPECT_EQ(contents(at("other") / part), contents(at("store") / part)) << part;
  EXPECT_EQ(digest_of_file(at("carried/bases/base.raw")), digest_of_file(at("base.raw")));
  struct stat info {};
  ASSERT_EQ(::stat(at("carried/bases/base.raw").c_str(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 1 << 20) << "the base is not sparse any more";
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  ASSERT_EQ(::stat(at("carried").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0755U);
  EXPECT_FALSE(fs::exists(at("carried.partial")));

  const auto recipe = recipe::load(at("carried/recipes/image.yaml"));
  EXPECT_EQ(recipe.base.path, at("carried/bases/base.raw"));
  EXPECT_EQ(recipe.base.sha256, digest_of_file(at("base.raw")));
  EXPECT_EQ(recipe.ofed.version, "5.5-1.0.3.2");
  // The recipe finds its driver in the new store, so that an export from it has the same content.
  EXPECT_EQ(pack("again.tar.zst", "carried/recipes/image.yaml", "other"), read_text(at("carry.tar.zst")));
}

TEST_F(TransferTest, TheNextCommandNamesTheStoreOption) {
  pack("carry.tar.zst");
  const auto recipe = at("carried/recipes/image.yaml").string();
  EXPECT_THAT(
      bake(import_arguments("carry.tar.zst"), 0),
      HasSubstr("recipe   " + recipe + "  next: bake plan " + recipe + " --store " + at("other").string() + "\n"));
  fs::remove_all(at("carried"));
  ::setenv("BAKE_STORE", at("other").c_str(), 1);  // whose next command finds it, too
  auto arguments = import_arguments("carry.tar.zst");
  arguments.resize(arguments.size() - 2);
  EXPECT_THAT(bake(arguments, 0), HasSubstr("  next: bake plan " + recipe + "\n"));
  ::unsetenv("BAKE_STORE");
}

TEST_F(TransferTest, TheParentOfTheTargetMustExist) {
  pack("carry.tar.zst");
  auto arguments = import_arguments("carry.tar.zst");
  arguments[5] = at("no/where");
  EXPECT_EQ(bake(arguments, 2), "bake: error: importing to '" + at("no/where").string() + "': there is no directory '" +
                                    at("no").string() + "'\nbake: hint: make it first: mkdir -p " + at("no").string() +
                                    "\n");
  arguments[5] = at("carried/");  // as a shell completes it
  bake(arguments, 0);
  EXPECT_TRUE(fs::exists(at("carried/recipes/image.yaml")));
}

TEST_F(TransferTest, SameInputsGiveTheSameBytes) {
  const auto first = pack("first.tar.zst");
  // The same content with another layout on disk: no holes in the base.
  const auto base = read_text(at("base.raw"));
  fs::remove(at("base.raw"));
  write("base.raw", base);
  EXPECT_EQ(pack("second.tar.zst"), first);
  ::setenv("SOURCE_DATE_EPOCH", "1700000001", 1);
  EXPECT_NE(pack("third.tar.zst"), first);
}

TEST_F(TransferTest, TheIndexIsFirstAndListsTheRestInOrder) {
  const auto members = members_of(pack("carry.tar.zst"));
  ASSERT_EQ(members.front().path, "carry.json");
  const auto index = parse_index(signature::read_envelope(members.front().content, "x").payload, "x");
  EXPECT_EQ(index.time, "2023-11-14T22:13:20Z");
  EXPECT_THAT(index.recipes, ElementsAre("image"));
  EXPECT_THAT(index.bundles, ElementsAre(bundle_name));
  ASSERT_EQ(index.files.size(), members.size() - 1);
  for (std::size_t i = 0; i < index.files.size(); ++i) {
    EXPECT_EQ(index.files[i].path, members[i + 1].path);
    EXPECT_EQ(index.files[i].sha256, digest_of(members[i + 1].content));
  }
}

TEST_F(TransferTest, ExistingFilesStay) {
  pack("carry.tar.zst");
  bake(import_arguments("carry.tar.zst"), 0);
  const auto before = contents(at("other"));
  auto arguments = import_arguments("carry.tar.zst");
  EXPECT_THAT(bake(arguments, 2), HasSubstr("it exists"));
  arguments[5] = at("carried-2");
  EXPECT_THAT(bake(arguments, 0), HasSubstr("bundle   " + bundle_name + "  (already in the store)\n"));
  EXPECT_EQ(contents(at("other")), before);
  EXPECT_EQ(contents(at("carried-2")), contents(at("carried")));
}

TEST_F(TransferTest, TheRestOfAKilledImportIsReplaced) {
  pack("carry.tar.zst");
  fs::create_directories(at("carried.partial/bases"));
  write("carried.partial/bases/old.raw", "x");
  bake(import_arguments("carry.tar.zst"), 0);
  EXPECT_FALSE(fs::exists(at("carried/bases/old.raw")));
  EXPECT_FALSE(fs::exists(at("carried.partial")));
}

TEST_F(TransferTest, APreparedPartialNameIsRefused) {
  pack("carry.tar.zst");
  const auto partial = at("carried.partial").string();
  const auto message = "bake: error: importing to '" + at("carried").string() + "': '" + partial +
                       "' exists, and an earlier import of this user did not make it\nbake: hint: remove it, or choose "
                       "another directory with --to: rm -r " +
                       partial + "\n";
  fs::create_directory(at("elsewhere"));
  fs::create_directory_symlink(at("elsewhere"), partial);
  EXPECT_EQ(bake(import_arguments("carry.tar.zst"), 2), message);
  EXPECT_TRUE(fs::is_empty(at("elsewhere")));
  EXPECT_TRUE(fs::is_symlink(partial));
  EXPECT_FALSE(fs::exists(at("other/bundles")));
  fs::remove(partial);
  if (::geteuid() != 0) return;  // only root can make a directory of another user
  fs::create_directory(partial);
  ASSERT_EQ(::chown(partial.c_str(), 65534, 65534), 0);
  EXPECT_EQ(bake(import_arguments("carry.tar.zst"), 2), message);
  EXPECT_TRUE(fs::is_directory(partial));
}

TEST_F(TransferTest, OverlaysKeepTheirOrder) {
  for (const auto* name : {"b", "a"}) {
    fs::create_directories(at(name));
    write(std::string(name) + "/sizes.yaml", std::string("# ") + name + "\n");
    write(std::string(name) + "/rules.yml", std::string("# the other suffix, ") + name + "\n");
  }
  bake({"export", "--recipe", at("image.yaml"), "--out", at("carry.tar.zst"), "--key", at("site.key"), "--store",
        at("store"), "--matrix", at("b"), "--matrix", at("a")},
       0);
  const auto out = bake(import_arguments("carry.tar.zst"), 0);
  EXPECT_THAT(
      out, HasSubstr("--matrix " + at("carried/matrix/1").string() + " --matrix " + at("carried/matrix/2").string()));
  EXPECT_EQ(read_text(at("carried/matrix/1/sizes.yaml")), "# b\n");
  EXPECT_EQ(read_text(at("carried/matrix/2/sizes.yaml")), "# a\n");
  EXPECT_EQ(read_text(at("carried/matrix/1/rules.yml")), "# the other suffix, b\n");
}

TEST_F(TransferTest, WithoutAKeyTheDigestVouches) {
  const auto printed = Json::parse(bake(
      {"export", "--recipe", at("image.yaml"), "--out", at("carry.tar.zst"), "--store", at("store"), "--json"}, 0));
  EXPECT_EQ(printed.at("sha256"), digest_of_file(at("carry.tar.zst")));
  EXPECT_EQ(printed.at("signer"), "");
  EXPECT_THAT(bake(import_arguments("carry.tar.zst"), untrusted), HasSubstr("it is not signed"));
  std::vector<std::string> arguments{"import", at("carry.tar.zst"), "--to", at("carried"), "--store", at("other")};
  EXPECT_THAT(bake(arguments, untrusted), HasSubstr("nothing vouches for it"));
  arguments.insert(arguments.end(), {"--sha256", std::string(64, '0')});
  EXPECT_THAT(bake(arguments, untrusted), HasSubstr("the command line pins 0000"));
  EXPECT_FALSE(fs::exists(at("other")));
  arguments.back() = printed.at("sha256");
  bake(arguments, 0);
  EXPECT_EQ(contents(at("other/bundles")), contents(at("store/bundles")));
}

TEST_F(TransferTest, ExportRefusesRecipesThatCannotBeBaked) {
  const std::vector<std::string> common{"--out", at("carry.tar.zst"), "--store", at("store")};
  const auto fails = [&](int status, std::vector<std::string> more) {
    more.insert(more.begin(), "export");
    more.insert(more.end(), common.begin(), common.end());
    return bake(more, status);
  };
  EXPECT_THAT(fails(5, {"--recipe", at("image.yaml"), "--recipe", at("image.yaml")}),
              HasSubstr("another recipe also has the name 'image'"));
  EXPECT_THAT(fails(2, {"--recipe", at("image.yaml"), "--key", at("site.pub")}),
              HasSubstr("reading a private key: it is a public key"));
  write("pinned.yaml", "schema: bake/v1\nbase: {path: base.raw, sha256: " + std::string(64, 'a') +
                           "}\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: 5.5-1.0.3.2\n");
  EXPECT_THAT(fails(untrusted, {"--recipe", at("pinned.yaml")}), HasSubstr("the recipe pins aaaa"));
  write("absent.yaml",
        "schema: bake/v1\nbase: base.raw\nos: ubuntu 18.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: 5.5-1.0.3.2\n");
  EXPECT_THAT(fails(3, {"--recipe", at("absent.yaml")}), HasSubstr("none of the bundles that fit"));
  EXPECT_FALSE(fs::exists(at("carry.tar.zst")));
  EXPECT_FALSE(fs::exists(at("carry.tar.zst.partial")));
}

TEST_F(TransferTest, AChangedArchiveIsRefusedAndImportsNothing) {
  const auto good = pack("carry.tar.zst");
  const auto members = members_of(good);
  auto index = Json::parse(signature::read_envelope(members.front().content, "x").payload);
  const auto with_index = [&](const Json& changed) {
    auto forged = members;
    forged.front().content = envelope(changed.dump());
    return forged;
  };
  const auto changed = [&](auto change) {
    auto copy = members;
    change(copy);
    return archive_of(copy);
  };
  const auto payload = static_cast<std::size_t>(
      std::find_if(members.begin(), members.end(), [](const auto& member) { return member.path.ends_with(".iso"); }) -
      members.begin());
  auto escaping = index;
  escaping["files"].push_back({{"path", "store/../../x"}, {"size", 0}, {"sha256", digest_of("")}});
  auto elsewhere = index;
  elsewhere["files"].push_back({{"path", "zebra"}, {"size", 0}, {"sha256", digest_of("")}});
  auto unsorted = index;
  std::swap(unsorted["files"][0], unsorted["files"][1]);

  const std::vector<std::tuple<std::string, std::string, std::string>> rows{
      {"content changed", changed([&](auto& m) { m[payload].content[40000] ^= 1; }), "differs from the index"},
      {"content cut", changed([&](auto& m) { m[payload].content.pop_back(); }), "bytes, the index lists"},
      {"entry missing", changed([&](auto& m) { m.erase(m.begin() + static_cast<std::ptrdiff_t>(payload)); }),
       "is in the place of"},
      {"last entry missing", changed([](auto& m) { m.pop_back(); }), "is missing"},
      {"entry too many", changed([](auto& m) {
         m.push_back({"store/keyring/mine.gpg", "x"});
       }),
       "is not in the index"},
      {"entry twice", changed([](auto& m) { m.push_back(m.back()); }), "is not in the index"},
      {"entries swapped", changed([](auto& m) { std::swap(m[1], m[2]); }), "is in the place of"},
      {"entry is a link", changed([](auto& m) {
         m[1] = {m[1].path, "", 'l', "/etc/passwd"};
       }),
       "is in the place of"},
      {"entry under another name", changed([](auto& m) { m[1].path = "../" + m[1].path; }), "is in the place of"},
      {"no index", changed([](auto& m) { m.erase(m.begin()); }), "its first entry is not carry.json"},
      {"index changed", changed([&](auto& m) {
         m[0].content = members[0].content + " ";
         m[0].content[60] ^= 1;
       }),
       ""},
      {"index signed by another", changed([&](auto& m) {
         m[0].content = signature::make_envelope(index.dump(), index_type, signature::new_key_pair().private_pem);
       }),
       "not by the trusted key"},
      {"another name for the key", changed([&](auto& m) {
         m[0].content = replace_all(m[0].content, signature::key_fingerprint(pair_.public_pem), std::string(64, 'f'));
       }),
       "its index was changed after signing"},
      {"index spelled differently", changed([](auto& m) { m[0].content += " "; }),
       "its index was changed after signing"},
      {"index without a signature",
       changed([&](auto& m) { m[0].content = signature::make_envelope(index.dump(), index_type, ""); }),
       "it is not signed"},
      {"another signed document", changed([&](auto& m) {
         m[0].content = signature::make_envelope(index.dump(), "application/vnd.in-toto+json", pair_.private_pem);
       }),
       "it contains no index of bake"},
      {"signed index that climbs out", archive_of(with_index(escaping)), "is not an allowed path"},
      {"signed index of another place", archive_of(with_index(elsewhere)), "is not an allowed path"},
      {"signed index out of order", archive_of(with_index(unsorted)), "not sorted"},
      {"an empty file", "", "its first entry is not carry.json"},
      {"no archive", "not an archive\n", "damaged or truncated"},
      {"one byte short", good.substr(0, good.size() - 1), "damaged or truncated"},
      {"half of it", good.substr(0, good.size() / 2), "damaged or truncated"},
  };
  // A store with content, so that the test compares it and not only its absence.
  SilentProgress progress;
  store::Store(at("other")).trust(write("stranger.asc", testing::stranger().public_key()));
  store::Store(at("other")).add_extras(at("debs"), "here before", "ubuntu18.04", progress);
  const auto before = contents(at("other"));
  const auto expect_refused = [&](const std::string& name, const std::string& bytes, const std::string& sentence) {
    SCOPED_TRACE(name);
    write("bad.tar.zst", bytes);
    const auto message = bake(import_arguments("bad.tar.zst"), untrusted);
    EXPECT_THAT(message, HasSubstr(sentence));
    EXPECT_EQ(contents(at("other")), before);
    EXPECT_FALSE(fs::exists(at("carried")));
    EXPECT_FALSE(fs::exists(at("carried.partial")));
  };
  for (const auto& [name, bytes, sentence] : rows) expect_refused(name, bytes, sentence);
  auto arguments = import_arguments("carry.tar.zst");
  write("else.pub", signature::new_key_pair().public_pem);
  arguments[3] = at("else.pub");
  EXPECT_THAT(bake(arguments, untrusted), HasSubstr("not by the trusted key"));
  EXPECT_EQ(contents(at("other")), before);
}

TEST_F(TransferTest, NoChangedByteIsImported) {
  const auto good = pack("carry.tar.zst");
  const auto import_as = [&](const std::string& name, std::ostream& messages) {
    std::ostringstream out;
    return cli::run({"import", at(name), "--trust", at("site.pub"), "--to", at("arrived"), "--store", at("inner"),
                     "--progress", "none"},
                    out, messages);
  };
  std::ostringstream messages;
  ASSERT_EQ(import_as("carry.tar.zst", messages), 0) << messages.str();
  const auto whole = contents(at("arrived"));
  const auto whole_store = contents(at("inner"));
  std::size_t refused = 0;
  constexpr std::size_t changes = 60;
  for (std::size_t i = 0; i < changes; ++i) {
    fs::remove_all(at("arrived"));
    fs::remove_all(at("inner"));
    auto bytes = good;
    const auto position = bytes.size() * i / changes;
    SCOPED_TRACE("byte " + std::to_string(position) + " changed");
    bytes[position] = static_cast<char>(bytes[position] ^ 0x20);
    write("bad.tar.zst", bytes);
    if (import_as("bad.tar.zst", messages) == untrusted) {
      ++refused;
      EXPECT_FALSE(fs::exists(at("arrived")));
      for (const auto* part : {"bundles", "extras", "keyring"}) EXPECT_FALSE(fs::exists(at("inner") / part)) << part;
    } else {
      // Some bits of a zstd header have no effect on the content.
      EXPECT_EQ(contents(at("arrived")), whole);
      EXPECT_EQ(contents(at("inner")), whole_store);
    }
  }
  EXPECT_GE(refused, changes - 5);
}

TEST_F(TransferTest, ASignedObjectMustMatchItsPath) {
  // A signed archive may still be wrong: a bundle under another bundle's id is not imported.
  pack("carry.tar.zst");
  const auto id = digest_of_file(at(bundle_name + ".tgz"));
  const std::string wrong(64, 'a');
  fs::rename(at("store/bundles") / id, at("store/bundles") / wrong);
  pack("wrong.tar.zst");
  EXPECT_THAT(bake(import_arguments("wrong.tar.zst"), untrusted),
              HasSubstr("importing '" + wrong + "': its own id is '" + id + "'"));
  EXPECT_FALSE(fs::exists(at("other/bundles")));
  EXPECT_FALSE(fs::exists(at("other/keyring")));
  EXPECT_FALSE(fs::exists(at("carried")));
}

TEST_F(TransferTest, KeysAreNeverReplacedAndOnlyTheirOwnerReadsThem) {
  const auto made = Json::parse(bake({"key", "new", "--out", at("new"), "--json"}, 0));
  EXPECT_EQ(made.at("fingerprint"), signature::key_fingerprint(read_text(at("new.pub"))));
  EXPECT_EQ(signature::public_half(read_text(at("new.key"))), read_text(at("new.pub")));
  EXPECT_EQ(fs::status(at("new.key")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  for (const auto* half : {"new.key", "new.pub"})
    EXPECT_THAT(bake({"key", "show", at(half)}, 0), StartsWith(made.at("fingerprint").get<std::string>() + "  "));
  const auto before = read_text(at("new.key"));
  EXPECT_THAT(bake({"key", "new", "--out", at("new")}, 2), HasSubstr("a key is never replaced"));
  EXPECT_EQ(read_text(at("new.key")), before);
}

}  // namespace
}  // namespace bake::transfer
