// The options `openibd_restart`, `rdma_names` and `load_modules`, and the program that names RDMA devices.
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

/// A recipe with everything that the profile azhpc turns on.
recipe::Configure azhpc() {
  recipe::Configure configure;
  configure.openibd_restart = true;
  configure.rdma_names = recipe::RdmaNames::azure;
  configure.load_modules = {"ib_ipoib", "ib_umad"};
  return configure;
}

Inputs focal(const std::string& systemd = "245.4-4ubuntu3.20", const std::string& iproute2 = "5.5.0-1ubuntu1") {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  inputs.recipe.configure = azhpc();
  inputs.facts.packages.packages.push_back({"systemd", systemd, "amd64"});
  inputs.facts.packages.packages.push_back({"iproute2", iproute2, "amd64"});
  return inputs;
}

Inputs el(const std::string& systemd, const std::string& iproute) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.recipe.configure = azhpc();
  inputs.facts.packages.packages.push_back({"systemd", systemd, "x86_64"});
  inputs.facts.packages.packages.push_back({"iproute", iproute, "x86_64"});
  return inputs;
}

std::vector<std::string> paths_of(const Plan& plan) {
  std::vector<std::string> paths;
  for (const auto& file : plan.option_files) paths.push_back(file.path);
  return paths;
}

const OptionFile& file_of(const Plan& plan, const std::string& path) {
  for (const auto& file : plan.option_files)
    if (file.path == path) return file;
  throw std::runtime_error("no file " + path);
}

TEST(PlanOptions, AreOffByDefault) {
  auto inputs = focal();
  inputs.recipe.configure = {};
  EXPECT_THAT(make(inputs).plan.option_files, IsEmpty());
}

TEST(PlanOptions, OfAzhpcWriteTheirFiles) {
  const auto outcome = make(focal());
  const auto& plan = outcome.plan;
  EXPECT_TRUE(outcome.ok());
  EXPECT_THAT(paths_of(plan),
              ElementsAre("/etc/modules-load.d/bake-rdma.conf", "/etc/udev/rules.d/60-rdma-persistent-naming.rules",
                          "/etc/udev/rules.d/90-bake-rdma-names.rules", "/usr/sbin/bake-rdma-names",
                          "/etc/systemd/system/bake-rdma-names.service",
                          "/etc/systemd/system/openibd.service.d/20-restart.conf"));
  EXPECT_EQ(file_of(plan, path::load_modules).text, "# Modules that are loaded at boot.\nib_ipoib\nib_umad\n");
  EXPECT_EQ(file_of(plan, path::rdma_names_rules).text,
            "ACTION==\"add\", SUBSYSTEM==\"infiniband\", TAG+=\"systemd\", "
            "ENV{SYSTEMD_WANTS}+=\"bake-rdma-names.service\"\n");
  EXPECT_EQ(file_of(plan, path::rdma_names).mode, 0755U);
  EXPECT_THAT(plan.enable_services, Contains("bake-rdma-names.service"));
  EXPECT_THAT(plan.expectations.services, Contains("bake-rdma-names.service"));
  EXPECT_EQ(plan.expectations.option_files.size(), 6U);
  for (const auto& file : plan.option_files) {
    EXPECT_EQ(plan.expectations.option_files.at(file.path), state_of(file));
    EXPECT_NE(to_text(outcome).find("  " + file.path + "  " + file.what + "\n"), std::string::npos) << file.path;
  }
}

TEST(PlanOptions, TheKernelsNamesNeedNoProgram) {
  auto inputs = focal("", "");
  inputs.recipe.configure = {};
  inputs.recipe.configure.rdma_names = recipe::RdmaNames::kernel;
  const auto plan = make(inputs).plan;
  EXPECT_THAT(paths_of(plan), ElementsAre("/etc/udev/rules.d/60-rdma-persistent-naming.rules"));
  for (const auto& line : split_lines(plan.option_files.front().text)) EXPECT_TRUE(line.starts_with("#")) << line;
  EXPECT_THAT(plan.enable_services, Not(Contains("bake-rdma-names.service")));
}

// An older systemd refuses the whole unit, and openibd would not start at all.
TEST(PlanOptions, LeaveOutWhatTheGuestIsTooOldFor) {
  const auto plan = make(el("219-67.el7_7.4", "4.11.0-25.el7")).plan;
  EXPECT_THAT(paths_of(plan),
              ElementsAre("/etc/modules-load.d/bake-rdma.conf", "/etc/udev/rules.d/60-rdma-persistent-naming.rules"));
  EXPECT_THAT(plan.warnings,
              Contains("systemd 219-67.el7_7.4 does not load openibd.service with Restart=: 'openibd_restart' is left "
                       "out"));
  EXPECT_THAT(plan.warnings, Contains("'rdma_names: azure' needs 'rdma dev set' of iproute2 5.0, the image has "
                                      "4.11.0-25.el7: RDMA devices keep the kernel's names"));
}

