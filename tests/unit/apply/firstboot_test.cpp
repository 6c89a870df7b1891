#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/apply.hpp"
#include "bake/apply/steps.hpp"
#include "bake/assets/assets.hpp"
#include "bake/guest/memory.hpp"

namespace bake::apply {
namespace {

plan::Plan plan_with_firstboot() {
  plan::Plan plan;
  plan.install_firstboot = true;
  plan.os.id = "centos";
  plan.os.version = "7.7";
  plan.ofed = "5.5-1.0.3.2";
  plan.firstboot_wait = 90;
  plan.fit.kernel = "3.10.0-1062.el7.x86_64";
  plan.enable_services = {"ib-firstboot.service", "ib-ready.target"};
  plan.expectations.module = "mlx5_core";
  plan.expectations.module_origin = "vendor";
  plan.expectations.module_version = "5.5-1.0.3";
  return plan;
}

std::string conf(const std::string& ofed, const std::string& version) {
  return "# The driver of this image; ib-firstboot compares the started VM with it.\nOS=centos-7.7\nOFED=" + ofed +
         "\nMODULE=mlx5_core\nMODULE_VERSION=" + version + "\nWAIT=90\n";
}

TEST(ApplyFirstboot, IsInstalledAndEnabled) {
  guest::MemoryGuest guest;
  install_firstboot(plan_with_firstboot(), guest);
  set_services(plan_with_firstboot(), guest);
  EXPECT_EQ(guest.read("/usr/sbin/ib-firstboot"), assets::firstboot());
  EXPECT_EQ(guest.stat("/usr/sbin/ib-firstboot")->mode, 0755U);
  EXPECT_EQ(guest.read("/etc/ib-firstboot.conf"), conf("5.5-1.0.3.2", "5.5-1.0.3"));
  for (const std::string unit : {"ib-firstboot.service", "ib-ready.target"}) {
    const std::string path = "/etc/systemd/system/" + unit;
    EXPECT_TRUE(guest.exists(path));
    EXPECT_EQ(guest.read_link("/etc/systemd/system/multi-user.target.wants/" + unit), path);
    EXPECT_THAT(guest.read("/etc/systemd/system-preset/80-ib-firstboot.preset").value_or(""),
                ::testing::HasSubstr("\nenable " + unit + "\n"));
  }
}

TEST(ApplyFirstboot, TheLateUnitAndTheStrictRateAreOptional) {
  guest::MemoryGuest guest;
  const std::string unit = "/etc/systemd/system/ib-firstboot-late.service";
  auto plan = plan_with_firstboot();
  install_firstboot(plan, guest);
  EXPECT_FALSE(guest.exists(unit));
  plan.firstboot_late = plan.firstboot_strict_rate = true;
  plan.enable_services.emplace_back("ib-firstboot-late.service");
  install_firstboot(plan, guest);
  set_services(plan, guest);
  EXPECT_EQ(guest.read(unit), assets::firstboot_late_unit());
  EXPECT_EQ(guest.read_link("/etc/systemd/system/multi-user.target.wants/ib-firstboot-late.service"), unit);
  EXPECT_THAT(guest.read("/etc/systemd/system-preset/80-ib-firstboot.preset").value_or(""),
              ::testing::HasSubstr("\nenable ib-firstboot-late.service\n"));
  EXPECT_EQ(guest.read("/etc/ib-firstboot.conf"), conf("5.5-1.0.3.2", "5.5-1.0.3") + "STRICT_RATE=1\n");
}

TEST(ApplyFirstboot, IsLeftOutWhenTheRecipeSaysSo) {
  guest::MemoryGuest guest;
  const auto before = guest.paths();
  install_firstboot(plan::Plan{}, guest);
  EXPECT_EQ(guest.paths(), before);
}

/// Packages with sources do not state the version of their modules; the modules that DKMS built do.
TEST(ApplyFirstboot, ExpectsTheVersionThatWasBuiltInTheGuest) {
  guest::MemoryGuest guest;
  guest.with_answer("modinfo -k 3.10.0-1062.el7.x86_64 -F version mlx5_core 2>/dev/null\n", {0, "5.5-1.0.3\n"});
  auto plan = plan_with_firstboot();
  plan.expectations.module_version.clear();
  install_firstboot(plan, guest);
  EXPECT_EQ(guest.read("/etc/ib-firstboot.conf"), conf("5.5-1.0.3.2", "5.5-1.0.3"));
}

/// A kernel update may install another version, which is not a fault.
TEST(ApplyFirstboot, ExpectsNoVersionOfAnInboxDriver) {
  guest::MemoryGuest guest;
  auto plan = plan_with_firstboot();
  plan.ofed = "inbox";
  plan.expectations.module_origin = "inbox";
  plan.expectations.module_version.clear();
  install_firstboot(plan, guest);
  EXPECT_EQ(guest.read("/etc/ib-firstboot.conf"), conf("inbox", ""));
  EXPECT_EQ(guest.scripts().size(), 0U);
}

}  // namespace
}  // namespace bake::apply
