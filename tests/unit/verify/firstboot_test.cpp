#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bake/assets/assets.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/memory.hpp"
#include "bake/verify/guest.hpp"

namespace bake::verify {
namespace {

constexpr const char* program = "/usr/sbin/ib-firstboot";
constexpr const char* unit = "/etc/systemd/system/ib-firstboot.service";
constexpr const char* late_unit = "/etc/systemd/system/ib-firstboot-late.service";
constexpr const char* conf = "/etc/ib-firstboot.conf";
constexpr const char* conf_text =
    "# The driver\nOS=centos-7.7\nOFED=5.5-1.0.3.2\nMODULE=mlx5_core\nMODULE_VERSION=5.5-1.0.3\nWAIT=60\n";

/// An image with ib-firstboot that this bake made.
struct Image {
  guest::MemoryGuest guest;
  guest::Facts facts;
  plan::Expectations expected;

  Image() {
    guest.with_file(program, assets::firstboot(), 0755)
        .with_file(unit, assets::firstboot_unit())
        .with_file("/etc/systemd/system/ib-ready.target", assets::ready_target())
        .with_file(conf, conf_text);
    facts.os = {"centos", "7.7", ""};
    facts.baked_manifest = R"({"bake":")" BAKE_VERSION R"("})";
    expected.ofed = "5.5-1.0.3.2";
    expected.module = "mlx5_core";
    expected.module_version = "5.5-1.0.3";
    expected.firstboot_sha256 = assets::firstboot_digest();
  }

