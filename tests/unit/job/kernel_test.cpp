// Another default kernel: which packages it needs, and what the guest's facts are afterwards.
#include "bake/job/kernel.hpp"

#include <gmock/gmock.h>

#include "bake/plan/fetch_list.hpp"
#include "tests/support/driver_fixture.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/recording_progress.hpp"

namespace bake::job {
namespace {

using ::testing::ElementsAre;
using testing::make_deb;

constexpr const char* newer = "5.15.0-1089-azure";

std::string deb(const std::string& name, const std::string& more = {}) {
  return make_deb(name, "5.15.0-1089.98", "amd64", {}, more);
}

class KernelChange : public DriverTest {
 protected:
  KernelChange() {
    recipe.kernel = newer;
    recipe.change_kernel = true;
    facts.initramfs_tool = guest::InitramfsTool::initramfs_tools;
    facts.programs = {"make", "update-grub", "update-initramfs"};
  }

  void add_kernel() {
    add_extras("kernel", "ubuntu20.04",
               {{"image.deb", deb("linux-image-5.15.0-1089-azure", "Depends: linux-modules-5.15.0-1089-azure\n")},
                {"unsigned.deb", deb("linux-image-unsigned-5.15.0-1089-azure",
                                     "Depends: linux-modules-5.15.0-1089-azure\n"
                                     "Conflicts: linux-image-5.15.0-1089-azure\n")},
                {"modules.deb", deb("linux-modules-5.15.0-1089-azure")},
                {"more.deb", deb("linux-modules-extra-5.15.0-1089-azure")},
                {"headers.deb", deb("linux-headers-5.15.0-1089-azure", "Depends: linux-azure-headers-5.15.0-1089\n")},
                {"all.deb", deb("linux-azure-headers-5.15.0-1089")},
                {"other.deb", deb("linux-image-5.15.0-1090-azure")}});
  }

  plan::KernelPlan kernel() {
    return plan_kernel(recipe, select_driver(recipe, environment), facts, environment).value();
  }

  static std::vector<std::string> names_of(const plan::KernelPlan& kernel) {
    std::vector<std::string> names;
    for (const auto& change : kernel.changes) names.push_back(change.name);
    return names;
  }
  static std::vector<std::string> messages_of(const std::vector<plan::Refusal>& refusals) {
    std::vector<std::string> messages;
    for (const auto& refusal : refusals) messages.push_back(refusal.problem.where + ": " + refusal.problem.message);
    return messages;
  }
};

TEST_F(KernelChange, InstallsTheSignedKernelItsModulesAndItsHeaders) {
  add_kernel();
  const auto plan = kernel();
  EXPECT_TRUE(plan.ok()) << messages_of(plan.refusals).front();
  EXPECT_THAT(names_of(plan), ElementsAre("linux-azure-headers-5.15.0-1089", "linux-headers-5.15.0-1089-azure",
                                          "linux-image-5.15.0-1089-azure", "linux-modules-5.15.0-1089-azure",
                                          "linux-modules-extra-5.15.0-1089-azure"));
  EXPECT_EQ(plan.previous, azure);
  EXPECT_THAT(plan.deferred, ElementsAre("update-initramfs", "update-grub"));
}

TEST_F(KernelChange, IsNothingForTheDefaultKernel) {
  recipe.kernel = azure;
  EXPECT_EQ(plan_kernel(recipe, select_driver(recipe, environment), facts, environment), std::nullopt);
}

TEST_F(KernelChange, InstallsNothingForAKernelThatIsThere) {
  facts.kernels.push_back({newer, "/boot/vmlinuz", {}, {}, {}, {}, {}, false});
  const auto plan = kernel();
  EXPECT_TRUE(plan.ok());
  EXPECT_THAT(names_of(plan), ElementsAre());
  EXPECT_THAT(plan.deferred, ElementsAre());
}

TEST_F(KernelChange, AMissingKernelIsRefusedAndItsPackagesAreNamed) {
  const auto driver = select_driver(recipe, environment);
  auto plan = plan_kernel(recipe, driver, facts, environment);
  ASSERT_TRUE(plan);
  EXPECT_THAT(messages_of(plan->refusals),
              ElementsAre("linux-image-5.15.0-1089-azure: neither the image nor the extra packages have it"));
  const auto inputs = plan_inputs(recipe, driver, facts, environment, plan);
  EXPECT_EQ(inputs.facts.kernels.size(), 1U);
  std::vector<std::string> wanted;
  for (const auto& package : plan::fetch_list(inputs).packages) wanted.push_back(package.name);
  EXPECT_THAT(wanted, ElementsAre("dkms", "gcc", "libc6-dev", "linux-headers-5.15.0-1089-azure",
                                  "linux-image-5.15.0-1089-azure"));
  const auto outcome = plan::make(inputs);
  EXPECT_FALSE(outcome.ok());
  EXPECT_EQ(messages_of(outcome.refusals).front(),
            "linux-image-5.15.0-1089-azure: neither the image nor the extra packages have it");
}

TEST_F(KernelChange, IsRefusedWithoutUpdateGrub) {
  add_kernel();
  facts.programs.erase("update-grub");
  EXPECT_THAT(messages_of(kernel().refusals),
              ElementsAre("kernel 5.15.0-1089-azure: the guest has no update-grub, which writes the menu of GRUB"));
}

TEST_F(KernelChange, IsRefusedWithoutSpaceForIt) {
  add_kernel();
  facts.layout.mounts.push_back({"/dev/sda2", "ext4", "/boot", 200ULL << 20U, 100ULL << 20U, ""});
  const auto plan = kernel();
  ASSERT_EQ(plan.refusals.size(), 1U);
  EXPECT_EQ(plan.refusals[0].kind, ErrorKind::environment);
  EXPECT_EQ(messages_of(plan.refusals).front(),
            "space: the guest's file system on /boot has 100 MiB free and needs 160 MiB");
}

/// A guest in memory whose kernel change makes `boots` the default.
class FakeSession : public Session {
 public:
  explicit FakeSession(guest::Facts after) : after_(std::move(after)) {
    guest_.with_handler([](const std::string&) { return guest::ShellResult{}; });
    guest_.with_file("/boot/grub/grub.cfg",
                     "menuentry 'x' $menuentry_id_option 'gnulinux-5.15.0-1089-azure-advanced-U' {\n"
                     "\tlinux /boot/vmlinuz-5.15.0-1089-azure\n}\n");
    guest_.with_directory("/etc/default/grub.d");
  }
  guest::Guest& guest() override { return guest_; }
  guest::Facts inspect() override { return after_; }
  void finish() override {}

