// The default kernel of genuine systems: boot files of public hosts and images, each with its true answer. The corpus
// is not part of the project; its README says how each answer was determined. A second evaluator and grub-emu agree on
// it.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/boot/boot_default.hpp"
#include "bake/boot/grub_env.hpp"
#include "bake/boot/menu_entry_id.hpp"
#include "bake/guest/memory.hpp"
#include "bake/inspect/kernels.hpp"
#include "tests/support/genuine_data.hpp"

namespace bake::guest {
namespace {

namespace fs = std::filesystem;

const fs::path& corpus() {
  static const auto path = testing::genuine_data("genuine-boot");
  return path;
}

constexpr const char* absent = "absent";

std::vector<std::string> systems() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(corpus(), error))
    if (fs::exists(entry.path() / "truth.json")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  if (names.empty()) names.emplace_back(absent);
  return names;
}

std::string read_if_there(const fs::path& path) {
  return fs::exists(path) ? read_text(path, 64U << 20U) : std::string{};
}

/// One system of the corpus as a guest. Images and modules are not in it, only their names.
class System {
 public:
  explicit System(const fs::path& directory)
      : directory_(directory), truth_(nlohmann::json::parse(read_text(directory / "truth.json", 1U << 20U))) {
    add_files();
    add_links();
    for (const auto& line : split_lines(read_if_there(directory_ / "listing-boot.txt"))) add_name(line);
    for (const auto& kernel : truth_.at("kernels")) add_kernel(kernel.get<std::string>());
    for (const auto& image : truth_.at("rescue_images")) add_missing("/boot/vmlinuz-" + image.get<std::string>());
    if (undetermined()) add_kernels_of_other_systems();
  }

  MemoryGuest& guest() { return guest_; }
  [[nodiscard]] bool undetermined() const { return truth_.at("status") != "determined"; }
  [[nodiscard]] bool rescue() const { return truth_.at("default_is_rescue").get<bool>(); }
  [[nodiscard]] std::string truth() const {
    return undetermined() ? "undetermined" : truth_.at("default_kernel").get<std::string>();
  }
  /// The environment block has an entry for one boot, and the truth is what that boot takes.
  [[nodiscard]] bool for_one_boot() const {
    if (!truth_.at("grubenv").is_string()) return false;
    auto variables = parse_grubenv(read_if_there(directory_ / truth_.at("grubenv").get<std::string>()));
    return !variables["next_entry"].empty() || !variables["prev_saved_entry"].empty();
  }

 private:
  void add_files() {
    for (const auto* top : {"boot", "etc", "usr"}) {
      if (!fs::exists(directory_ / top)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(directory_ / top))
        if (entry.is_regular_file())
          guest_.with_file("/" + fs::relative(entry.path(), directory_).string(), read_text(entry.path(), 64U << 20U));
    }
  }

  void add_links() {
    for (const auto& line : split_lines(read_if_there(directory_ / "symlinks.txt"))) {
      const auto arrow = line.find(" -> ");
      if (arrow == std::string::npos || line.find('(') != std::string::npos) continue;
      const auto path = "/" + line.substr(0, arrow);
      if (!guest_.stat(path)) guest_.with_link(path, line.substr(arrow + 4));
    }
  }

  void add_name(const std::string& line) {
    const auto arrow = line.find(" -> ");
    if (arrow == std::string::npos) return add_missing("/" + line);
    if (!guest_.stat("/" + line.substr(0, arrow)))
      guest_.with_link("/" + line.substr(0, arrow), line.substr(arrow + 4));
  }

  void add_missing(const std::string& path) {
    if (!path.ends_with('/') && !guest_.stat(path)) guest_.with_file(path, "content");
  }

  void add_kernel(const std::string& release) {
    guest_.with_directory("/lib/modules/" + release);
    add_missing("/boot/vmlinuz-" + release);
  }

