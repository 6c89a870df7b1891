// The systemd units of ib-firstboot: they use only keys of CentOS 7 (219) and Ubuntu 16.04 (229), and stay enabled.
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <sstream>

#include "bake/base/file.hpp"
#include "firstboot/sources.hpp"
#include "tests/support/firstboot_vm.hpp"

namespace firstboot_test {
namespace {

namespace fs = std::filesystem;

const std::string source = SOURCE_DIR "/firstboot/";
const std::string preset = "80-ib-firstboot.preset";
const std::vector<std::string> units{"ib-firstboot.service", "ib-ready.target", "ib-firstboot-late.service"};

/// First version of systemd with a key (systemd's NEWS; 1: no entry there).
const std::map<std::string, int> since{{"[Unit] Description", 1},
                                       {"[Unit] Documentation", 183},
                                       {"[Unit] Wants", 1},
                                       {"[Unit] Requires", 1},
                                       {"[Unit] After", 1},
                                       {"[Unit] Before", 1},
                                       {"[Service] Type", 1},
                                       {"[Service] RemainAfterExit", 1},
                                       {"[Service] ExecStart", 1},
                                       {"[Service] TimeoutStartSec", 188},
                                       {"[Service] StandardOutput", 1},
                                       {"[Service] StandardError", 1},
                                       {"[Install] WantedBy", 1}};

/// A file tree with the program, its units enabled by links as bake writes them, and this machine's other units.
class UnitTree : public ::testing::Test {
 protected:
  UnitTree() {
    root_.write("/usr/sbin/ib-firstboot", "");
    fs::permissions(root_.path("/usr/sbin/ib-firstboot"), fs::perms(0755));
    fs::create_directories(root_.path("/usr/lib/systemd"));
    fs::copy("/lib/systemd/system", root_.path("/usr/lib/systemd/system"),
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    for (const auto& unit : units) {
      root_.write("/etc/systemd/system/" + unit, bake::read_text(source + unit));
      root_.link("/etc/systemd/system/multi-user.target.wants/" + unit, "/etc/systemd/system/" + unit);
    }
  }

  [[nodiscard]] bake::ProgramResult run(std::vector<std::string> words) const {
    words.insert(words.begin() + 1, "--root=" + root_.path(""));
    return bake::run_program(words);
  }

  FakeVm root_;
};

TEST(FirstbootUnits, UseOnlyKeysOfSystemd219) {
  for (const auto& unit : units) {
    std::istringstream text(bake::read_text(source + unit));
    std::string section;
    for (std::string line; std::getline(text, line);) {
      if (line.empty() || line[0] == '#') continue;
      if (line[0] == '[') {
        section = line;
        continue;
      }
      const auto key = since.find(section + " " + line.substr(0, line.find('=')));
      ASSERT_NE(key, since.end()) << unit << ": " << line;
      EXPECT_LE(key->second, 219) << unit << ": " << line;
    }
  }
}

/// The timeout is longer than the maximum of WAIT plus 3 s.
TEST(FirstbootUnits, HaveATimeoutLongerThanTheMaximumWait) {
  const std::string unit = bake::read_text(source + units[0]);
  const std::string key = "\nTimeoutStartSec=";
  EXPECT_EQ(firstboot::parse_baked_facts("WAIT=240\n").wait, 240U);
  EXPECT_NE(firstboot::parse_baked_facts("WAIT=241\n").wait, 241U);
  EXPECT_EQ(unit.substr(unit.find(key) + key.size(), 4), "300\n");
}

TEST_F(UnitTree, PassesSystemdAnalyzeVerify) {
  const auto result = run({"systemd-analyze", "verify", units[0], units[1], units[2]});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out + result.err, "");
}

/// On CentOS and RHEL the default preset disables every unit that no other preset enables.
TEST_F(UnitTree, StaysEnabledAfterPresetAll) {
  const std::string other = "/etc/systemd/system/multi-user.target.wants/remote-fs.target";
  root_.link(other, "/usr/lib/systemd/system/remote-fs.target");
  root_.write("/usr/lib/systemd/system-preset/99-default-disable.preset", "disable *\n");
  root_.write("/etc/systemd/system-preset/" + preset, bake::read_text(source + preset));
  const auto result = run({"systemctl", "preset-all"});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const auto& unit : units) EXPECT_EQ(run({"systemctl", "is-enabled", unit}).out, "enabled\n");
  EXPECT_FALSE(fs::is_symlink(root_.path(other))) << "the presets were not applied";
}

}  // namespace
}  // namespace firstboot_test