 private:
  guest::MemoryGuest guest_;
  guest::Facts after_;
};

TEST_F(KernelChange, FailsWhenGrubBootsAnotherKernelAfterwards) {
  facts.kernels.push_back({newer, "/boot/vmlinuz", {}, {}, {}, {}, {}, false});
  facts.default_kernel_how = "first entry of /boot/grub/grub.cfg";
  FakeSession session(facts);
  const auto error = error_of([&] { change_kernel(kernel(), session, progress); });
  EXPECT_EQ(error.kind(), ErrorKind::verification);
  EXPECT_EQ(error.message(),
            "making 5.15.0-1089-azure the default: GRUB boots 5.4.0-1040-azure (first entry of /boot/grub/grub.cfg)");
}

TEST_F(KernelChange, FailsWhenVmsOfAnotherGenerationBootAnotherKernel) {
  facts.kernels.push_back({newer, "/boot/vmlinuz", {}, {}, {}, {}, {}, false});
  const auto plan = kernel();
  facts.default_kernel = newer;
  facts.second_menu = guest::SecondMenu{2, "/boot/efi/EFI/x/grub.cfg", azure, std::string("boots ") + azure};
  FakeSession session(facts);
  const auto error = error_of([&] { change_kernel(plan, session, progress); });
  EXPECT_EQ(error.kind(), ErrorKind::verification);
  EXPECT_EQ(error.message(),
            "making 5.15.0-1089-azure the default: VMs of generation 2 read /boot/efi/EFI/x/grub.cfg, and it boots "
            "5.4.0-1040-azure");
}

TEST_F(KernelChange, WarnsWhenTheCommandLineChanged) {
  facts.kernels.push_back({newer, "/boot/vmlinuz", {}, {}, {}, {}, {}, false});
  facts.default_kernel_options = "root=UUID=R console=ttyS0";
  const auto plan = kernel();
  facts.default_kernel = newer;
  testing::RecordingProgress recording;
  FakeSession same(facts);
  change_kernel(plan, same, recording);
  EXPECT_THAT(recording.warned, ElementsAre());
  facts.default_kernel_options = "root=UUID=R quiet";
  FakeSession other(facts);
  change_kernel(plan, other, recording);
  EXPECT_THAT(recording.warned,
              ElementsAre("the command line of 5.15.0-1089-azure is 'root=UUID=R quiet', that of 5.4.0-1040-azure was "
                          "'root=UUID=R console=ttyS0'"));
}

TEST_F(KernelChange, ADamagedPayloadIsNotInstalledForAPlan) {
  add_kernel();
  const auto driver = select_driver(recipe, environment);
  const auto payload = driver.extras.at(0).payload();
  auto bytes = read_text(payload, std::size_t{64} << 20U);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_text_atomically(payload, bytes);
  const auto error = error_of([&] { facts_after(kernel(), {}, driver, environment); });
  EXPECT_EQ(error.kind(), ErrorKind::untrusted);
}

TEST_F(KernelChange, GivesTheFactsAboutTheChangedGuest) {
  facts.kernels.push_back({newer, "/boot/vmlinuz", {}, {}, {}, {}, {}, false});
  const auto plan = kernel();
  facts.default_kernel = newer;
  FakeSession session(facts);
  EXPECT_EQ(change_kernel(plan, session, progress).default_kernel, newer);
  EXPECT_EQ(session.guest().read("/etc/default/grub.d/zz-bake-kernel.cfg"),
            "# Written by bake: the driver fits this kernel.\nGRUB_DEFAULT=gnulinux-5.15.0-1089-azure-advanced-U\n");
}

}  // namespace
}  // namespace bake::job