  /// Where the answer cannot be told, a kernel that the menu names for another system must not be taken either.
  void add_kernels_of_other_systems() {
    add_kernel("5.14.0-1.el9.x86_64");
    const auto text = read_if_there(directory_ / truth_.at("grub_cfg").get<std::string>());
    const std::regex image("vmlinuz-([A-Za-z0-9._+-]+)");
    for (auto at = std::sregex_iterator(text.begin(), text.end(), image); at != std::sregex_iterator(); ++at)
      if ((*at)[1].str().find("rescue") == std::string::npos) add_kernel((*at)[1]);
  }

  fs::path directory_;
  nlohmann::json truth_;
  MemoryGuest guest_;
};

class GenuineBoot : public ::testing::TestWithParam<std::string> {};

/// What bake makes of a system, in the words of the corpus.
std::string answer(const System& system, const BootDefault& found) {
  if (system.for_one_boot()) {
    // The driver goes to the kernel that lasts; the kernel of the next boot is a warning.
    const auto once = fmt::format("GRUB boots kernel {} once before it boots {} again", system.truth(), found.release);
    for (const auto& warning : found.warnings)
      if (!found.release.empty() && warning.starts_with(once)) return system.truth();
  }
  if (!found.release.empty()) return found.release;
  if (found.how.starts_with("the default of GRUB cannot be determined: ")) return "undetermined";
  const auto rescue = found.how.find("vmlinuz-0-rescue");
  if (!found.how.starts_with("the default of GRUB is the rescue entry ") || rescue == std::string::npos)
    return found.how;
  const auto name = found.how.substr(rescue + std::string_view("vmlinuz-").size());
  return name.substr(0, name.find('\''));
}

TEST_P(GenuineBoot, HasItsTrueDefaultKernel) {
  if (GetParam() == absent) {
    ASSERT_FALSE(fs::exists(corpus())) << "it has no system";
    GTEST_SKIP() << "the corpus of genuine boot files is not there: " << corpus();
  }
  System system(corpus() / GetParam());
  const auto found = find_boot_default(system.guest(), find_kernels(system.guest()));
  const auto ours = answer(system, found);
  fmt::print("{} | {} | {} | {}{}\n", GetParam(), system.truth(), ours, found.how,
             system.for_one_boot() ? " (one boot; then " + found.release + ")" : "");
  for (const auto& warning : found.warnings) fmt::print("    warning: {}\n", warning);
  EXPECT_EQ(ours, system.truth()) << found.how;
  if (system.rescue()) {
    EXPECT_EQ(found.release, "") << "a rescue entry is refused";
  }
}

/// Systems of Debian and Ubuntu with a menu of grub-mkconfig.
constexpr const char* debian_menu = "boot/grub/grub.cfg";

std::vector<std::string> systems_with_debian_menu() {
  auto names = systems();
  std::erase_if(names, [](const auto& name) { return name != absent && !fs::exists(corpus() / name / debian_menu); });
  return names;
}

class GenuineMenu : public ::testing::TestWithParam<std::string> {};

/// The id that bake writes as GRUB_DEFAULT is the one by which the true menu boots the kernel.
TEST_P(GenuineMenu, TheIdOfEveryKernelBootsIt) {
  if (GetParam() == absent) GTEST_SKIP() << "the corpus of genuine boot files is not there: " << corpus();
  System system(corpus() / GetParam());
  const auto path = std::string("/") + debian_menu;
  const auto text = system.guest().read(path).value_or("");
  const auto kernels = find_kernels(system.guest());
  for (const auto& kernel : kernels) {
    const auto id = menu_entry_id(text, kernel.release);
    if (!id || system.for_one_boot()) continue;  // the image is newer than the menu, or another entry comes first once
    const std::regex line(R"re(set default="(\$\{saved_entry\}|[^"$]*)")re");
    system.guest().with_file(path, std::regex_replace(text, line, "set default=\"" + *id + "\""));
    EXPECT_EQ(find_boot_default(system.guest(), kernels).release, kernel.release) << *id;
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  auto name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Corpus, GenuineBoot, ::testing::ValuesIn(systems()), test_name);
INSTANTIATE_TEST_SUITE_P(Corpus, GenuineMenu, ::testing::ValuesIn(systems_with_debian_menu()), test_name);

}  // namespace
}  // namespace bake::guest