  Check check() { return verify_firstboot(guest, facts, expected); }
  /// The evidence with `text` in place of the content of `path`.
  std::string evidence_with(const std::string& path, const std::string& text) {
    const auto before = guest.read(path).value_or("");
    guest.write(path, text);
    const auto found = check();
    EXPECT_TRUE(found.failed()) << text;
    guest.write(path, before);
    return found.evidence;
  }
};

TEST(VerifyFirstboot, WhatThisBakeWrotePasses) {
  Image image;
  EXPECT_EQ(image.check(),
            (Check{"ib-firstboot", true,
                   "the program, its unit and its configuration are as bake " BAKE_VERSION " writes them; sha256 " +
                       assets::firstboot_digest()}));
  // docs/firstboot.md lets a user delete this line, and choose another wait.
  const std::string text(assets::firstboot_unit());
  image.guest.write(unit, replace_all(text, "Before=walinuxagent.service waagent.service\n", ""));
  image.guest.write(conf, replace_all(conf_text, "WAIT=60", "WAIT=240"));
  EXPECT_EQ(image.check().status, Status::passed);
}

TEST(VerifyFirstboot, FindsAnotherProgram) {
  Image image;
  EXPECT_EQ(image.evidence_with(program, "x"), "/usr/sbin/ib-firstboot has the sha256 " + digest_of("x") +
                                                   ", the manifest in the image says " + assets::firstboot_digest());
  // The manifest in the image was changed along with it.
  image.expected.firstboot_sha256 = digest_of("x");
  EXPECT_EQ(image.evidence_with(program, "x"), "/usr/sbin/ib-firstboot has the sha256 " + digest_of("x") +
                                                   ", as the manifest in the image says, but that of bake " BAKE_VERSION
                                                   " is " +
                                                   assets::firstboot_digest());
  image.expected.firstboot_sha256 = assets::firstboot_digest();
  image.guest.set_mode(program, 0644);
  EXPECT_EQ(image.check().evidence, "/usr/sbin/ib-firstboot is not an executable file");
  image.guest.remove(program);
  EXPECT_EQ(image.check().evidence, "/usr/sbin/ib-firstboot is missing");
}

TEST(VerifyFirstboot, FindsAChangedUnit) {
  Image image;
  const std::string text(assets::firstboot_unit());
  EXPECT_EQ(
      image.evidence_with(unit, replace_all(text, "ExecStart=/usr/sbin/ib-firstboot check", "ExecStart=/bin/true")),
      "/etc/systemd/system/ib-firstboot.service has 'ExecStart=/bin/true' in place of "
      "'ExecStart=/usr/sbin/ib-firstboot check'");
  EXPECT_EQ(image.evidence_with(unit, text + "Alias=x.service\n"),
            "/etc/systemd/system/ib-firstboot.service has 'Alias=x.service' in place of nothing");
  EXPECT_EQ(image.evidence_with("/etc/systemd/system/ib-ready.target", "[Unit]\n"),
            "/etc/systemd/system/ib-ready.target has nothing in place of 'Description=InfiniBand is ready'");
  image.guest.make_link("/dev/null", unit);
  EXPECT_EQ(image.check().evidence, "/etc/systemd/system/ib-firstboot.service is missing");
}

TEST(VerifyFirstboot, ALineThatSystemdDoesNotReadAsOneLineIsAFault) {
  Image image;
  const std::string text(assets::firstboot_unit());
  const std::string before = "Before=walinuxagent.service waagent.service\n";
  const std::string start = "ExecStart=/usr/sbin/ib-firstboot check\n";
  EXPECT_EQ(
      image.evidence_with(unit, replace_all(text, start, "Before=network.target \\\n" + start)),
      "/etc/systemd/system/ib-firstboot.service has 'Before=network.target \\', which systemd does not read as one "
      "line");
  for (const std::string& line :
       {std::string("# note \\\n"), std::string("Before=a.service\\ \n"), std::string("# note\rExecStartPre=/x\n"),
        std::string("Before=a\0ExecStop=/x\n", 21), "#" + std::string(2046, 'x') + "ExecStopPost=/x\n"})
    image.evidence_with(unit, replace_all(text, before, line));
  image.facts.baked_manifest = R"({"bake":"0.0.1"})";
  image.expected.firstboot_sha256 = digest_of("older");
  image.guest.write(program, "older");
  EXPECT_EQ(image.evidence_with(unit, "[Service]\n# x \\\nExecStart=/usr/sbin/ib-firstboot check\n"),
            "/etc/systemd/system/ib-firstboot.service has '# x \\', which systemd does not read as one line");
  image.guest.with_file("/etc/systemd/system/service.d/x.conf", "[Service]\n# x\rExecStartPre=/x\n");
  EXPECT_EQ(image.check().evidence, "/etc/systemd/system/service.d/x.conf changes the unit");
}

TEST(VerifyFirstboot, FindsWhatOverridesTheUnit) {
  Image image;
  image.guest.with_file("/etc/systemd/system/ib-firstboot.service.d/x.conf", "[Service]\nExecStart=\n")
      .with_file("/usr/lib/systemd/system/ib-.service.d/y.conf")
      .with_file("/usr/lib/systemd/system/ib-.service.d/README")
      .with_file("/etc/systemd/system.control/ib-firstboot.service");
  EXPECT_EQ(image.check().evidence,
            "/etc/systemd/system.control/ib-firstboot.service replaces the unit; "
            "/etc/systemd/system/ib-firstboot.service.d/x.conf changes the unit; "
            "/usr/lib/systemd/system/ib-.service.d/y.conf changes the unit");
}

TEST(VerifyFirstboot, FindsADropInForEveryService) {
  Image image;
  image.guest
      .with_file("/usr/lib/systemd/system/service.d/10-timeout-abort.conf",
                 "# comment\n[Service]\nTimeoutStopFailureMode=abort\n")
      .with_file("/etc/systemd/system/service.d/limits.conf", "[Service]\nMemoryMax=1G\nTasksMax=100\n")
      .with_link("/etc/systemd/system/service.d/masked.conf", "/dev/null")
      .with_file("/etc/systemd/system/service.d/note.txt", "[Service]\nExecStart=\n");
  EXPECT_EQ(image.check().status, Status::passed);
  image.guest.with_file("/etc/systemd/system/service.d/x.conf", "[Service]\nMemoryMax=1G\nEnvironment=LD_PRELOAD=/x\n")
      .with_file("/usr/lib/systemd/system/service.d/y.conf", "[Unit]\nConditionPathExists=/x\n")
      .with_file("/etc/systemd/system.attached/ib-firstboot.service.d/z.conf");
  EXPECT_EQ(image.check().evidence,
            "/etc/systemd/system/service.d/x.conf changes the unit; "
            "/etc/systemd/system.attached/ib-firstboot.service.d/z.conf changes the unit; "
            "/usr/lib/systemd/system/service.d/y.conf changes the unit");
}

TEST(VerifyFirstboot, ChecksTheLateUnitOnlyWhenTheBakeInstalledIt) {
  Image image;
  image.guest.with_file("/etc/systemd/system/ib-firstboot-late.service.d/x.conf", "[Service]\nExecStart=\n");
  EXPECT_EQ(image.check().status, Status::passed);
  image.expected.services = {"ib-firstboot.service", "ib-firstboot-late.service"};
  EXPECT_EQ(image.check().evidence,
            "/etc/systemd/system/ib-firstboot-late.service is missing; "
            "/etc/systemd/system/ib-firstboot-late.service.d/x.conf changes the unit");
  image.guest.remove("/etc/systemd/system/ib-firstboot-late.service.d/x.conf");
  image.guest.with_file(late_unit, assets::firstboot_late_unit());
  EXPECT_EQ(image.check(),
            (Check{"ib-firstboot", true,
                   "the program, its units and its configuration are as bake " BAKE_VERSION " writes them; sha256 " +
                       assets::firstboot_digest()}));
  EXPECT_EQ(image.evidence_with(late_unit, replace_all(std::string(assets::firstboot_late_unit()),
                                                       "/usr/sbin/ib-firstboot --check-address", "/bin/true")),
            "/etc/systemd/system/ib-firstboot-late.service has 'ExecStart=/bin/true' in place of "
            "'ExecStart=/usr/sbin/ib-firstboot --check-address'");
  image.facts.baked_manifest = R"({"bake":"0.0.1"})";
  EXPECT_EQ(image.check().status, Status::passed);
  EXPECT_EQ(image.evidence_with(late_unit, "[Service]\n"),
            "/etc/systemd/system/ib-firstboot-late.service does not start /usr/sbin/ib-firstboot");
}

TEST(VerifyFirstboot, FindsWhatOverridesTheLateUnit) {
  Image image;
  image.expected.services = {"ib-firstboot-late.service"};
  image.guest.with_file(late_unit, assets::firstboot_late_unit())
      .with_file("/etc/systemd/system/ib-firstboot-.service.d/x.conf")
      .with_file("/etc/systemd/system.control/ib-firstboot-late.service");
  EXPECT_EQ(image.check().evidence,
            "/etc/systemd/system.control/ib-firstboot-late.service replaces the unit; "
            "/etc/systemd/system/ib-firstboot-.service.d/x.conf changes the unit");
}

TEST(VerifyFirstboot, WantsTheStrictRateOfTheBake) {
  Image image;
  const auto strict = fmt::format("{}STRICT_RATE=1\n", conf_text);
  EXPECT_EQ(image.evidence_with(conf, strict), "/etc/ib-firstboot.conf has STRICT_RATE=1, the recipe has none");
  image.guest.write(conf, fmt::format("{}STRICT_RATE=0\n", conf_text));
  EXPECT_EQ(image.check().status, Status::passed);
  image.guest.write(conf, strict);
  image.expected.firstboot_strict_rate = true;
  EXPECT_EQ(image.check().status, Status::passed);
  EXPECT_EQ(image.evidence_with(conf, conf_text), "/etc/ib-firstboot.conf has no STRICT_RATE=1, the recipe has it");
}

TEST(VerifyFirstboot, ComparesTheConfigurationWithTheImage) {
  Image image;
  EXPECT_EQ(
      image.evidence_with(conf, fmt::format("{}MODULE=mlx4_core\nWAIT=241\n", conf_text)),
      "/etc/ib-firstboot.conf has MODULE=mlx4_core, the image has mlx5_core; /etc/ib-firstboot.conf has WAIT=241, "
      "which is not 0 to 240 seconds");
  EXPECT_EQ(image.evidence_with(conf, replace_all(conf_text, "OS=centos-7.7\nOFED=5.5-1.0.3.2\n", "OFED='5.9'\n")),
            "/etc/ib-firstboot.conf has OS=, the image has centos-7.7; /etc/ib-firstboot.conf has OFED=5.9, the image "
            "has 5.5-1.0.3.2");
  EXPECT_EQ(image.evidence_with(conf, replace_all(conf_text, "MODULE_VERSION=5.5-1.0.3", "MODULE_VERSION=1")),
            "/etc/ib-firstboot.conf has MODULE_VERSION=1, the image has 5.5-1.0.3");
  // For the program, a blank before the equals sign is part of the key.
  EXPECT_EQ(image.evidence_with(conf, replace_all(conf_text, "OS=centos-7.7", "OS=centos-7.8\nOS =centos-7.7")),
            "/etc/ib-firstboot.conf has OS=centos-7.8, the image has centos-7.7");
  image.guest.remove(conf);
  EXPECT_EQ(image.check().evidence, "/etc/ib-firstboot.conf is missing");
}

TEST(VerifyFirstboot, TheFilesOfAnotherBakeAreNotCompared) {
  Image image;
  image.facts.baked_manifest = R"({"bake":"0.0.1"})";
  image.expected.firstboot_sha256 = digest_of("older");
  image.guest.write(program, "older");
  image.guest.write(unit, "[Service]\nExecStart=/usr/sbin/ib-firstboot check --force\n");
  image.guest.remove("/etc/systemd/system/ib-ready.target");
  EXPECT_EQ(image.check(),
            skipped("ib-firstboot", "the program and its unit were not compared with those of bake " BAKE_VERSION
                                    ", because bake 0.0.1 made the image; the sha256 of the program is the one in the "
                                    "manifest in the image: " +
                                        digest_of("older")));
  EXPECT_EQ(image.evidence_with(unit, "[Service]\nExecStart=/bin/true\n"),
            "/etc/systemd/system/ib-firstboot.service has 'ExecStart=/bin/true'; "
            "/etc/systemd/system/ib-firstboot.service does not start /usr/sbin/ib-firstboot");
  image.expected.firstboot_sha256 = "";
  EXPECT_EQ(image.check(), skipped("ib-firstboot", "the bake did not install it"));
}

TEST(VerifyFirstboot, TheSameFilesOfAnotherBakePass) {
  Image image;
  image.facts.baked_manifest = R"({"bake":"0.0.1"})";
  EXPECT_EQ(image.check().status, Status::passed);
  image.guest.with_file("/etc/systemd/system/ib-firstboot.service.d/x.conf");
  EXPECT_TRUE(image.check().failed());
}

TEST(VerifyFirstboot, AProgramThatNothingVouchesForIsAdvice) {
  Image image;
  image.facts.baked_manifest = R"({"bake":"0.0.1"})";
  image.expected.firstboot_sha256 = digest_of("older");
  image.guest.write(program, "older");
  const auto before = image.check();
  ASSERT_EQ(before.status, Status::skipped);
  std::vector<Check> checks{skipped("holds", "none"), before, {"agent", true, "set"}};
  advise_unvouched_firstboot(checks);
  EXPECT_EQ(checks[0], skipped("holds", "none"));
  EXPECT_TRUE(checks[1].advises());
  EXPECT_EQ(checks[1].evidence, before.evidence + ". Anyone who can write to the image could have changed both");
  EXPECT_EQ(checks[1].remedy,
            "compare the image with the manifest next to it or with the public key, or verify it with the bake that "
            "made it");
  EXPECT_TRUE(is_good(checks));
  make_strict(checks);
  EXPECT_FALSE(is_good({checks[1]}));
  std::vector<Check> passed{{"ib-firstboot", true, "as written"}};
  advise_unvouched_firstboot(passed);
  EXPECT_EQ(passed, (std::vector<Check>{{"ib-firstboot", true, "as written"}}));
}

}  // namespace
}  // namespace bake::verify
