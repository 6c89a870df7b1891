// Hostile, damaged and wrong bundles: each is rejected with its exit code and a reason, and the store does not change.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iostream>

#include "bake/base/text.hpp"
#include "bake/store/store.hpp"
#include "tests/support/bundles.hpp"

namespace bake::archive {
namespace {

using testing::Compression;
using testing::deb_bundle;
using testing::make_tar;
using testing::Member;

constexpr int untrusted = 4;
constexpr int config = 5;

struct Row {
  std::string name;
  std::function<std::string()> archive;
  int exit_code;
  std::string sentence;  ///< part of the message
  std::string file = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz";
  std::function<void(store::AddOptions&)> options = [](store::AddOptions&) {};
};

const std::string top = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64";

/// A good bundle with one more entry.
std::function<std::string()> with(Member member) {
  return [member] {
    auto parts = deb_bundle();
    parts.more.push_back(member);
    return parts.archive();
  };
}

/// A good bundle, changed by `spoil`.
std::function<std::string()> spoilt(std::function<void(testing::BundleParts&)> spoil) {
  return [spoil] {
    auto parts = deb_bundle();
    spoil(parts);
    return parts.archive();
  };
}

std::string text(const std::string& content) { return content; }

std::vector<Row> rows() {
  const std::string deb = "DEBS/ofed-scripts_5.5-OFED.5.5.1.0.3_amd64.deb";
  const auto sign_again = [](testing::BundleParts& parts) {
    sign_debs(parts, "DEBS", "5.5-1.0.3.2", testing::vendor());
  };
  return {
      // The content of an archive.
      {"absolute path", with({"/etc/cron.d/x", "x"}), untrusted, "entry '/etc/cron.d/x' has an absolute path"},
      {"path with '..'", with({top + "/../../etc/passwd", "x"}), untrusted, "has '..' in its path"},
      {"symlink to an absolute path", with({top + "/x", "", 'l', "/etc/passwd"}), untrusted,
       "is a link to the absolute path '/etc/passwd'"},
      {"symlink that leaves", with({top + "/DEBS/x.deb", "", 'l', "../../x.deb"}), untrusted,
       "is a link that leaves the top directory: '../../x.deb'"},
      {"symlink down and up", with({top + "/x", "", 'l', "DEBS/../../x"}), untrusted,
       "is a link with '..' after a directory name"},
      {"symlink with a line break", with({top + "/x", "", 'l', "a\nb"}), untrusted,
       "has control characters in its link target"},
      {"hard link that leaves", with({top + "/x", "", 'h', "../x"}), untrusted, "has '..' in its path"},
      {"hard link to another top", with({top + "/x", "", 'h', "other/x"}), untrusted, "is outside the top directory"},
      {"hard link to nothing", with({top + "/x", "", 'h', top + "/nothing"}), untrusted,
       "/nothing', which is not a file of the archive"},
      {"block device", with({top + "/sda", "", 'b'}), untrusted, "is a block device"},
      {"character device", with({top + "/null", "", 'c'}), untrusted, "is a character device"},
      {"fifo", with({top + "/pipe", "", 'p'}), untrusted, "is a fifo"},
      {"set-user-ID file", with({.path = top + "/su", .content = "x", .mode = 04755}), untrusted,
       "is set-user-ID or set-group-ID"},
      {"set-group-ID file", with({.path = top + "/sg", .content = "x", .mode = 02755}), untrusted,
       "is set-user-ID or set-group-ID"},
      {"two top directories", with({"other/file", "x"}), untrusted, "entry 'other/file' is outside the top directory"},
      {"file next to the top directory", with({"file", "x"}), untrusted, "is outside the top directory"},
      {"names that differ in case", with({top + "/DISTRO", "x"}), untrusted, "differs from 'distro' only in case"},
      {"directories that differ in case", with({top + "/debs/x", "x"}), untrusted, "differs from 'DEBS' only in case"},
      {"a file twice", with({top + "/distro", "x"}), untrusted, "occurs twice in the archive"},
      {"an entry below a link",
       [] {
         auto parts = deb_bundle();
         parts.more = {{top + "/x", "", 'l', "DEBS"}, {top + "/x/y", "y"}};
         return parts.archive();
       },
       untrusted, "is below 'x', which is not a directory"},
      {"an entry below a file", with({top + "/distro/x", "x"}), untrusted,
       "is below 'distro', which is not a directory"},
      {"control characters", with({top + "/a\x1b[2Jb", "x"}), untrusted,
       "/a\\x1b[2Jb' has control characters in its name"},
      {"a backslash", with({top + "/a\\b", "x"}), untrusted, "has a backslash in its name"},
      {"a name of 300 bytes", with({top + "/" + std::string(300, 'n'), "x"}), untrusted,
       "has a name of more than 255 bytes"},
      {"a path of 2000 bytes",
       with({top +
                 [] {
                   std::string path;
                   for (int i = 0; i < 20; ++i) path += "/" + std::string(99, 'd');
                   return path;
                 }(),
             "x"}),
       untrusted, "has a path of more than 1024 bytes"},
      {"40 directories deep",
       with({top +
                 [] {
                   std::string path;
                   for (int i = 0; i < 40; ++i) path += "/d";
                   return path;
                 }(),
             "x"}),
       untrusted, "is more than 32 directories deep"},
      {"100 000 entries",
       [] {
         std::vector<Member> members;
         for (int i = 0; i < 100'000; ++i) members.push_back({top + "/" + std::to_string(i), ""});
         return make_tar(members);
       },
       untrusted, "more than 50000 entries"},
      {"8 MiB of names",
       [] {
         std::vector<Member> members;
         for (int i = 0; i < 10'000; ++i)
           members.push_back({top + "/" + std::string(200, 'a') + "/" + std::string(200, 'b') + "/" +
                                  std::string(200, 'c') + "/" + std::string(200, 'd') + std::to_string(i),
                              ""});
         return make_tar(members);
       },
       untrusted, "more than 8 MiB of file names"},
      {"decompression bomb", with({top + "/zeros", std::string(std::size_t{96} << 20U, '\0')}), untrusted,
       "unpack to more than 200 times their size"},
      {"a file that claims 60 TiB",
       [] { return make_tar_claiming(deb_bundle().members(), top + "/huge", std::uint64_t{60} << 40U); }, untrusted,
       "more than 40 GiB of data"},
      {"a file larger than the limit", with({top + "/file", std::string(4096, 'x')}), untrusted,
       "more than 1 KiB of data", top + ".tgz", [](store::AddOptions& options) { options.limits.bytes = 1024; }},
      // Damaged archives.
      {"truncated (gzip)",
       [] {
         auto bytes = deb_bundle().archive();
         return bytes.substr(0, bytes.size() / 2);
       },
       untrusted, "damaged or truncated"},
      {"truncated (xz)",
       [] {
         auto bytes = deb_bundle().archive(Compression::xz);
         return bytes.substr(0, bytes.size() / 2);
       },
       untrusted, "damaged or truncated"},
      {"truncated (zstd)",
       [] {
         auto bytes = deb_bundle().archive(Compression::zstd);
         return bytes.substr(0, bytes.size() / 2);
       },
       untrusted, "damaged or truncated"},
      {"one byte flipped",
       [] {
         auto bytes = deb_bundle().archive();
         bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
         return bytes;
       },
       untrusted, ""},
      {"xz that needs 1 GiB of memory",
       [] {
         auto bytes = deb_bundle().archive(Compression::xz);
         const auto at = bytes.find("\x21\x01");  // the LZMA2 filter, its properties' size; then the dictionary size
         bytes.at(at + 2) = 36;
         return bytes;
       },
       untrusted, "unpacking it needs 1 GiB of memory"},
      // Files that are not MLNX_OFED bundles.
      {"a text file", [] { return text("not an archive\n"); }, config, "neither a tar archive nor an ISO image"},
      {"an empty file", [] { return text(""); }, config, "neither a tar archive nor an ISO image"},
      {"an mlnx-en bundle",
       [] {
         return make_tar({{"mlnx-en-5.5-1.0.3.2-rhel8.2-x86_64/RPMS_ETH/x.rpm", "x"}});
       },
       config, "recognised: an mlnx-en bundle"},
      {"an mlnx-en bundle under a false name",
       [] {
         return make_tar({{top + "/DEBS_ETH/x.deb", "x"}});
       },
       config, "recognised: an mlnx-en bundle"},
      {"a DOCA-Host rpm of another version", [] { return testing::make_rpm("doca-host", "3.2.1", "1"); }, untrusted,
       "the package in it is doca-host-3.2.1-1.x86_64", "doca-host-3.2.1-044000_25.10_rhel8.x86_64.rpm"},
      {"a DOCA-Host deb without a build", [] { return testing::make_deb("doca-host", "3.2.1", "amd64"); }, config,
       "its version '3.2.1' is not <DOCA>-<build>-<YY.MM>-<distribution>", "doca-host.deb"},
      {"a single package", [] { return testing::make_deb("rdma-core", "1", "amd64"); }, config,
       "a single deb package, not a bundle", "x.deb"},
      {"another top directory",
       [] {
         return make_tar({{"linux-5.4/DEBS/x.deb", "x"}});
       },
       config, "not named like an OFED bundle"},
      {"no packages",
       [] {
         return make_tar({{top + "/README", "x"}});
       },
       config, "it has neither RPMS nor DEBS"},
      {"both kinds of packages", spoilt([](auto& parts) { parts.files["RPMS/x.rpm"] = "x"; }), config,
       "it has both RPMS and DEBS"},
      {"an archive without files", [] { return make_tar({{.path = top + "/", .type = 'd'}}); }, config,
       "it has no files"},
      // Bundles that contradict themselves.
      {".mlnx says another version", spoilt([](auto& parts) { parts.files[".mlnx"] = "5.4-1.0.3.0\n"; }), untrusted,
       ".mlnx: says version '5.4-1.0.3.0', the top directory says '5.5-1.0.3.2'"},
      {".arch says another machine", spoilt([](auto& parts) { parts.files[".arch"] = "aarch64\n"; }), untrusted,
       ".arch: says architecture 'aarch64'"},
      {"distro says another release", spoilt([](auto& parts) { parts.files["distro"] = "ubuntu18.04\n"; }), untrusted,
       "distro: says distribution 'ubuntu18.04'"},
      {"the index says another version",
       spoilt([](auto& parts) { sign_debs(parts, "DEBS", "5.4-1.0.3.0", testing::vendor()); }), untrusted,
       "DEBS/Release: says version '5.4-1.0.3.0'"},
      {"no index", spoilt([](auto& parts) {
         for (const auto* file : {"DEBS/Packages", "DEBS/Release", "DEBS/Release.gpg"}) parts.files.erase(file);
       }),
       untrusted, "no index vouches for it"},
      {"a package changed after indexing", spoilt([deb](auto& parts) { parts.files[deb].back() ^= 1; }), untrusted,
       deb + ": differs from the index: SHA512"},
      {"a package with extra bytes after indexing", spoilt([deb](auto& parts) { parts.files[deb] += "x"; }), untrusted,
       deb + ": differs from the index: "},
      {"a missing package", spoilt([deb](auto& parts) { parts.files.erase(deb); }), untrusted,
       deb + ": the index lists it, but the bundle does not contain it"},
      {"Packages changed after signing", spoilt([](auto& parts) { parts.files["DEBS/Packages"] += "\n"; }), untrusted,
       "DEBS/Packages: is not what Release says"},
      {"Packages unknown to Release", spoilt([](auto& parts) {
         parts.files["DEBS/Release"] = "Suite: 5.5-1.0.3.2\n";
         parts.files["DEBS/Release.gpg"] = testing::vendor().sign("Suite: 5.5-1.0.3.2\n");
       }),
       untrusted, "does not vouch for DEBS/Packages"},
      {"Packages that names a file outside", spoilt([sign_again](auto& parts) {
         parts.files["DEBS/Packages"] +=
             "Package: x\nVersion: 1\nArchitecture: all\nFilename: ./../../x.deb\nSize: 1\nSHA256: " +
             std::string(64, 'a') + "\n";
         sign_again(parts);
       }),
       untrusted, "it names a file './../../x.deb'"},
      {"Packages without digests", spoilt([sign_again](auto& parts) {
         parts.files["DEBS/Packages"] = "Package: x\nVersion: 1\nArchitecture: all\nFilename: x.deb\nSize: 1\n";
         sign_again(parts);
       }),
       untrusted, "'x' has no digest"},
      {"10 001 packages in the index", spoilt([sign_again](auto& parts) {
         for (int i = 0; i < 10'001; ++i)
           parts.files["DEBS/Packages"] +=
               fmt::format("Package: p{}\nVersion: 1\nArchitecture: all\nFilename: x.deb\nSize: 1\nMD5sum: {}\n\n", i,
                           std::string(32, 'a'));
         sign_again(parts);
       }),
       untrusted, "it lists more than 10000 packages"},
      // Bundles without trust from outside.
      {"Release changed after signing", spoilt([](auto& parts) { parts.files["DEBS/Release"] += "Codename: x\n"; }),
       untrusted, "DEBS/Release: bad signature"},
      {"signed by a key that is not trusted",
       spoilt([](auto& parts) { sign_debs(parts, "DEBS", "5.5-1.0.3.2", testing::stranger()); }), untrusted,
       "which is not in your key ring"},
      {"the trusted key is only in the bundle", spoilt([](auto& parts) {
         parts.files["RPM-GPG-KEY-Mellanox"] = testing::stranger().public_key();
         sign_debs(parts, "DEBS", "5.5-1.0.3.2", testing::stranger());
       }),
       untrusted, "which is not in your key ring"},
      {"not signed", spoilt([](auto& parts) { parts.files.erase("DEBS/Release.gpg"); }), untrusted,
       "DEBS/Release: not signed"},
      {"a signature that cannot be read", spoilt([](auto& parts) {
         parts.files["DEBS/Release.gpg"] = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";
       }),
       untrusted, "its signature cannot be read"},
      {"no key ring, no pin", [] { return deb_bundle().archive(); }, untrusted,
       "no pinned sha256 and no signature by a trusted key", top + ".tgz",
       [](store::AddOptions& options) { options.keyrings.clear(); }},
      {"another pin", [] { return deb_bundle().archive(); }, untrusted, "the command line pins " + std::string(64, 'a'),
       top + ".tgz",
       [](store::AddOptions& options) {
         options.pin = std::string(64, 'A');
         options.pin_source = "command line";
       }},
      {"another pin in the matrix", [] { return deb_bundle().archive(); }, untrusted,
       "the matrix pins " + std::string(64, 'b'), top + ".tgz",
       [](store::AddOptions& options) {
         options.known_pin = [](const std::string& file) {
           return file.ends_with(".tgz") ? std::optional(std::string(64, 'b')) : std::nullopt;
         };
       }},
      {"rebuilt, not allowed",
       [] {
         auto parts = deb_bundle();
         parts.top += "-ext";
         return parts.archive();
       },
       untrusted, "rebuilt by mlnx_add_kernel_support.sh"},
      // RPM bundles.
      {"an rpm changed and indexed again",
       [] {
         auto parts = testing::rpm_bundle();
         parts.files["RPMS/mlnx-tools-5.2.0-0.55103.x86_64.rpm"].back() ^= 1;
         index_rpms(parts, "RPMS");
         return parts.archive();
       },
       untrusted, "mlnx-tools-5.2.0-0.55103.x86_64.rpm: bad signature"},
      {"an unsigned rpm",
       [] {
         auto parts = testing::rpm_bundle();
         parts.files["RPMS/x-1-1.x86_64.rpm"] = testing::make_rpm("x", "1", "1");
         index_rpms(parts, "RPMS");
         return parts.archive();
       },
       untrusted, "RPMS/x-1-1.x86_64.rpm: not signed"},
      {"a signed rpm under another name",
       [] {
         auto parts = testing::rpm_bundle();
         parts.files["RPMS/mlnx-tools-9.9.9-1.x86_64.rpm"] = parts.files["RPMS/mlnx-tools-5.2.0-0.55103.x86_64.rpm"];
         index_rpms(parts, "RPMS");
         return parts.archive();
       },
       untrusted, "the index calls it mlnx-tools-9.9.9-1.x86_64, its header says mlnx-tools-5.2.0-0.55103.x86_64"},
      {"primary changed after repomd",
       [] {
         auto parts = testing::rpm_bundle();
         parts.files["RPMS/repodata/primary.xml.gz"] += "x";
         return parts.archive();
       },
       untrusted, "primary.xml.gz: is not what repomd.xml says"},
      {"repomd that is not XML",
       [] {
         auto parts = testing::rpm_bundle();
         parts.files["RPMS/repodata/repomd.xml"] = "<repomd><data";
         return parts.archive();
       },
       untrusted, "reading index 'RPMS/repodata/repomd.xml'"},
  };
}

/// The first line of a message for a table, without the name that every row has.
std::string in_short(const Error& error) {
  auto line = split_lines(error.message()).at(0);
  if (const auto lines = split_lines(error.message()); lines.size() > 1) line += " …" + lines.at(1);
  return replace_all(replace_all(line, top, "<top>"), "|", "\\|");
}

TEST(HostileBundles, AreRefusedAndLeaveTheStoreUnchanged) {
  const TemporaryDirectory scratch;
  const auto store_directory = scratch.path() / "store";
  const auto keys = scratch.path() / "keys.asc";
  write_text_atomically(keys, testing::vendor().public_key());
  store::Store store(store_directory);
  SilentProgress progress;
  store::AddOptions trusting;
  trusting.keyrings = {keys};
  const auto good = scratch.path() / "good.tgz";
  write_text_atomically(good, testing::split_deb_bundle().archive());
  store.add(good, trusting, progress);
  const auto before = testing::listing(store_directory);

  std::string table = "| bundle | verdict | exit | store | sentence |\n|---|---|---|---|---|\n";
  for (const auto& row : rows()) {
    SCOPED_TRACE(row.name);
    const auto archive = scratch.path() / row.file;
    write_text_atomically(archive, row.archive());
    auto options = trusting;
    row.options(options);
    const auto error = testing::error_of([&] { store.add(archive, options, progress); });
    const bool unchanged = testing::listing(store_directory) == before;
    EXPECT_EQ(static_cast<int>(error.kind()), row.exit_code) << error.message();
    EXPECT_THAT(error.message(), ::testing::HasSubstr(row.sentence));
    EXPECT_TRUE(unchanged);
    table += fmt::format("| {} | refused: {} | {} | {} | {} |\n", row.name, name_of(error.kind()),
                         static_cast<int>(error.kind()), unchanged ? "unchanged" : "CHANGED", in_short(error));
  }
  std::cout << table;
}

}  // namespace
}  // namespace bake::archive
