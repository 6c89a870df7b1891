#include <filesystem>
#include <gtest/gtest.h>
#include <set>

#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/memory.hpp"

namespace bake::apply {
namespace {

TEST(Services, AreEnabledByLinksWithTheirDirectories) {
  guest::MemoryGuest guest;
  guest.with_file("/usr/lib/systemd/system/openibd.service",
                  "[Unit]\nDescription=x\n[Install]\nWantedBy=sysinit.target\nRequiredBy=a.target\n");
  plan::Plan plan;
  plan.enable_services = {"openibd.service"};
  plan.openibd_after_udev = true;
  set_services(plan, guest);
  const std::string unit = "/usr/lib/systemd/system/openibd.service";
  EXPECT_EQ(guest.read_link("/etc/systemd/system/sysinit.target.wants/openibd.service"), unit);
  EXPECT_EQ(guest.read_link("/etc/systemd/system/a.target.requires/openibd.service"), unit);
  EXPECT_TRUE(guest.exists("/etc/systemd/system/openibd.service.d/10-udev-settle.conf"));
}

/// The message of the error with which enabling x.service fails whose unit of the administrator has `install`.
std::string refusal_of(const std::string& install) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
      .with_file("/etc/systemd/system/x.service", "[Service]\nExecStart=/x\n[Install]\n" + install);
  const auto before = guest.paths();
  plan::Plan plan;
  plan.enable_services = {"x.service"};
  std::string message;
  try {
    set_services(plan, guest);
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_EQ(guest.paths(), before) << install;
  EXPECT_EQ(guest.read("/etc/passwd"), "root:x:0:0::/root:/bin/sh\n") << install;
  return message;
}

TEST(Services, AWordOfInstallThatDoesNotNameAUnitIsRefused) {
  EXPECT_EQ(refusal_of("Alias=../../passwd\n"), "enabling 'x.service': Alias=../../passwd does not name a unit");
  EXPECT_EQ(refusal_of("Alias=y.service ../../../x/y.service\n"),
            "enabling 'x.service': Alias=../../../x/y.service does not name a unit");
  EXPECT_EQ(refusal_of("WantedBy=multi-user.target ../../cron\n"),
            "enabling 'x.service': WantedBy=../../cron does not name a unit");
  EXPECT_EQ(refusal_of("RequiredBy=a\x1b.target\n"),
            "enabling 'x.service': RequiredBy=a\\x1b.target does not name a unit");
  for (const std::string name : {"y", "y.conf", ".service", "..", "y.service.d", "y%i.service", "/etc/y.service"})
    EXPECT_EQ(refusal_of("Alias=" + name + "\n"), "enabling 'x.service': Alias=" + name + " does not name a unit");
}

TEST(Services, AliasesAreLinksInTheDirectoryOfTheAdministrator) {
  guest::MemoryGuest guest;
  const std::string path = "/etc/systemd/system/x.service";
  const std::string text = "[Service]\nExecStart=/x\n[Install]\nAlias=x.service a-b:c_d@1.socket dev-\\x2d.mount\n";
  guest.with_file(path, text);
  plan::Plan plan;
  plan.enable_services = {"x.service"};
  set_services(plan, guest);
  EXPECT_EQ(guest.read_link("/etc/systemd/system/a-b:c_d@1.socket"), path);
  EXPECT_EQ(guest.read_link("/etc/systemd/system/dev-\\x2d.mount"), path);
  // A link of the unit's own name would replace the unit.
  EXPECT_EQ(guest.read(path), text);
}

/// Runs set_services() on `root`: the real directory that the scripts change.
void disable_in(const std::filesystem::path& root, const std::string& unit) {
  guest::MemoryGuest guest;
  guest.with_handler([&](const std::string& script) -> std::optional<guest::ShellResult> {
    auto local = replace_all(script, " /etc/", " " + root.string() + "/etc/");
    const auto result = run_program({"/bin/sh", "-c", local});
    return guest::ShellResult{result.status, result.out + result.err};
  });
  plan::Plan plan;
  plan.disable_services = {unit};
  set_services(plan, guest);
}

TEST(Services, DisablingRemovesTheLinksOfUnitsAndTurnsThoseOfInitScripts) {
  const TemporaryDirectory root;
  namespace fs = std::filesystem;
  const auto etc = root.path() / "etc";
  for (const auto* directory : {"systemd/system/network.target.wants", "init.d", "rc2.d", "rc6.d"})
    fs::create_directories(etc / directory);
  fs::create_symlink("/lib/systemd/system/srptools.service",
                     etc / "systemd/system/network.target.wants/srptools.service");
  fs::create_symlink("/lib/systemd/system/ssh.service", etc / "systemd/system/network.target.wants/ssh.service");
  write_text_atomically(etc / "init.d/srptools", "#!/bin/sh\n");
  fs::create_symlink("../init.d/srptools", etc / "rc2.d/S03srptools");
  fs::create_symlink("../init.d/ssh", etc / "rc2.d/S03ssh");
  fs::create_symlink("../init.d/srptools", etc / "rc6.d/K01srptools");
  disable_in(root.path(), "srptools.service");
  std::set<std::string> links;
  for (const auto& entry : fs::recursive_directory_iterator(etc))
    if (entry.is_symlink()) links.insert(fs::relative(entry.path().parent_path(), etc) / entry.path().filename());
  EXPECT_EQ(links, (std::set<std::string>{"rc2.d/K01srptools", "rc2.d/S03ssh", "rc6.d/K01srptools",
                                          "systemd/system/network.target.wants/ssh.service"}));
}

TEST(Services, AMissingUnitIsAnError) {
  guest::MemoryGuest guest;
  plan::Plan plan;
  plan.enable_services = {"openibd.service"};
  EXPECT_THROW(set_services(plan, guest), Error);
}

}  // namespace
}  // namespace bake::apply
