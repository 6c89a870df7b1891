#include "bake/guest/labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/host_shell.hpp"

namespace bake::guest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(GuestLabels, EachVersionOfSetfilesNamesTheFileThatItWouldChange) {
  EXPECT_EQ(wrong_label_in("setfiles reset /usr/sbin/ibstat context "
                           "system_u:object_r:default_t:s0->system_u:object_r:bin_t:s0"),
            "/usr/sbin/ibstat (default_t instead of bin_t)");
  EXPECT_EQ(wrong_label_in("Would relabel /usr/share/from a to b from unconfined_u:object_r:default_t:s0 to "
                           "unconfined_u:object_r:usr_t:s0"),
            "/usr/share/from a to b (default_t instead of usr_t)");
}

TEST(GuestLabels, AFileWithoutALabelHasNoWrongLabel) {
  for (const auto* line : {"setfiles reset /usr/sbin/ibstat context ->system_u:object_r:bin_t:s0",
                           "Would relabel /usr/sbin/ibstat from (null) to system_u:object_r:bin_t:s0",
                           "Would relabel /usr/sbin/ibstat from <no context> to system_u:object_r:bin_t:s0",
                           "Would relabel /x from system_u:object_r:unlabeled_t:s0 to system_u:object_r:bin_t:s0",
                           "Would relabel /x from system_u:object_r:file_t:s0 to system_u:object_r:bin_t:s0",
                           "/x not reset as customized by admin to system_u:object_r:httpd_sys_content_t:s0",
                           "setfiles:  Warning no default label for /x", "Would relabel ", "a reset /", ""})
    EXPECT_EQ(wrong_label_in(line), "") << line;
}

TEST(GuestLabels, TheTypesOfFilesWithoutALabelAreNoLabel) {
  MemoryGuest guest;
  HostShell shell(guest);
  shell.with_program("ls",
                     "for file; do\n"
                     "  case $file in\n"
                     "    */a) echo \"system_u:object_r:unlabeled_t:s0 $file\" ;;\n"
                     "    */b) echo \"system_u:object_r:file_t:s0 $file\" ;;\n"
                     "    */c) echo \"system_u:object_r:default_t:s0 $file\" ;;\n"
                     "    */d) echo \"? $file\" ;;\n"
                     "  esac\n"
                     "done\n");
  const std::vector<std::string> files{shell.file("a"), shell.file("b"), shell.file("c"), shell.file("d")};
  EXPECT_THAT(unlabelled_files(guest, files), UnorderedElementsAre(shell.file("a"), shell.file("b"), shell.file("d")));
}

/// A guest with a package and a kernel, whose setfiles records its arguments and the names that it reads, and prints
/// `said`.
struct LabelledGuest {
  MemoryGuest guest;
  HostShell shell{guest};
  LabelledFiles files{Family::rpm, {"ofed-scripts"}, {shell.file("own.conf"), shell.file("gone")}, "K"};

  explicit LabelledGuest(const std::string& said, bool has_mount_option = false) {
    namespace fs = std::filesystem;
    for (const auto* directory : {"modules/K/kernel", "modules/K/extra/ofed", "modules/K/weak-updates", "usr"})
      fs::create_directories(shell.file(directory));
    for (const auto* file : {"own.conf", "usr/ibstat", "usr/lib.so", "modules/K/modules.dep", "modules/K/vmlinuz",
                             "modules/K/kernel/own.ko", "modules/K/extra/ofed/core.ko"})
      write_text_atomically(shell.file(file), "x");
    fs::create_symlink("usr", shell.file("lib"));
    fs::create_symlink("/gone.ko", shell.file("modules/K/weak-updates/core.ko"));
    shell.with_place("/lib/modules", "modules")
        .with_program("rpm", "echo '(contains no files)'\necho " + shell.file("usr") + "\necho " +
                                 shell.file("usr/ibstat") + "\necho " + shell.file("lib/lib.so") + "\n")
        .with_program("setfiles", std::string("if [ \"$*\" = -m ]; then echo \"setfiles:  ") +
                                      (has_mount_option ? "usage" : "invalid option -- 'm'") +
                                      "\"; exit 255; fi\necho \"$@\" >" + shell.file("arguments") + "\ncat >" +
                                      shell.file("names") + "\n" + said);
  }
};

TEST(GuestLabels, PathsBelowALinkAndInTreesOfTheStartedMachine) {
  MemoryGuest guest;
  HostShell shell(guest);
  std::filesystem::create_directories(shell.file("usr/a directory"));
  std::filesystem::create_symlink("usr", shell.file("lib"));
  const LabelledFiles files{
      Family::rpm, {}, {shell.file("lib/a directory/x"), shell.file("gone/y"), "/proc/z", "/etc"}, ""};
  EXPECT_THAT(paths_of(guest, files), ElementsAre("/etc", shell.file("usr/a directory/x")));
}

TEST(GuestLabels, FilesOfPackagesAndOfTheKernelAreComparedWithThePolicy) {
  LabelledGuest image("echo 'setfiles reset /usr/ibstat context u:r:default_t:s0->u:r:bin_t:s0'\n");
  const auto wrong = wrong_labels(image.guest, paths_of(image.guest, image.files),
                                  "/etc/selinux/targeted/contexts/files/file_contexts");
  EXPECT_THAT(wrong.files, ElementsAre("/usr/ibstat (default_t instead of bin_t)"));
  EXPECT_EQ(wrong.trouble, "");
  EXPECT_EQ(image.shell.content("arguments"), "-s -n -v /etc/selinux/targeted/contexts/files/file_contexts\n");
  // Without directories; with the real path of the file below a link, and with the link below weak-updates itself.
  EXPECT_THAT(
      split_lines(image.shell.content("names")),
      UnorderedElementsAre(image.shell.file("own.conf"), image.shell.file("usr/ibstat"), image.shell.file("usr/lib.so"),
                           image.shell.file("modules/K/modules.dep"), image.shell.file("modules/K/extra/ofed/core.ko"),
                           image.shell.file("modules/K/weak-updates/core.ko")));
}

TEST(GuestLabels, SetfilesThatHasTheOptionDoesNotSkipFileSystems) {
  LabelledGuest image("", true);
  EXPECT_THAT(wrong_labels(image.guest, paths_of(image.guest, image.files), "/fc").files, IsEmpty());
  EXPECT_EQ(image.shell.content("arguments"), "-s -n -v -m /fc\n");
}

TEST(GuestLabels, AFailingSetfilesIsNoAnswer) {
  LabelledGuest image("echo '/fc: line 3 has invalid context' >&2; exit 255\n");
  const auto wrong = wrong_labels(image.guest, paths_of(image.guest, image.files), "/fc");
  EXPECT_THAT(wrong.files, IsEmpty());
  EXPECT_EQ(wrong.trouble, "setfiles: exit status 255: /fc: line 3 has invalid context");
}

}  // namespace
}  // namespace bake::guest
