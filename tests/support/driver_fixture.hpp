// A store with a driver for Ubuntu 20.04, the facts about a guest, and a recipe for it.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "bake/guest/memory.hpp"
#include "bake/job/plan.hpp"
#include "tests/support/bundles.hpp"

namespace bake::job {

namespace fs = std::filesystem;

inline constexpr const char* azure = "5.4.0-1040-azure";

/// A store with a 5.5 bundle for Ubuntu 20.04, and a guest with the kernel of an Azure image.
class DriverTest : public ::testing::Test {
 protected:
  DriverTest() {
    add_bundle(testing::deb_bundle());
    recipe.name = "image";
    recipe.os = {"ubuntu", "20.04"};
    recipe.vm_sizes = {"Standard_HB120rs_v2"};
    recipe.ofed.choice = recipe::OfedChoice::version;
    recipe.ofed.version = "5.5-1.0.3.2";
    recipe.ofed.packages = {"mlnx-ofed-kernel-dkms"};
    facts.os = {"ubuntu", "20.04", "Ubuntu 20.04.6 LTS"};
    facts.family = guest::Family::deb;
    facts.arch = "x86_64";
    facts.kernels = {{azure, std::string("/boot/vmlinuz-") + azure, {}, {}, {}, {}, {}, false}};
    facts.default_kernel = azure;
    facts.packages.dump =
        "Package: bash\nStatus: install ok installed\nVersion: 5.0\nArchitecture: amd64\n\n"
        "Package: make\nStatus: install ok installed\nVersion: 4.2.1\nArchitecture: amd64\n\n";
    facts.packages.packages = {{"bash", "5.0", "amd64"}, {"make", "4.2.1", "amd64"}};
    facts.programs = {"make"};
    facts.layout.mounts = {{"/dev/sda1", "ext4", "/", 30ULL << 30U, 20ULL << 30U, ""}};
  }

  void add_bundle(const testing::BundleParts& parts) {
    write_text_atomically(scratch.path() / (parts.top + ".tgz"), parts.archive());
    store::AddOptions options;
    write_text_atomically(scratch.path() / "keys.asc", testing::vendor().public_key());
    options.keyrings = {scratch.path() / "keys.asc"};
    store.add(scratch.path() / (parts.top + ".tgz"), options, progress);
  }

  /// Returns a recipe for ConnectX-3 Pro with its last release, and user space only, so that no module is involved.
  void ask_for_fdr() {
    auto parts = testing::split_deb_bundle();
    parts.top = "MLNX_OFED_LINUX-4.9-4.1.7.0-ubuntu20.04-x86_64";
    add_bundle(parts);
    recipe.vm_sizes = {"Standard_NC24rs_v3"};
    recipe.ofed.version = "4.9-4.1.7.0";
    recipe.ofed.packages = {"libibverbs1"};
  }

  void boot(const std::string& kernel) {
    facts.kernels.front().release = kernel;
    facts.default_kernel = kernel;
  }

  plan::Outcome planned() { return make_plan(recipe, select_driver(recipe, environment), facts, environment); }

  void add_extras(const std::string& name, const std::string& distro, const std::map<std::string, std::string>& files) {
    fs::create_directory(scratch.path() / name);
    for (const auto& [file, content] : files) write_text_atomically(scratch.path() / name / file, content);
    store.add_extras(scratch.path() / name, name, distro, progress);
  }

  std::vector<std::string> changes_of(const plan::Outcome& outcome) const {
    std::vector<std::string> changes;
    for (const auto& change : outcome.plan.changes)
      changes.push_back(change.name + " " + change.version + " from " + std::to_string(change.payload));
    return changes;
  }

  TemporaryDirectory scratch;
  store::Store store{scratch.path() / "store"};
  SilentProgress progress;
  matrix::Matrix matrix = matrix::Matrix::built_in();
  Environment environment{matrix, store, progress, {}, [] { return 0U; }};
  recipe::Recipe recipe;
  guest::Facts facts;
  guest::MemoryGuest guest;
};

}  // namespace bake::job
