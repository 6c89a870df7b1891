// The files of an outer package that name the repository in it.
#include "bake/bundle/doca_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.hpp"

namespace bake::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string repo = "usr/share/doca-host-3.2.3/repo";

std::vector<SourceEntry> list(const std::string& text) { return parse_sources_list(text, "doca.list", "B"); }
std::vector<SourceEntry> ini(const std::string& text) { return parse_repo_file(text, "doca.repo", "B"); }

TEST(DocaList, TheFourWaysToTrust) {
  EXPECT_THAT(list("deb file:/" + repo + " ./\n"), ElementsAre(SourceEntry{"doca.list", repo, repo}));
  EXPECT_THAT(list("deb [trusted=yes] file:/" + repo + " ./"),
              ElementsAre(SourceEntry{"doca.list", repo, repo, {}, true}));
  EXPECT_THAT(
      list("deb [ arch=amd64 signed-by=/" + repo + "/key.gpg,/usr/share/keyrings/x.gpg ] file:///" + repo + "/ /"),
      ElementsAre(SourceEntry{"doca.list", repo, repo, {repo + "/key.gpg", "usr/share/keyrings/x.gpg"}}));
  EXPECT_THAT(list("deb [signed-by=70454E6BF5D9C2D3B78709E8DC726C5E41B9CC50 trusted=no] copy:/" + repo + " main/"),
              ElementsAre(SourceEntry{"doca.list", repo, repo + "/main"}));
}

TEST(DocaList, CommentsAndSourcesDoNotCount) {
  EXPECT_THAT(list("# deb file:/x ./\n\n  \ndeb-src file:/x ./\n"), IsEmpty());
  EXPECT_THAT(list("\tdeb\tfile:/usr//share/./doca-host-3.2.3/repo  ./ # here\r\n"),
              ElementsAre(SourceEntry{"doca.list", repo, repo}));
}

TEST(DocaList, ThatPointsOutsideIsRefused) {
  for (const std::string uri :
       {"https://linux.mellanox.com/x", "file:/srv/repo", "file:/usr/share/doca-host-3.2.3/../../../srv",
        "file://host/usr/share/doca-host-3.2.3/repo", "file:/usr/share/doca-host-3.2.3/%2e%2e/repo", "file:relative",
        "cdrom:/x"}) {
    const auto error = error_of([&] { list("deb [trusted=yes] " + uri + " ./\n"); });
    EXPECT_EQ(error.kind(), ErrorKind::untrusted) << uri;
    EXPECT_EQ(error.message(),
              "reading bundle 'B': doca.list names the repository '" + uri + "', which is outside of the package");
    EXPECT_EQ(error.hint(), "bake reads only the repository inside of a package: /usr/share/doca-host-…/repo");
  }
  EXPECT_EQ(error_of([] { list("deb file:/" + repo + " ../../x/\n"); }).kind(), ErrorKind::untrusted);
}

TEST(DocaList, ThatNamesNoFlatRepositoryIsRefused) {
  for (const auto& line : {"deb file:/" + repo, "deb file:/" + repo + " stable main", "deb file:/" + repo + " ./ main",
                           std::string("rpm file:/x ./"), std::string("deb"), std::string("deb [trusted=yes"),
                           std::string("Types: deb")}) {
    const auto error = error_of([&] { list(line); });
    EXPECT_EQ(error.kind(), ErrorKind::config) << line;
    EXPECT_EQ(error.message(),
              "reading bundle 'B': doca.list has the entry '" + line + "', which names no flat repository");
  }
}

TEST(DocaRepo, SectionsThatAreOn) {
  EXPECT_THAT(ini("[doca]\nname=DOCA\nbaseurl=file:///" + repo + "\ngpgcheck=1\ngpgkey=file:///" + repo +
                  "/RPM-GPG-KEY-doca\n[online]\nenabled=0\nbaseurl=https://example.org/\n"),
              ElementsAre(SourceEntry{"doca.repo", repo, repo, {repo + "/RPM-GPG-KEY-doca"}}));
  EXPECT_THAT(ini("; x\n[doca]\nBaseURL = file:///" + repo + "/\ngpgcheck = 0\nenabled = 1\n"),
              ElementsAre(SourceEntry{"doca.repo", repo, repo, {}, true}));
  EXPECT_THAT(ini("baseurl=file:///x\n[main]\ngpgcheck=1\n"), IsEmpty());
}

TEST(DocaRepo, ThatPointsOutsideIsRefused) {
  for (const auto* text :
       {"[a]\nbaseurl=https://example.org/x\n", "[a]\nbaseurl=file:///srv/x\n",
        "[a]\nmirrorlist=https://example.org/\n", "[a]\nbaseurl=file:///usr/share/doca-host-$releasever/repo\n",
        "[a]\nbaseurl=file:///usr/share/doca-host-1/repo\n  https://example.org/\n"})
    EXPECT_EQ(error_of([&] { ini(text); }).kind(), ErrorKind::untrusted) << text;
}

TEST(DocaRepository, IsFoundByItsPlace) {
  const std::set<std::string> paths{"etc/x", repo + "/pool/a.deb", "usr/share/doca-host-3.2.3/tools/x",
                                    "usr/share/doca-host-3.2.3/Modules/5.14/a.rpm"};
  EXPECT_EQ(choose_repository({}, paths, false, "B"), (SourceEntry{"", repo, repo}));
  EXPECT_EQ(choose_repository({}, paths, true, "B").directory, "usr/share/doca-host-3.2.3/Modules/5.14");
}

TEST(DocaRepository, ThereMustBeOne) {
  const std::set<std::string> paths{repo + "/pool/a.deb", "usr/share/doca-host-3.2.4/repo/pool/a.deb"};
  const auto several = error_of([&] { choose_repository({}, paths, false, "B"); });
  EXPECT_EQ(several.kind(), ErrorKind::config);
  EXPECT_EQ(several.message(),
            "reading bundle 'B': no .list or .repo file names its repository, and it has 2 directories "
            "/usr/share/doca-host-…/repo");
  EXPECT_EQ(error_of([&] { choose_repository({}, {"etc/x"}, false, "B"); }).kind(), ErrorKind::config);
  const SourceEntry entry{"doca.list", repo, repo};
  EXPECT_EQ(choose_repository({entry, entry}, paths, false, "B"), entry);
  const auto missing = error_of([&] {
    choose_repository({{"doca.list", "usr/share/doca-host-9/repo", "usr/share/doca-host-9/repo"}}, paths, false, "B");
  });
  EXPECT_EQ(missing.kind(), ErrorKind::untrusted);
  EXPECT_EQ(missing.message(),
            "reading bundle 'B': doca.list names the repository '/usr/share/doca-host-9/repo', which the package does "
            "not have");
  EXPECT_EQ(error_of([&] {
              choose_repository({{"doca.list", repo, repo + "/main"}}, paths, false, "B");
            }).kind(),
            ErrorKind::untrusted);
  const auto two = error_of([&] {
    choose_repository({entry, {"doca.list", "usr/share/doca-host-3.2.4/repo", "usr/share/doca-host-3.2.4/repo"}}, paths,
                      false, "B");
  });
  EXPECT_EQ(two.kind(), ErrorKind::config);
}

}  // namespace
}  // namespace bake::bundle
