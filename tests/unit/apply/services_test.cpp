#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
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

TEST(Services, AMissingUnitIsAnError) {
  guest::MemoryGuest guest;
  plan::Plan plan;
  plan.enable_services = {"openibd.service"};
  EXPECT_THROW(set_services(plan, guest), Error);
}

}  // namespace
}  // namespace bake::apply
