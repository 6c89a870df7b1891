#include "bake/verify/modprobe.hpp"

#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"

namespace bake::verify {
namespace {

constexpr const char* conf = "/etc/modprobe.d/x.conf";

Check loading_in(guest::Guest& guest, const guest::Facts& facts = {}, const std::string& module = "mlx5_core") {
  plan::Expectations expected;
  expected.module = module;
  expected.kernel = "K";
  return verify_module_loading(guest, facts, expected);
}

/// The check of an image with `module` whose /etc/modprobe.d/x.conf is `text` and whose kernel has `options`.
Check loading(const std::string& text, const std::string& options = {}, const std::string& module = "mlx5_core") {
  guest::MemoryGuest guest;
  guest.with_file(conf, text)
      .with_file("/lib/modules/K/modules.dep",
                 "updates/mlx5_core.ko: kernel/pci/pci-hyperv-intf.ko.xz updates/mlxfw.ko updates/mlx_compat.ko\n"
                 "updates/ib_core.ko: updates/mlx_compat.ko\nupdates/mlx_compat.ko:\nkernel/other.ko: kernel/tls.ko\n");
  guest::Facts facts;
  facts.default_kernel_options = options;
  return loading_in(guest, facts, module);
}

const std::string fine = "modprobe.d and the kernel's options let mlx5_core and the modules of RDMA load";

TEST(VerifyModuleLoading, FindsEveryCommandThatKeepsAModuleFromBeingLoaded) {
  EXPECT_EQ(loading("install mlx5_core /bin/false\n").evidence,
            "'install mlx5_core /bin/false' in /etc/modprobe.d/x.conf keeps mlx5_core from being loaded");
  EXPECT_EQ(loading("  blacklist\tmlx5-ib\n").evidence,
            "'blacklist mlx5-ib' in /etc/modprobe.d/x.conf keeps mlx5_ib from being loaded");
  EXPECT_EQ(loading("alias ib_uverbs off\n").evidence,
            "'alias ib_uverbs off' in /etc/modprobe.d/x.conf keeps ib_uverbs from being loaded");
  EXPECT_EQ(loading("alias mlx5_* off\n").evidence,
            "'alias mlx5_* off' in /etc/modprobe.d/x.conf keeps mlx5_core, mlx5_ib from being loaded");
  EXPECT_EQ(loading("alias pci:v000015B3d* off\n").evidence,
            "'alias pci:v000015B3d* off' in /etc/modprobe.d/x.conf keeps the driver of the card from being loaded");
  EXPECT_EQ(loading("install rdma_\\\ncm /bin/true\n").evidence,
            "'install rdma_cm /bin/true' in /etc/modprobe.d/x.conf keeps rdma_cm from being loaded");
  EXPECT_TRUE(loading("install ib_core true && modprobe --ignore-install ib_core\n").failed());
  EXPECT_TRUE(loading("install ib_core /sbin/modprobe # --ignore-install ib_core\n").failed());
  EXPECT_EQ(loading("blacklist ib_core\n").remedy, "remove these lines and options");
}

TEST(VerifyModuleLoading, AnInstallCommandMustLoadTheModuleAndNotUnloadIt) {
  for (const std::string command : {"/sbin/modprobe --ignore-install mlx5_core; rmmod mlx5_core",
                                    "modprobe -n -i mlx5_core",
                                    "modprobe -in mlx5_core",
                                    "modprobe mlx5_core -i --dry-run",
                                    "modprobe -i --show mlx5_core",
                                    "modprobe --show-depends -i mlx5_core",
                                    "modprobe -i --dirname=/tmp mlx5_core",
                                    "modprobe -i -S 1.0 mlx5_core",
                                    "modprobe -i mlx5_core && modprobe -r mlx5_core",
                                    "modprobe -i mlx5_core & /bin/sh /tmp/unload",
                                    "modprobe -i mlx5_core; exit 1",
                                    "modprobe -i mlx5_ib mlx5_core",
                                    "/tmp/modprobe -i mlx5_core",
                                    "PATH=/tmp modprobe -i mlx5_core",
                                    "if false; then modprobe -i mlx5_core; fi",
                                    "! modprobe -i mlx5_core",
                                    "modprobe -i mlx5_core `rmmod mlx5_core`",
                                    "modprobe -i mlx5_core $(rmmod mlx5_core)",
                                    "modprobe -i mlx5_core >/sys/x",
                                    "modprobe -i 'mlx5_core'",
                                    "modprobe mlx5_core",
                                    "modprobe -i",
                                    ":"})
    EXPECT_EQ(loading("install mlx5_core " + command + "\n").evidence,
              "'install mlx5_core " + command + "' in /etc/modprobe.d/x.conf keeps mlx5_core from being loaded");
  EXPECT_EQ(loading("install mlx5* modprobe -i mlx5_core\n").evidence,
            "'install mlx5* modprobe -i mlx5_core' in /etc/modprobe.d/x.conf keeps mlx5_ib from being loaded");
  EXPECT_EQ(loading("install mlx[4-6]-core /bin/false\n").evidence,
            "'install mlx[4-6]-core /bin/false' in /etc/modprobe.d/x.conf keeps mlx5_core from being loaded");
  for (const std::string command :
       {"/usr/sbin/modprobe -qi mlx5-core prof_sel=2 || true; exit 0",
        "/sbin/modprobe --ignore-install mlx5_core; /sbin/modprobe mlx5_ib; /sbin/modprobe -a "
        "ib_ipoib ib_umad",
        "modprobe -a -i ib_core mlx5_core >/dev/null 2>&1 && : # rmmod mlx5_core"})
    EXPECT_EQ(loading("install mlx5_core " + command + "\n"), (Check{"module loading", true, fine})) << command;
}

TEST(VerifyModuleLoading, TheCommandOfRdmaCoreIsNoFault) {
  // rdma-core, redhat/rdma.mlx4.sys.modprobe
  EXPECT_EQ(loading("install mlx4_core /sbin/modprobe --ignore-install mlx4_core $CMDLINE_OPTS && (if [ -f "
                    "/usr/libexec/mlx4-setup.sh -a -f /etc/rdma/mlx4.conf ]; then /usr/libexec/mlx4-setup.sh < "
                    "/etc/rdma/mlx4.conf; fi; /sbin/modprobe mlx4_en; if /sbin/modinfo mlx4_ib > /dev/null 2>&1; then "
                    "/sbin/modprobe mlx4_ib; fi)\n",
                    "", "mlx4_core")
                .status,
            Status::passed);
}

TEST(VerifyModuleLoading, TheKernelsOptionsCountToo) {
  EXPECT_EQ(loading("", "quiet modprobe.blacklist=floppy,mlx5_core").evidence,
            "the kernel's option modprobe.blacklist=floppy,mlx5_core keeps mlx5_core from being loaded");
  EXPECT_EQ(loading("", "module_blacklist=ib_ipoib").evidence,
            "the kernel's option module_blacklist=ib_ipoib keeps ib_ipoib from being loaded");
  EXPECT_EQ(loading("", "module_blacklist=floppy"), (Check{"module loading", true, fine}));
}

TEST(VerifyModuleLoading, TheKernelRemovesQuotesAndTreatsDashesAsUnderscores) {
  for (const std::string options : {"module-blacklist=mlx5_core", "\"module_blacklist=mlx5_core\"",
                                    "module_blacklist=\"mlx5-core\"", "quiet \"modprobe.blacklist=floppy,mlx5_core\""})
    EXPECT_TRUE(loading("", options).failed()) << options;
  EXPECT_EQ(loading("", "\"module-blacklist=mlx5-core\"").evidence,
            "the kernel's option module-blacklist=mlx5-core keeps mlx5_core from being loaded");
  for (const std::string options : {"module_blacklist", "module_blacklist=", "x.module_blacklist=mlx5_core"})
    EXPECT_EQ(loading("", options), (Check{"module loading", true, fine})) << options;
}

TEST(VerifyModuleLoading, TheDependenciesMustLoadToo) {
  EXPECT_EQ(loading("install mlx_compat /bin/false\n").evidence,
            "'install mlx_compat /bin/false' in /etc/modprobe.d/x.conf keeps mlx_compat from being loaded");
  EXPECT_EQ(loading("install pci-hyperv-intf /bin/true\n").evidence,
            "'install pci-hyperv-intf /bin/true' in /etc/modprobe.d/x.conf keeps pci_hyperv_intf from being loaded");
  EXPECT_EQ(loading("alias mlxfw off\n").evidence,
            "'alias mlxfw off' in /etc/modprobe.d/x.conf keeps mlxfw from being loaded");
  EXPECT_EQ(loading("", "module_blacklist=mlx_compat").evidence,
            "the kernel's option module_blacklist=mlx_compat keeps mlx_compat from being loaded");
  // kmod loads a blacklisted dependency.
  EXPECT_EQ(loading("blacklist mlx_compat\n", "modprobe.blacklist=mlxfw"), (Check{"module loading", true, fine}));
  EXPECT_EQ(loading("install tls /bin/false\n", "module_blacklist=tls"), (Check{"module loading", true, fine}));
  EXPECT_EQ(loading("install mlx_compat /sbin/modprobe -i mlx_compat\n"), (Check{"module loading", true, fine}));
}

TEST(VerifyModuleLoading, AModulesDepWithTooManyDependenciesIsAFault) {
  std::string line = "mlx5_core.ko:";
  for (int i = 0; i < 1000; ++i) line += " m" + std::to_string(i) + ".ko";
  guest::MemoryGuest guest;
  guest.with_file("/lib/modules/K/modules.dep", line + "\n");
  EXPECT_EQ(loading_in(guest).evidence,
            "modules.dep of K names too many dependencies of mlx5_core and the modules of RDMA");
}

TEST(VerifyModuleLoading, FindsEveryPatternThatMatchesTheCard) {
  for (const std::string pattern :
       {"pci:v0000?5B3d*", "pci:v0000[1]5B3d*", "pci:v000015B3d0000101Csv*", "pci:v000015b3d*", "pci:*", "pci:v*",
        "*15B3*", "pci:v*d*sv*sd*bc02sc07i*", "pci:v000015B3d00001018sv000015B3sd00000003bc02sc07i00",
        "pci:v000015B3d*sv*sd*bc02sc80i*"})
    EXPECT_EQ(loading("alias " + pattern + " off\n").evidence,
              "'alias " + pattern + " off' in /etc/modprobe.d/x.conf keeps the driver of the card from being loaded");
  EXPECT_TRUE(loading("alias pci:v000015B3d00001018* mlx4_core\n").failed());
  EXPECT_TRUE(loading("alias pci:v000015B3d00001004* off\n", "", "mlx4_core").failed());
  for (const std::string pattern : {"pci:v000015B4d*", "pci:v000015B3d00001004*", "pci:v*d*sv*sd*bc0Csc03i30*",
                                    "pci:v000015B3d00001018sv*sd*bc01*", "pci:v00008086d*sv000015B3sd*"})
    EXPECT_EQ(loading("alias " + pattern + " off\n"), (Check{"module loading", true, fine})) << pattern;
  EXPECT_EQ(loading("alias pci:v000015B3d* mlx5_ib\n"), (Check{"module loading", true, fine}));
}

TEST(VerifyModuleLoading, OtherCommandsAreNoFault) {
  const std::string text =
      "# blacklist mlx5_core\n"
      "install mlx5_core /sbin/modprobe --ignore-install mlx5_core $CMDLINE_OPTS && /sbin/modprobe mlx5_ib\n"
      "install ib_core modprobe -i ib-core; true\n"
      "remove mlx5_core /sbin/modprobe -r mlx5_ib\n"
      "options mlx5_core prof_sel=2\nalias netdev-ib* ib_ipoib\nalias pci:v000015B3d* mlx5_core\nalias ib0 off\n"
      "blacklist mlx4_core\nblacklist rds_rdma\nblacklist\n";
  EXPECT_EQ(loading(text), (Check{"module loading", true, fine}));
  EXPECT_TRUE(loading(text, "", "mlx4_core").failed());
}

TEST(VerifyModuleLoading, AFileHidesFilesOfTheSameName) {
  guest::MemoryGuest guest;
  guest.with_file("/usr/lib/modprobe.d/mlx.conf", "blacklist mlx5_core\n")
      .with_file("/usr/lib/modprobe.d/note.txt", "blacklist mlx5_core\n");
  EXPECT_EQ(loading_in(guest).evidence,
            "'blacklist mlx5_core' in /usr/lib/modprobe.d/mlx.conf keeps mlx5_core from being loaded");
  guest.with_file("/etc/modprobe.d/mlx.conf", "");
  EXPECT_EQ(loading_in(guest), (Check{"module loading", true, fine}));
}

TEST(VerifyModuleLoading, OnlyAFileOfTheAdministratorHidesOthers) {
  guest::MemoryGuest guest;
  guest.with_file("/usr/local/lib/modprobe.d/mlx.conf", "")
      .with_file("/usr/lib/modprobe.d/mlx.conf", "")
      .with_file("/lib/modprobe.d/mlx.conf", "blacklist mlx5_core\n");
  EXPECT_EQ(loading_in(guest).evidence,
            "'blacklist mlx5_core' in /lib/modprobe.d/mlx.conf keeps mlx5_core from being loaded");
  guest.with_file("/etc/modprobe.d/mlx.conf", "");
  EXPECT_EQ(loading_in(guest), (Check{"module loading", true, fine}));
}

TEST(VerifyModuleLoading, AFileOfAMergedDirectoryIsNamedOnce) {
  guest::MemoryGuest guest;
  guest.with_file("/usr/lib/modprobe.d/mlx.conf", "blacklist mlx5_core\n").with_link("/lib", "usr/lib");
  EXPECT_EQ(loading_in(guest).evidence,
            "'blacklist mlx5_core' in /usr/lib/modprobe.d/mlx.conf keeps mlx5_core from being loaded");
}

}  // namespace
}  // namespace bake::verify
