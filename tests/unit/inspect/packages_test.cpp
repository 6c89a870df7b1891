#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/guest/memory.hpp"
#include "bake/inspect/package_database.hpp"
#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

/// The output of EL8's rpm for the query: several kernels of one name, no epoch, an epoch, a key, a rich dependency.
constexpr const char* dump =
    "P kernel-core\t(none)\t4.18.0\t193.el8\tx86_64\n"
    "v kernel\t=\t4.18.0-193.el8\n"
    "v ksym(alloc_ib)\t=\t0x1234\n"
    "r /bin/sh\t\t\n"
    "f /lib/modules/4.18.0-193.el8.x86_64/vmlinuz\n"
    "f /usr/share/a file with spaces\n"
    "P kernel-core\t(none)\t4.18.0\t193.14.3.el8_2\tx86_64\n"
    "P gpg-pubkey\t(none)\tf4a80eb5\t53a7ff4b\t(none)\n"
    "v gpg(CentOS-7 Key (CentOS 7 Official Signing Key) <security@centos.org>)\t=\t4:24c6a8a7f4a80eb5-53a7ff4b\n"
    "P bind-libs\t32\t9.11.13\t3.el8\tx86_64\n"
    "r (systemd if filesystem)\t\t\n"
    "r libc.so.6(GLIBC_2.14)(64bit)\t\t\n"
    "r rpmlib(PayloadIsXz)\t<=\t5.2-1\n"
    "r bind-license\t>=\t32:9.11.13-3.el8\n"
    "o old-bind\t<\t32:9.0\n"
    "c other-bind\t >= \t1\n"
    "(none)\n"
    "P\n"
    "p\n"
    "garbage\tline\n"
    "P zero-epoch\t0\t1\t2\tnoarch\n";

TEST(RpmDump, ListsPackagesWithoutKeys) {
  EXPECT_EQ(installed_of_rpm_dump(dump),
            (std::vector<InstalledPackage>{{"bind-libs", "32:9.11.13-3.el8", "x86_64"},
                                           {"kernel-core", "4.18.0-193.14.3.el8_2", "x86_64"},
                                           {"kernel-core", "4.18.0-193.el8", "x86_64"},
                                           {"zero-epoch", "1-2", "noarch"}}));
}

TEST(RpmDump, OfMillionsOfPackagesIsRefused) {
  std::string many;
  for (int i = 0; i <= 50'000; ++i) many += "P a\n";
  const auto error = error_of([&] { static_cast<void>(installed_of_rpm_dump(many)); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(), "reading the package database: it has more than 50000 packages");
}

MemoryGuest rpm_guest(const std::string& output, int status = 0) {
  MemoryGuest guest;
  guest.with_file("/var/lib/rpm/Packages").with_answer(rpm_dump_query(), {status, output});
  return guest;
}

TEST(PackageDatabase, ReadsRpm) {
  auto guest = rpm_guest(std::string(dump) + "\n#status 0\nwarning: Generating 12 missing index(es), please wait...\n");
  const auto database = read_package_database(guest, Family::rpm);
  EXPECT_EQ(database.format, "rpm-bdb");
  EXPECT_EQ(database.trouble, "");
  EXPECT_EQ(database.dump, std::string(dump) + "E\n");
  EXPECT_EQ(database.packages, (std::vector<InstalledPackage>{{"bind-libs", "32:9.11.13-3.el8", "x86_64"},
                                                              {"kernel-core", "4.18.0-193.14.3.el8_2", "x86_64"},
                                                              {"kernel-core", "4.18.0-193.el8", "x86_64"},
                                                              {"zero-epoch", "1-2", "noarch"}}));
}

TEST(PackageDatabase, ReportsTheErrorsOfRpm) {
  auto broken =
      rpm_guest("\n#status 1\nerror: rpmdb: BDB0113 Thread/process 1/1 failed\nerror: cannot open Packages\n");
  const auto database = read_package_database(broken, Family::rpm);
  EXPECT_EQ(database.trouble, "error: rpmdb: BDB0113 Thread/process 1/1 failed\nerror: cannot open Packages");
  EXPECT_TRUE(database.packages.empty());
  auto partial = rpm_guest(std::string(dump) + "\n#status 0\nerror: rpmdbNextIterator: skipping h# 7\nwarning: x\n");
  EXPECT_EQ(read_package_database(partial, Family::rpm).trouble, "error: rpmdbNextIterator: skipping h# 7");
  auto absent = rpm_guest("\n#status 127\n/bin/sh: rpm: command not found\n");
  EXPECT_EQ(read_package_database(absent, Family::rpm).trouble, "/bin/sh: rpm: command not found");
  auto mute = rpm_guest("killed", 137);
  EXPECT_EQ(read_package_database(mute, Family::rpm).trouble, "asking the guest's rpm failed: killed");
}

TEST(PackageDatabase, ReadsTheFilesOfAGuestForAnotherProcessor) {
  MemoryGuest guest;
  guest
      .with_file("/var/lib/dpkg/status",
                 "Package: bash\nStatus: install ok installed\nVersion: 1\nArchitecture: arm64\n")
      .with_handler([](const std::string&) -> std::optional<ShellResult> {
        throw ShellNotStarted(ErrorKind::failed, "running a script with '/bin/sh' in the guest: Exec format error");
      });
  const auto database = read_package_database(guest, Family::deb);
  EXPECT_EQ(database.packages.size(), 1U);
  EXPECT_EQ(database.trouble, "running a script with '/bin/sh' in the guest: Exec format error");
}

TEST(PackageDatabase, AProgramThatDoesNotEndIsAnErrorThatNamesIt) {
  const auto hangs = [](const std::string&) -> std::optional<ShellResult> {
    throw Error(ErrorKind::failed, "running a script in the guest: not finished within 600 seconds",
                "set another limit");
  };
  MemoryGuest deb;
  deb.with_file("/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 1\n")
      .with_handler(hangs);
  const auto error = error_of([&] { read_package_database(deb, Family::deb); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(),
            "asking 'dpkg --audit' of the guest: running a script in the guest: not finished within 600 seconds");
  EXPECT_EQ(error.hint(), "set another limit");
  MemoryGuest rpm;
  rpm.with_file("/var/lib/rpm/Packages").with_handler(hangs);
  EXPECT_EQ(error_of([&] { read_package_database(rpm, Family::rpm); }).message(),
            "asking 'rpm -qa' of the guest: running a script in the guest: not finished within 600 seconds");
}

TEST(PackageDatabase, AnInterruptionKeepsItsMessage) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dpkg/status").with_handler([](const std::string&) -> std::optional<ShellResult> {
    throw Error(ErrorKind::interrupted, "working: interrupted by a signal");
  });
  EXPECT_EQ(error_of([&] { read_package_database(guest, Family::deb); }).message(), "working: interrupted by a signal");
}

