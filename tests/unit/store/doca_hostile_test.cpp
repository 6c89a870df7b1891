// Packages of DOCA-Host that are hostile, damaged, or for something else: each is refused, and the store stays
// unchanged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "tests/support/doca.hpp"
#include "tests/support/store_fixture.hpp"

namespace bake::store {
namespace {

using namespace bake::testing;

constexpr auto untrusted = ErrorKind::untrusted;
constexpr auto config = ErrorKind::config;
constexpr auto incompatible = ErrorKind::incompatible;

struct Row {
  std::string name;
  DocaParts parts;
  ErrorKind kind;
  std::string sentence;  ///< part of the message
  bool pin = true;
  std::function<std::string(std::string)> damage = {};
};

using Spoil = std::function<void(DocaParts&)>;

DocaParts spoilt(DocaParts parts, const Spoil& spoil) {
  spoil(parts);
  return parts;
}

/// A deb whose .list has this line.
DocaParts with_list(const std::string& line) {
  return spoilt(doca_deb(), [&](auto& parts) { parts.files["etc/apt/sources.list.d/doca.list"] = line + "\n"; });
}

DocaParts with_entry(const Member& member) {
  return spoilt(doca_deb(), [&](auto& parts) { parts.more.push_back(member); });
}

std::vector<Row> rows() {
  const auto repo = doca_deb().directory;
  const std::string extra = "/Packages/doca-extra-0.1.7-1.el9.x86_64.rpm";
  const auto half = [](std::string bytes) { return bytes.substr(0, bytes.size() / 2); };
  const auto without_end = [](std::string bytes) { return bytes.substr(0, bytes.size() - 2); };  // one may be padding
  return {
      // For something else.
      {"arm64", spoilt(doca_deb(), [](auto& parts) { parts.arch = "arm64"; }), incompatible,
       "it is for arm64: bake makes only x86_64 images"},
      {"a directory of another release",
       spoilt(doca_deb(), [](auto& parts) { parts.version = "3.2.3-019000-25.10-ubuntu2204"; }), untrusted,
       "its repository is for '3.2.3-019000-25.10-ubuntu2404', the package is 3.2.3-019000 for 'ubuntu22.04'"},
      {"a directory of another build",
       spoilt(doca_deb(), [](auto& parts) { parts.version = "3.2.3-019413-25.10-ubuntu2404"; }), untrusted,
       "its repository is for '3.2.3-019000-25.10-ubuntu2404', the package is 3.2.3-019413"},
      {"an rpm with packages of another release",
       spoilt(doca_rpm_with_kmods(), [](auto& parts) { parts.release = "091000_25.07_rhel8"; }), untrusted,
       "the package says distribution 'rhel8'"},
      {"an rpm with packages of another minor release",
       spoilt(doca_rpm_with_kmods(), [](auto& parts) { parts.release = "091000_25.07_rhel94"; }), untrusted,
       "is made for 'rhel9u6', the package says distribution 'rhel9.4'"},
      {"a deb for an rpm distribution",
       spoilt(doca_deb(),
              [](auto& parts) {
                parts.version = "3.2.3-019000-25.10-rhel9";
                parts.files.clear();
                parts.directory = "usr/share/doca-host-3.2.3-019000-25.10-rhel9/repo";
                parts.files[parts.directory + "/pool/x_1_all.deb"] = make_deb("x", "1", "all");
                index_pool(parts);
              }),
       untrusted, "it is for 'rhel9', which has no deb packages"},
      {"a member for arm64",
       spoilt(doca_deb(),
              [](auto& parts) {
                parts.files[parts.directory + "/pool/x_1_arm64.deb"] = make_deb("x", "1", "arm64");
                index_pool(parts);
                sign_pool(parts, vendor());
              }),
       untrusted, "pool/x_1_arm64.deb: is for arm64, the package says x86_64"},
      {"an index of another DOCA",
       spoilt(doca_deb(),
              [](auto& parts) {
                auto other = parts;
                other.version = "3.2.1-x";
                sign_pool(other, vendor());
                parts.files = other.files;
              }),
       untrusted, "says suite 'DOCA-HOST-3.2.1', the package says DOCA 3.2.3"},
      {"DOCA 2.5",
       spoilt(doca_deb(),
              [](auto& parts) {
                parts.name = "doca-host-repo-ubuntu2204";
                parts.version = "2.5.0-0.0.1.2.5.0108.1.23.10.1.1.9.0";
              }),
       config, "recognised: a doca-host-repo package of DOCA 2.6 or earlier, which bake does not read"},
      {"another package", spoilt(doca_deb(), [](auto& parts) { parts.name = "rdma-core"; }), config,
       "a single deb package, not a bundle"},
      {"a version of another form", spoilt(doca_deb(), [](auto& parts) { parts.version = "3.2.3"; }), config,
       "its version '3.2.3' is not <DOCA>-<build>-<YY.MM>-<distribution>"},
      // Kernels.
      {"a kernel that the name contradicts",
       spoilt(doca_kernel_rpm(), [](auto& parts) { parts.release = "1.kver.5.14.0.427.13.1.el9.4.x86.64"; }), untrusted,
       "its modules are for kernel '5.14.0-503.26.1.el9_5.x86_64', its name says '5.14.0.427.13.1.el9.4.x86.64'"},
      {"two kernels whose names are equal with dots",
       spoilt(doca_kernel_deb(),
              [](auto& parts) { parts.files["usr/share/doca-host-3.0.0/Modules/6.8.0.63-generic/x_1_all.deb"] = "x"; }),
       config, "it has 2 directories /usr/share/doca-host-…/Modules/<kernel>"},
      {"a module for another kernel",
       spoilt(doca_kernel_deb(),
              [](auto& parts) {
                parts.files[parts.directory + "/iser-modules_1_amd64.deb"] =
                    make_deb("iser-modules", "1", "amd64",
                             {{"/lib/modules/6.8.0-64-generic/updates/ib_iser.ko", fake_module()}});
                index_pool(parts);
              }),
       untrusted, "has modules for kernel '6.8.0-64-generic', its directory says '6.8.0-63-generic'"},
      // Where the repository is.
      {"a list that points outside", with_list("deb [trusted=yes] file:/srv/repo ./"), untrusted,
       "etc/apt/sources.list.d/doca.list names the repository 'file:/srv/repo', which is outside of the package"},
      {"a list that points to the network", with_list("deb https://example.org/doca ./"), untrusted,
       "which is outside of the package"},
      {"a list that leaves the payload", with_list("deb file:/" + repo + "/../../../../etc ./"), untrusted,
       "which is outside of the package"},
      {"a list with a missing repository", with_list("deb file:/usr/share/doca-host-9/repo ./"), untrusted,
       "names the repository '/usr/share/doca-host-9/repo', which the package does not have"},
      {"a list with a missing index directory", with_list("deb file:/" + repo + " main/"), untrusted,
       "/repo/main', which the package does not have"},
      {"a list with a release", with_list("deb file:/" + repo + " noble main"), config, "names no flat repository"},
      {"a .repo that points outside",
       spoilt(doca_rpm_with_kmods(),
              [](auto& parts) { parts.files["etc/yum.repos.d/doca.repo"] = "[doca]\nbaseurl=file:///srv/repo\n"; }),
       untrusted, "etc/yum.repos.d/doca.repo names the repository 'file:///srv/repo', which is outside of the package"},
      {"no repository",
       spoilt(doca_deb(),
              [](auto& parts) {
                parts.files = {{"usr/share/doc/x", "x"}};
              }),
       config, "it has no files below /usr/share/doca-host-…"},
      {"an entry with '..'", with_entry({"./usr/share/doca-host-1/../../../etc/x", "x"}), untrusted,
       "has '..' in its path"},
      {"an absolute entry", with_entry({"/etc/cron.d/x", "x"}), untrusted, "has an absolute path"},
      {"a link that leaves the package",
       with_entry({.path = "./" + repo + "/pool/x.deb", .type = 'l', .target = "/etc/passwd"}), untrusted,
       "is a link to the absolute path '/etc/passwd'"},
      {"a link upwards", with_entry({.path = "./" + repo + "/x.deb", .type = 'l', .target = "../../../../../etc/x"}),
       untrusted, "is a link that leaves the top directory"},
      {"a device", with_entry({.path = "./dev/x", .type = 'b'}), untrusted, "is a block device"},
      {"an entry twice", with_entry({"./" + repo + "/Packages", "x"}), untrusted, "occurs twice in the archive"},
      // Damage.
      {"half of a deb", doca_deb(), untrusted, "damaged or truncated", true, half},
      {"a deb without its end", doca_deb(), untrusted, "damaged or truncated", true, without_end},
      {"half of an rpm", doca_rpm_with_kmods(), untrusted, "damaged or truncated", true, half},
      {"an rpm without its end", doca_rpm_with_kmods(), untrusted, "damaged or truncated", true, without_end},
      {"a deb without its payload", doca_deb(), untrusted, "it has no data.tar", true,
       [](std::string bytes) { return bytes.substr(0, bytes.find("data.tar")); }},
      {"an rpm that ends in its header", doca_rpm_with_kmods(), untrusted, "it is truncated", true,
       [](std::string bytes) { return bytes.substr(0, 200); }},
      {"an rpm with bytes behind its payload", doca_rpm_with_kmods(), untrusted, "damaged or truncated", true,
       [](std::string bytes) { return bytes + "x"; }},
      {"an rpm with bytes behind its payload, not compressed",
       spoilt(doca_rpm_with_kmods(), [](auto& parts) { parts.compression = Compression::none; }), untrusted,
       "its payload differs from the digest in its header", true, [](std::string bytes) { return bytes + "x"; }},
      {"a text file", doca_deb(), config, "named like a DOCA-Host package, but it is neither a deb nor an rpm", true,
       [](const std::string& /*bytes*/) { return std::string("hello\n"); }},
      // Content that nothing vouches for.
      {"no pin, Packages only",
       spoilt(doca_deb(),
              [](auto& parts) {
                for (const auto* file : {"/Release", "/Release.gpg", "/InRelease"})
                  parts.files.erase(parts.directory + file);
              }),
       untrusted, "/repo/Release: not signed", false},
      {"no pin, another signer", spoilt(doca_deb(), [](auto& parts) { sign_pool(parts, stranger()); }), untrusted,
       "which is not in your key ring", false},
      {"no pin, an unsigned member", doca_rpm_with_kmods(), untrusted, extra + ": not signed", false},
      {"no pin, modules for one kernel", doca_kernel_rpm(), untrusted, "not signed", false},
      {"a wrong signature in spite of a pin",
       spoilt(doca_deb(),
              [](auto& parts) {
                auto& release = parts.files.at(parts.directory + "/Release");
                release += "Codename: x\n";
              }),
       untrusted, "/repo/Release: bad signature"},
      {"a changed InRelease in spite of a pin",
       spoilt(doca_deb(),
              [](auto& parts) {
                auto& text = parts.files.at(parts.directory + "/InRelease");
                text.insert(text.find("Origin"), "Codename: x\n");
              }),
       untrusted, "/repo/InRelease: bad signature"},
      {"a member changed after indexing",
       spoilt(doca_deb(),
              [](auto& parts) { parts.files.at(parts.directory + "/pool/rdma-core_2510.0.11-1_amd64.deb") += "x"; }),
       untrusted, "pool/rdma-core_2510.0.11-1_amd64.deb: differs from the index"},
      {"a changed signed member",
       spoilt(doca_rpm_with_kmods(),
              [](auto& parts) {
                parts.files.at(parts.directory + "/Packages/ofed-scripts-25.07-OFED.25.07.0.9.7.x86_64.rpm").back() ^=
                    1;
                index_packages(parts);
              }),
       untrusted, "ofed-scripts-25.07-OFED.25.07.0.9.7.x86_64.rpm: bad signature"},
      {"an index that names a file outside",
       spoilt(doca_deb(),
              [](auto& parts) {
                auto& packages = parts.files.at(parts.directory + "/Packages");
                packages = replace_all(packages, "./pool/rdma-core", "./../../pool/rdma-core");
                sign_pool(parts, vendor());
              }),
       untrusted, "it names a file './../../pool/rdma-core"},
      {"no index",
       spoilt(doca_deb(),
              [](auto& parts) {
                for (const auto* file : {"/Packages", "/Release", "/Release.gpg", "/InRelease"})
                  parts.files.erase(parts.directory + file);
              }),
       untrusted, "no index vouches for it"},
  };
}

class HostileDoca : public StoreTest {};

TEST_F(HostileDoca, IsRefusedAndLeavesTheStoreUnchanged) {
  const auto good = doca_deb();
  store.add(write("good.deb", good.bytes()), trusting(), progress);
  const auto before = listing(store.directory());
  for (const auto& row : rows()) {
    SCOPED_TRACE(row.name);
    const auto bytes = row.parts.bytes();
    const auto file = write(row.parts.file_name(), row.damage ? row.damage(bytes) : bytes);
    auto options = trusting();
    if (row.pin) {
      options.pin = digest_of_file(file);
      options.pin_source = "command line";
    }
    const auto error = error_of([&] { store.add(file, options, progress); });
    EXPECT_EQ(error.kind(), row.kind) << error.message();
    EXPECT_THAT(error.message(), ::testing::HasSubstr(row.sentence));
    EXPECT_EQ(listing(store.directory()), before);
  }
}

TEST_F(HostileDoca, AFileNamedLikeAnotherReleaseIsRefused) {
  const auto parts = doca_deb();
  const auto file = write("doca-host_3.2.3-019000-25.10-ubuntu2204_amd64.deb", parts.bytes());
  const auto error = error_of([&] { store.add(file, pinned(file), progress); });
  EXPECT_EQ(error.kind(), untrusted);
  EXPECT_EQ(error.message(),
            "reading bundle 'doca-host_3.2.3-019000-25.10-ubuntu2204_amd64.deb': the package in it is "
            "doca-host_3.2.3-019000-25.10-ubuntu2404_amd64");
}

TEST_F(HostileDoca, ADirectoryOrATarArchiveIsRefused) {
  std::filesystem::create_directory(scratch.path() / "doca-host-3.2.3");
  const auto directory = error_of([&] { store.add(scratch.path() / "doca-host-3.2.3", trusting(), progress); });
  EXPECT_EQ(directory.kind(), config);
  const auto file = write("x.tgz", make_tar({{"doca-host-3.2.3/DEBS/x.deb", "x"}}));
  const auto error = error_of([&] { store.add(file, trusting(), progress); });
  EXPECT_EQ(error.message(),
            "reading bundle 'doca-host-3.2.3': named like a DOCA-Host package, but it is neither a deb nor an rpm");
  EXPECT_EQ(
      error.hint(),
      "bake reads doca-host_….deb and doca-host-….rpm as the vendor publishes them, not what is unpacked from them");
}

}  // namespace
}  // namespace bake::store
