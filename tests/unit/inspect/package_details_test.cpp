// Licences and header digests from the guest's rpm.
#include "bake/inspect/package_details.hpp"

#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::guest {
namespace {

const std::string sha256(64, 'a');
const std::string sha1(40, 'b');

TEST(PackageDetails, AreReadFromTheGuestsRpm) {
  MemoryGuest guest;
  guest.with_answer(rpm_details_query(), {0, "bash\t(none)\t4.4\t1.el8\tx86_64\t" + sha256 +
                                                 "\tGPLv3+\n"
                                                 "bind-libs\t32\t9.11\t3.el8\tx86_64\t" +
                                                 sha1 +
                                                 "\tMPLv2.0\n"
                                                 "gpg-pubkey\t(none)\tf4a8\t53a7\t(none)\t(none)\tpubkey\n"
                                                 "zero\t0\t1\t2\tnoarch\t(none)\t(none)\n"});
  EXPECT_EQ(read_package_details(guest, Family::rpm),
            (DetailsOfPackages{{{"bash", "4.4-1.el8", "x86_64"}, {"GPLv3+", sha256}},
                               {{"bind-libs", "32:9.11-3.el8", "x86_64"}, {"MPLv2.0", sha1}},
                               {{"zero", "1-2", "noarch"}, {}}}));
}

TEST(PackageDetails, OfAHostileGuestAreHarmless) {
  EXPECT_EQ(details_of_rpm_output("a\t\t1\t2\tx\tnot a digest\tMIT\x1b[2J\xff\tAND\tmore\n"
                                  "a line of a licence\n"
                                  "\t\t\t\t\t\t\n"
                                  "short\t1\n"),
            (DetailsOfPackages{{{"a", "1-2", "x"}, {"MIT\\x1b[2J\\xff AND more", ""}}}));
  const auto details = details_of_rpm_output("a\t\t1\t2\tx\t" + sha256 + "\t" + std::string(5000, 'L') + "\n");
  EXPECT_EQ(details.begin()->second.licence.size(), 1000U);
  std::string many;
  for (int i = 0; i < 50'010; ++i) many += std::to_string(i) + "\t\t1\t2\tx\t\t\n";
  EXPECT_EQ(details_of_rpm_output(many).size(), 50'000U);
}

TEST(PackageDetails, OldRpmIsNotAskedForATagThatItDoesNotKnow) {
  MemoryGuest guest;
  HostShell shell(guest);
  shell.with_program("rpm",
                     "case $* in *SHA256HEADER*) echo 'error: unknown tag' >&2; exit 1;; esac\n"
                     "[ $1 = --querytags ] && printf 'NAME\\nSHA1HEADER\\n' && exit\n"
                     "printf 'a\\t(none)\\t1\\t2\\tx\\t" +
                         sha1 + "\\tGPL+\\n'\n");
  EXPECT_EQ(read_package_details(guest, Family::rpm), (DetailsOfPackages{{{"a", "1-2", "x"}, {"GPL+", sha1}}}));
  shell.with_program("rpm",
                     "[ $1 = --querytags ] && printf 'SHA1HEADER\\nSHA256HEADER\\n' && exit\n"
                     "case $* in *'%{SHA256HEADER}'*) ;; *) exit 1;; esac\n"
                     "printf 'a\\t(none)\\t1\\t2\\tx\\t" +
                         sha256 + "\\tMIT\\n'\n");
  EXPECT_EQ(read_package_details(guest, Family::rpm), (DetailsOfPackages{{{"a", "1-2", "x"}, {"MIT", sha256}}}));
}

TEST(PackageDetails, AreMissingWhenTheGuestHasNone) {
  MemoryGuest deb;
  EXPECT_TRUE(read_package_details(deb, Family::deb).empty());
  EXPECT_TRUE(deb.scripts().empty());
  MemoryGuest failing;
  failing.with_answer(rpm_details_query(), {1, "bash\t\t4.4\t1.el8\tx86_64\t\tGPL\n"});
  EXPECT_TRUE(read_package_details(failing, Family::rpm).empty());
  MemoryGuest foreign;
  foreign.with_handler([](const std::string&) -> std::optional<ShellResult> {
    throw ShellNotStarted(ErrorKind::failed, "Exec format error");
  });
  EXPECT_TRUE(read_package_details(foreign, Family::rpm).empty());
}

}  // namespace
}  // namespace bake::guest
