#include "bake/recipe/recipe.hpp"

#include <gtest/gtest.h>

#include "bake/base/error.hpp"

namespace bake::recipe {
namespace {

std::string problems_of(const std::string& text) {
  try {
    parse(text, "images/r.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.message();
  }
  return "no problem";
}

TEST(Recipe, UnderstandsNamesAsPeopleTypeThem) {
  const std::string rest = "schema: bake/v1\nbase: b.vhd\nvm_sizes: [hb120rs_v2]\nofed: MLNX_OFED 5.5\nos: ";
  for (const std::string os : {"ubuntu 20.04", "Ubuntu-20.04", "ubuntu20.04", "ubuntu:20.04"}) {
    const auto recipe = parse(rest + os + "\n", "/r.yaml");
    EXPECT_EQ(recipe.os.id, "ubuntu");
    EXPECT_EQ(recipe.os.version, "20.04");
    EXPECT_EQ(recipe.ofed.version, "5.5");
  }
  const auto focal = parse(rest + "focal\n", "/r.yaml");
  EXPECT_EQ(focal.os.id, "focal");
  EXPECT_EQ(focal.os.version, "");
}

TEST(Recipe, ReadsTheShortForm) {
  const auto recipe = parse("schema: bake/v1\nbase: base.vhd\nos: CentOS 7.7\nvm_sizes: Standard_HB60rs\nofed: inbox\n",
                            "images/r.yaml");
  EXPECT_EQ(recipe.name, "r");
  EXPECT_EQ(recipe.base.path, "images/base.vhd");
  EXPECT_EQ(recipe.os.id, "centos");
  EXPECT_EQ(recipe.os.version, "7.7");
  EXPECT_EQ(recipe.vm_sizes, std::vector<std::string>{"Standard_HB60rs"});
  EXPECT_EQ(recipe.ofed.choice, OfedChoice::inbox);
  EXPECT_TRUE(recipe.configure.enable_rdma);
  EXPECT_FALSE(recipe.configure.reset_labels);
  EXPECT_FALSE(recipe.generalize);
}

TEST(Recipe, ReportsEveryProblemAtOnce) {
  EXPECT_EQ(
      problems_of("schema: bake/v2\nbase: {path: b.vhd, sha256: 12}\nos: ubuntu\nvm_szies: [x]\n"
                  "ofed: {version: newest, profil: hpc}\nfirstboot: {wait: 9000}\n"),
      "reading recipe 'images/r.yaml': 8 problems\n"
      "  images/r.yaml:1: unknown schema 'bake/v2' (this bake reads bake/v1)\n"
      "  images/r.yaml:2: 'sha256' must be 64 hexadecimal digits, not '12'\n"
      "  images/r.yaml:3: 'os' must name a system and its release, not 'ubuntu' (for example: os: ubuntu 20.04)\n"
      "  images/r.yaml:1: recipe has no 'vm_sizes' (the VM sizes decide the card: vm_sizes: [Standard_HB120rs_v2])\n"
      "  images/r.yaml:5: 'version' must be auto, inbox or an OFED release, not 'newest' (for example: 5.5-1.0.3.2, or "
      "with the build of DOCA: doca-3.2.3-019000)\n"
      "  images/r.yaml:5: unknown key 'profil' in ofed (did you mean 'profile'?)\n"
      "  images/r.yaml:6: 'wait' must be a whole number from 0 to 240, not '9000'\n"
      "  images/r.yaml:4: unknown key 'vm_szies' in recipe (did you mean 'vm_sizes'?)");
}

TEST(Recipe, OptionsOfFirstbootNeedFirstboot) {
  const std::string head = "schema: bake/v1\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n";
  const auto plain = parse(head, "r.yaml").firstboot;
  EXPECT_FALSE(plain.late);
  EXPECT_FALSE(plain.strict_rate);
  const auto both = parse(head + "firstboot: {late: true, strict_rate: true}\n", "r.yaml").firstboot;
  EXPECT_TRUE(both.late);
  EXPECT_TRUE(both.strict_rate);
  EXPECT_EQ(problems_of(head + "firstboot: {install: false, late: false, strict_rate: false}\n"), "no problem");
  EXPECT_EQ(problems_of(head + "firstboot: {install: false, late: true, strict_rate: true}\n"),
            "reading recipe 'images/r.yaml': 2 problems\n"
            "  images/r.yaml:5: 'late: true' needs 'install: true' (remove one of them)\n"
            "  images/r.yaml:5: 'strict_rate: true' needs 'install: true'");
}

TEST(Recipe, RefusesANameThatLeavesTheDirectory) {
  EXPECT_EQ(
      problems_of("schema: bake/v1\nname: ../x\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n"),
      "reading recipe 'images/r.yaml': images/r.yaml:2: 'name' may contain letters, digits, '.', '_' and '-', not "
      "'../x' (it becomes part of file names)");
}

TEST(Recipe, NamesMadeFromFileNamesAreValid) {
  EXPECT_EQ(name_for("base"), "base");
  EXPECT_EQ(name_for("CentOS_7.7-hpc.2"), "CentOS_7.7-hpc.2");
  EXPECT_EQ(name_for("CentOS 7.7 (base)"), "CentOS-7.7-base");
  EXPECT_EQ(name_for("..hidden"), "hidden");
  EXPECT_EQ(name_for(" .x"), "x");
  EXPECT_EQ(name_for("größe"), "gr-e") << "two letters of two bytes each";
  EXPECT_EQ(name_for("a--b"), "a--b");
  EXPECT_EQ(name_for("(.)"), "image");
  EXPECT_EQ(name_for(""), "image");
  for (const std::string stem : {"CentOS 7.7 (base)", "../x", "größe", "a\nb", "-"}) {
    Recipe recipe;
    recipe.name = name_for(stem);
    recipe.base.path = "/images/b.vhd";
    recipe.os = {"ubuntu", "20.04"};
    recipe.vm_sizes = {"Standard_HB120rs_v2"};
    EXPECT_EQ(parse(write(recipe), "/images/r.yaml").name, recipe.name) << stem;
  }
}

TEST(Recipe, ReadsAKernelThatBecomesTheDefault) {
  const auto kernel_of = [](const std::string& line) {
    return parse("schema: bake/v1\nbase: b.vhd\nos: ubuntu 22.04\nvm_sizes: [a]\n" + line, "/images/r.yaml");
  };
  const auto changed = kernel_of("kernel: {release: 5.15.0-1089-azure}\n");
  EXPECT_EQ(changed.kernel, "5.15.0-1089-azure");
  EXPECT_TRUE(changed.change_kernel);
  const auto again = parse(write(changed), "/images/r.yaml");
  EXPECT_EQ(again.kernel, changed.kernel);
  EXPECT_TRUE(again.change_kernel);
  EXPECT_FALSE(kernel_of("kernel: 5.15.0-1089-azure\n").change_kernel);
  EXPECT_EQ(kernel_of("kernel: default\n").kernel, "");
}

TEST(Recipe, ReadsCustomizeAndWritesItBack) {
  const std::string text =
      "schema: bake/v1\nbase: b.vhd\nos: ubuntu 22.04\nvm_sizes: [a]\n"
      "customize:\n"
      "  packages: [lustre-client-utils, htop=3.0.5-7]\n"
      "  remove: [snapd]\n"
      "  files:\n"
      "    - {source: files/motd, path: /etc/motd, mode: 0640, owner: 0:4}\n"
      "  lines:\n"
      "    - {path: /etc/fstab, line: \"tmpfs /scratch tmpfs size=1g 0 0\"}\n"
      "  sysctl: {vm.nr_hugepages: 1024}\n"
      "  services: {enable: [chrony], disable: [x.timer], mask: [y]}\n"
      "  users:\n"
      "    - {name: hpc, groups: [sudo], authorized_keys: hpc.pub}\n"
      "  run: [setup.sh]\n"
      "  first_boot: [first.sh]\n";
  const auto recipe = parse(text, "/images/r.yaml");
  const auto& customize = recipe.customize;
  EXPECT_EQ(customize.packages, (std::vector<std::string>{"lustre-client-utils", "htop=3.0.5-7"}));
  EXPECT_EQ(customize.files, (std::vector<CustomFile>{{"/images/files/motd", "/etc/motd", 0640, 0, 4}}));
  EXPECT_EQ(customize.lines, (std::vector<CustomLine>{{"/etc/fstab", "tmpfs /scratch tmpfs size=1g 0 0"}}));
  EXPECT_EQ(customize.sysctl, (std::map<std::string, std::string>{{"vm.nr_hugepages", "1024"}}));
  EXPECT_EQ(customize.enable, std::vector<std::string>{"chrony.service"});
  EXPECT_EQ(customize.disable, std::vector<std::string>{"x.timer"});
  EXPECT_EQ(customize.mask, std::vector<std::string>{"y.service"});
  EXPECT_EQ(customize.users, (std::vector<CustomUser>{{"hpc", {"sudo"}, "/bin/bash", {"/images/hpc.pub"}}}));
  EXPECT_EQ(customize.run, std::vector<std::filesystem::path>{"/images/setup.sh"});
  EXPECT_EQ(parse(write(recipe), "/images/r.yaml").customize, customize);
}

TEST(Recipe, RefusesWhatACustomizeMustNotDo) {
  EXPECT_EQ(
      problems_of("schema: bake/v1\nbase: b.vhd\nos: ubuntu 22.04\nvm_sizes: [a]\ncustomize:\n"
                  "  packages: [\"a b\"]\n"
                  "  files:\n"
                  "    - {source: a, path: etc/motd}\n"
                  "    - {source: a, path: /etc/../x}\n"
                  "    - {source: a, path: /proc/x}\n"
                  "    - {source: a, path: /usr/bin/a, mode: 4755}\n"
                  "    - {source: a, path: /b, owner: hpc}\n"
                  "  users:\n"
                  "    - {name: root}\n"
                  "    - {name: \"a;b\", password: x}\n"),
      "reading recipe 'images/r.yaml': 9 problems\n"
      "  images/r.yaml:6: 'a b' in 'packages' is not a valid name\n"
      "  images/r.yaml:8: 'path' must be an absolute path of the image, not 'etc/motd' (for example: /etc/motd; not "
      "below /proc, /sys, /dev or /run)\n"
      "  images/r.yaml:9: 'path' must be an absolute path of the image, not '/etc/../x'\n"
      "  images/r.yaml:10: 'path' must be an absolute path of the image, not '/proc/x'\n"
      "  images/r.yaml:11: 'mode' must be permissions in octal, not '4755' (for example: mode: 0644; bake installs no "
      "setuid file)\n"
      "  images/r.yaml:12: 'owner' must be root or UID:GID, not 'hpc' (for example: owner: 1000:1000)\n"
      "  images/r.yaml:14: 'users' cannot change root\n"
      "  images/r.yaml:15: 'a;b' is not the name of an account (small letters, digits, '_' and '-'; first a letter; at "
      "most 32)\n"
      "  images/r.yaml:15: unknown key 'password' in users (known keys: authorized_keys, groups, name, shell)");
}

TEST(Recipe, RefusesAKernelReleaseThatIsAPath) {
  EXPECT_EQ(problems_of("schema: bake/v1\nbase: b.vhd\nos: ubuntu 22.04\nvm_sizes: [a]\nkernel: {release: ../x}\n"),
            "reading recipe 'images/r.yaml': images/r.yaml:5: 'release' must be a kernel release, not '../x' (for "
            "example: 5.15.0-1089-azure)");
}

TEST(Recipe, ReadsBackTheSameRecipeThatItWrote) {
  Recipe recipe;
  recipe.name = "hpc";
  recipe.base = {"/images/b.vhd", std::string(64, 'a')};
  recipe.os = {"ubuntu", "20.04"};
  recipe.vm_sizes = {"Standard_HB120rs_v2", "Standard_HC44rs"};
  recipe.ofed.choice = OfedChoice::version;
  recipe.ofed.version = "5.5-1.0.3.2";
  recipe.ofed.packages = {"rdma-core", "libibverbs1"};
  recipe.configure.hold_rdma = false;
  recipe.firstboot = {true, 90, true, true};
  recipe.configure.reset_labels = true;
  recipe.configure.openibd_restart = true;
  recipe.configure.rdma_names = RdmaNames::azure;
  recipe.configure.load_modules = {"ib_umad"};
  recipe.generalize = true;
  recipe.gallery = Gallery{"rg",
                           "g",
                           "d",
                           "p",
                           "o",
                           "s",
                           "westeurope",
                           "V2",
                           {"westeurope", "eastus"},
                           {"IsAcceleratedNetworkSupported=True", "DiskControllerTypes=SCSI,NVMe"}};
  const auto text = write(recipe);
  const auto again = parse(text, "r.yaml");
  EXPECT_EQ(write(again), text);
  EXPECT_EQ(again.base.path, recipe.base.path);
  EXPECT_EQ(again.ofed.packages, recipe.ofed.packages);
  EXPECT_FALSE(again.configure.hold_rdma);
  EXPECT_EQ(again.firstboot.wait_seconds, 90U);
  EXPECT_TRUE(again.firstboot.late);
  EXPECT_TRUE(again.firstboot.strict_rate);
  EXPECT_TRUE(again.configure.reset_labels);
  EXPECT_TRUE(again.configure.openibd_restart);
  EXPECT_EQ(again.configure.rdma_names, RdmaNames::azure);
  EXPECT_EQ(again.configure.load_modules, recipe.configure.load_modules);
  EXPECT_EQ(again.gallery->target_regions, recipe.gallery->target_regions);
  EXPECT_EQ(again.gallery->features, recipe.gallery->features);
}

constexpr const char* minimal = "schema: bake/v1\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n";

Configure configured(const std::string& text) { return parse(minimal + text, "r.yaml").configure; }

TEST(Recipe, TheOptionsForTheVmAreOffByDefault) {
  for (const auto* text : {"", "configure: {enable_rdma: true}\n", "configure: {profile: default}\n"}) {
    const auto configure = configured(text);
    EXPECT_FALSE(configure.openibd_restart);
    EXPECT_EQ(configure.rdma_names, RdmaNames::inbox);
    EXPECT_EQ(configure.load_modules, std::vector<std::string>{});
  }
}

TEST(Recipe, TheProfileAzhpcTurnsThemOn) {
  const auto configure = configured("configure: {profile: azhpc}\n");
  EXPECT_TRUE(configure.openibd_restart);
  EXPECT_EQ(configure.rdma_names, RdmaNames::azure);
  EXPECT_EQ(configure.load_modules, (std::vector<std::string>{"ib_ipoib", "ib_umad"}));
  EXPECT_TRUE(configure.memlock_unlimited);
}

TEST(Recipe, AKeyChangesWhatAProfileSays) {
  const auto configure =
      configured("configure: {load_modules: [], rdma_names: kernel, openibd_restart: false, profile: azhpc}\n");
  EXPECT_FALSE(configure.openibd_restart);
  EXPECT_EQ(configure.rdma_names, RdmaNames::kernel);
  EXPECT_EQ(configure.load_modules, std::vector<std::string>{});
}

TEST(Recipe, ReportsWrongOptionsForTheVm) {
  EXPECT_EQ(problems_of(minimal + std::string("configure:\n  profile: azhp\n  rdma_names: azur\n"
                                              "  load_modules: [ib_umad, \"a b\"]\n  openibd_restart: maybe\n")),
            "reading recipe 'images/r.yaml': 4 problems\n"
            "  images/r.yaml:6: 'profile' must be one of default, azhpc, not 'azhp' (did you mean 'azhpc'?)\n"
            "  images/r.yaml:9: 'openibd_restart' must be true or false, not 'maybe'\n"
            "  images/r.yaml:7: 'rdma_names' must be one of inbox, kernel, azure, not 'azur' (did you mean 'azure'?)\n"
            "  images/r.yaml:8: 'a b' in 'load_modules' is not the name of a module (for example: load_modules: "
            "[ib_umad])");
}

TEST(Recipe, ChecksTheFormOfGalleryFeatures) {
  EXPECT_EQ(problems_of("schema: bake/v1\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n"
                        "gallery:\n  resource_group: r\n  name: n\n  definition: d\n"
                        "  features: [IsAcceleratedNetworkSupported, A=, =x, A B=c, A=1, A=2]\n"),
            "reading recipe 'images/r.yaml': 5 problems\n"
            "  images/r.yaml:9: 'IsAcceleratedNetworkSupported' in 'features' is not KEY=VALUE (for example: features: "
            "[\"DiskControllerTypes=SCSI,NVMe\"])\n"
            "  images/r.yaml:9: 'A=' in 'features' is not KEY=VALUE\n"
            "  images/r.yaml:9: '=x' in 'features' is not KEY=VALUE\n"
            "  images/r.yaml:9: 'A B=c' in 'features' is not KEY=VALUE\n"
            "  images/r.yaml:9: duplicate feature 'A'");
}

}  // namespace
}  // namespace bake::recipe