TEST(PackageDatabase, DistinguishesFormats) {
  const auto format = [](const std::vector<std::string>& files) {
    MemoryGuest guest;
    for (const auto& file : files) guest.with_file(file);
    return find_database(guest, Family::rpm).format;
  };
  EXPECT_EQ(format({"/var/lib/rpm/Packages", "/var/lib/rpm/__db.001"}), "rpm-bdb");
  EXPECT_EQ(format({"/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages"}), "rpm-sqlite");
  EXPECT_EQ(format({"/usr/lib/sysimage/rpm/Packages.db"}), "rpm-ndb");
  EXPECT_EQ(format({"/var/lib/dpkg/status"}), "");
  MemoryGuest guest;
  EXPECT_THROW(read_package_database(guest, Family::rpm), Error);
  EXPECT_THROW(read_package_database(guest, Family::deb), Error);
}

constexpr const char* status =
    "Package: bash\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.0-6ubuntu1\n"
    "Description: shell\n Version: 9.9\n .\n Package: nope\n\n"
    "Package: removed\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
    "Package: held\nStatus: hold ok installed\nArchitecture: all\nVersion: 1:2.3-4\n\n"
    "Package: man-db\nStatus: install ok triggers-pending\nArchitecture: amd64\nVersion: 2.9.1-1\n";

TEST(PackageDatabase, ReadsDpkg) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dpkg/status", status).with_answer("dpkg --audit", {0, ""});
  const auto database = read_package_database(guest, Family::deb);
  EXPECT_EQ(database.format, "dpkg");
  EXPECT_EQ(database.trouble, "");
  EXPECT_EQ(database.dump, status);
  EXPECT_EQ(database.packages,
            (std::vector<InstalledPackage>{
                {"bash", "5.0-6ubuntu1", "amd64"}, {"held", "1:2.3-4", "all"}, {"man-db", "2.9.1-1", "amd64"}}));
}

TEST(PackageDatabase, ReportsUnfinishedPackagesOfDpkg) {
  MemoryGuest guest;
  guest
      .with_file("/var/lib/dpkg/status", std::string(status) +
                                             "\nPackage: half\nStatus: install ok half-configured\nVersion: 1\n\n"
                                             "Package: again\nStatus: install reinstreq installed\nVersion: 1\n\n"
                                             "Package: odd\nStatus: gibberish\n")
      .with_answer("dpkg --audit", {0, "The following packages are only half configured: half\n"});
  EXPECT_EQ(read_package_database(guest, Family::deb).trouble,
            "half: half-configured\nagain: must be reinstalled\nodd: unknown");
}

/// The output of dpkg 1.21 for a package whose .deb has no md5sums; its exit status is 0.
constexpr const char* no_md5sums =
    "The following packages are missing the md5sums control file in the\ndatabase, they need to be reinstalled:\n"
    " held                 held\n\n";

TEST(PackageDatabase, AcceptsAPackageWithoutMd5sums) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dpkg/status", status).with_answer("dpkg --audit", {0, no_md5sums});
  EXPECT_EQ(read_package_database(guest, Family::deb).trouble, "");
}

TEST(PackageDatabase, ReportsADpkgThatCannotReadItsDatabase) {
  MemoryGuest guest;
  guest.with_file("/var/lib/dpkg/status", status)
      .with_answer("dpkg --audit", {2, "dpkg: error: parsing file '/var/lib/dpkg/status' near line 9:\n"});
  EXPECT_EQ(read_package_database(guest, Family::deb).trouble,
            "dpkg: error: parsing file '/var/lib/dpkg/status' near line 9:");
  MemoryGuest mute;
  mute.with_file("/var/lib/dpkg/status", status).with_answer("dpkg --audit", {139, ""});
  EXPECT_EQ(read_package_database(mute, Family::deb).trouble, "dpkg --audit failed");
}

}  // namespace
}  // namespace bake::guest