TEST(PlanOptions, KnowWhichSystemdRestartsAOneshotUnit) {
  const auto restarts = [](const Inputs& inputs) {
    const auto plan = make(inputs).plan;
    const auto paths = paths_of(plan);
    return std::find(paths.begin(), paths.end(), path::openibd_restart) != paths.end();
  };
  EXPECT_FALSE(restarts(el("239-58.el8_6.9", "5.3.0-1.el8")));
  EXPECT_TRUE(restarts(el("239-68.el8", "5.18.0-1.el8")));
  EXPECT_TRUE(restarts(el("252-13.el9_2", "6.1.0-1.el9")));
  EXPECT_FALSE(restarts(focal("237-3ubuntu10.57")));
  EXPECT_FALSE(restarts(focal("")));
}

TEST(PlanOptions, WithoutOpenibdThereIsNothingToRestart) {
  auto inputs = focal();
  inputs.resolution.choice.inbox = true;
  inputs.resolution.closure.changes.clear();
  const auto plan = make(inputs).plan;
  EXPECT_THAT(paths_of(plan), Not(Contains("/etc/systemd/system/openibd.service.d/20-restart.conf")));
  EXPECT_EQ(file_of(plan, path::load_modules).text,
            "# Modules that are loaded at boot.\nib_ipoib\nib_umad\nib_uverbs\nrdma_ucm\n");
}

/// Runs the program on a directory like /sys, in which `rdma dev set` renames a directory.
class RdmaNames : public ::testing::Test {
 protected:
  RdmaNames() {
    auto text = file_of(make(focal()).plan, path::rdma_names).text;
    write("program", replace_all(std::move(text), "/sys/class/infiniband", at("class")));
    write("rdma", "#!/bin/sh\nset -e\n[ \"$1 $2 $4\" = \"dev set name\" ]\nmv \"" + at("class") + "/$3\" \"" +
                      at("class") + "/$5\"\n");
    fs::permissions(at("rdma"), fs::perms::owner_all);
    fs::create_directories(at("drivers/mlx5_core"));
    fs::create_directories(at("drivers/mana"));
    fs::create_directories(at("class"));
  }

  [[nodiscard]] std::string at(const std::string& name) const { return (directory_.path() / name).string(); }
  void write(const std::string& name, const std::string& text) const { write_text_atomically(at(name), text); }
  void add(const std::string& name, const std::string& address, const std::string& layer,
           const std::string& driver = "mlx5_core") const {
    fs::create_directories(at("pci/" + address));
    fs::create_directories(at("class/" + name + "/ports/1"));
    write("class/" + name + "/ports/1/link_layer", layer + "\n");
    std::error_code exists;
    fs::create_directory_symlink(at("drivers/" + driver), at("pci/" + address + "/driver"), exists);
    fs::create_directory_symlink(at("pci/" + address), at("class/" + name + "/device"));
  }
  ProgramResult run() const {
    return run_program({"/bin/sh", "-c", "PATH=\"$1:$PATH\" exec /bin/sh \"$1/program\"", "sh", at("")});
  }
  /// "NAME ADDRESS" of each device.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(at("class")))
      found.push_back(entry.path().filename().string() + " " +
                      fs::read_symlink(entry.path() / "device").filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }

  TemporaryDirectory directory_;
};

TEST_F(RdmaNames, AreInTheOrderOfThePciAddresses) {
  add("mlx5_0", "0102:00:00.0", "InfiniBand");
  add("mlx5_1", "0101:00:00.0", "InfiniBand");
  add("rocep2s0", "d3f4:00:02.0", "Ethernet");
  add("mana_0", "7870:00:00.0", "Ethernet", "mana");
  const auto result = run();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(names(), ElementsAre("mana_0 7870:00:00.0", "mlx5_an0 d3f4:00:02.0", "mlx5_ib0 0101:00:00.0",
                                   "mlx5_ib1 0102:00:00.0"));
  EXPECT_EQ(result.out,
            "0101:00:00.0: mlx5_1 is now mlx5_ib0\n"
            "0102:00:00.0: mlx5_0 is now mlx5_ib1\n"
            "d3f4:00:02.0: rocep2s0 is now mlx5_an0\n");
}

TEST_F(RdmaNames, StayWhenADeviceComesBack) {
  add("mlx5_ib1", "0101:00:00.0", "InfiniBand");
  add("mlx5_an0", "0001:00:00.0", "Ethernet");
  add("mlx5_4", "0102:00:00.0", "InfiniBand");
  EXPECT_EQ(run().status, 0);
  EXPECT_THAT(names(), ElementsAre("mlx5_an0 0001:00:00.0", "mlx5_ib0 0102:00:00.0", "mlx5_ib1 0101:00:00.0"));
  EXPECT_EQ(run().out, "");
}

TEST_F(RdmaNames, NothingIsRenamedWithoutADevice) {
  const auto result = run();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out + result.err, "");
}

TEST_F(RdmaNames, AFailureIsTheResultOfTheService) {
  add("mlx5_0", "0101:00:00.0", "InfiniBand");
  write("rdma", "#!/bin/sh\nexit 1\n");
  fs::permissions(at("rdma"), fs::perms::owner_all);
  EXPECT_EQ(run().status, 1);
}

}  // namespace
}  // namespace bake::plan
