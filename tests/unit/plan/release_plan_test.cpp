// Plans for every release that the VM extension supports and every family of cards, with the recipes of images/recipes.
// tests/unit/fixtures/releases/record.py recorded the guests and bundles from the stand-ins.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/facts_cbor.hpp"
#include "bake/guest/facts_json.hpp"
#include "bake/guest/memory.hpp"
#include "bake/inspect/inspect.hpp"
#include "bake/inspect/kernels.hpp"
#include "bake/inspect/package_database.hpp"
#include "bake/inspect/private_keys.hpp"
#include "bake/job/plan.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/golden_plans.hpp"

namespace bake::plan {
namespace {

using nlohmann::ordered_json;

const std::filesystem::path recordings = SOURCE_DIR "/tests/unit/fixtures/releases";

struct Release {
  std::string id, version;

  [[nodiscard]] std::string name() const { return id + version; }
  [[nodiscard]] std::string distro() const { return (id == "ubuntu" ? id : "rhel") + version; }
  [[nodiscard]] std::string family() const { return id == "ubuntu" ? id : fmt::format("el{}", version.front()); }
};

/// Releases whose plans are similar. The plan of the first one is in the golden file in full.
struct Family {
  std::string name;
  std::vector<Release> releases;
};

/// The name of the parameter in the output of a failing test.
void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

const std::vector<Family> families{{"el7",
                                    {{"centos", "7.7"},
                                     {"centos", "7.4"},
                                     {"centos", "7.5"},
                                     {"centos", "7.6"},
                                     {"rhel", "7.4"},
                                     {"rhel", "7.5"},
                                     {"rhel", "7.6"},
                                     {"rhel", "7.7"}}},
                                   {"el8", {{"centos", "8.2"}, {"centos", "8.1"}, {"rhel", "8.1"}, {"rhel", "8.2"}}},
                                   {"ubuntu", {{"ubuntu", "20.04"}, {"ubuntu", "16.04"}, {"ubuntu", "18.04"}}}};

/// Returns the text of a symvers file with these symbol versions.
std::string symvers_text(const ordered_json& symbols) {
  std::string text;
  for (const auto& [symbol, crc] : symbols.items())
    text += fmt::format("0x{:08x}\t{}\tvmlinux\tEXPORT_SYMBOL\n", crc.get<std::uint32_t>(), symbol);
  return text;
}

/// A recorded guest for inspection.
class RecordedGuest {
 public:
  explicit RecordedGuest(const Release& release)
      : record_(ordered_json::parse(read_text(recordings / "guests" / (release.name() + ".json")))),
        packages_(read_text(recordings / "guests" / (release.family() + ".packages")) +
                  record_.at("packages").get<std::string>()) {
    for (const auto* name : {"bin", "sbin", "lib"})
      guest_.with_directory(std::string("/usr/") + name).with_link(std::string("/") + name, std::string("usr/") + name);
    for (const auto& path : record_.at("names")) guest_.with_file(path);
    for (const auto& path : record_.at("programs")) guest_.with_file(path, "", 0755);
    std::string elf("\177ELF\2\1\1", 7);
    elf.resize(64, '\0');
    elf[18] = 62;  // x86-64
    guest_.with_file("/usr/bin/true", elf, 0755);
    for (const auto& [path, text] : record_.at("files").items()) guest_.with_file(path, text.get<std::string>());
    for (const auto& [path, target] : record_.at("links").items()) guest_.with_link(path, target.get<std::string>());
    if (release.id == "ubuntu")
      guest_.with_file("/var/lib/dpkg/status", packages_).with_answer("dpkg --audit", {0, ""});
    else
      guest_.with_answer(guest::rpm_dump_query(), {0, packages_ + "\n#status 0\n\n"});
  }

  guest::Facts inspect() {
    // No file of a stand-in is immutable, and none is a private key.
    guest_.with_handler([](const std::string& script) {
      return script.starts_with("{ lsattr ") || script == guest::private_key_search()
                 ? std::optional(guest::ShellResult{0, ""})
                 : std::nullopt;
    });
    auto facts = guest::inspect(guest_, layout());
    for (auto& kernel : facts.kernels) {
      if (!kernel.symvers) continue;
      kernel.symbol_versions = guest::parse_symvers(symvers_text(record_.at("symbols")));
    }
    return facts;
  }

  guest::Guest& guest() { return guest_; }

 private:
  [[nodiscard]] guest::Layout layout() const {
    const auto& root = record_.at("layout");
    return {"msdos", false, false, {{"/dev/sda1", "ext4", "/", root.at("size"), root.at("free"), ""}}};
  }

  ordered_json record_;
  std::string packages_;
  guest::MemoryGuest guest_;
};

/// Writes a store with both bundles of a release into `directory`, in the state after `bake bundle add`.
void store_bundles(const std::filesystem::path& directory, const Release& release) {
  const auto words = ordered_json::parse(read_text(recordings / "bundles/releases.json")).at(release.distro());
  for (const auto* version : {"4.9-4.1.7.0", "5.5-1.0.3.2"}) {
    const auto name = fmt::format("{}-{}", version, release.family());
    const auto id = digest_of(name + release.distro());
    const auto fill = [&](std::string text) {
      for (const auto* word : {"DISTRO", "TAG", "KERNEL"})
        text = replace_all(std::move(text), fmt::format("@{}@", word), words.at(word).get<std::string>());
      for (const auto& [symbol, crc] : words.at("symbols").items())
        text = replace_all(std::move(text), fmt::format("\"@{}@\"", symbol), crc.dump());
      return replace_all(std::move(text), "@ARCHIVE@", id);
    };
    const auto from = recordings / "bundles" / name;
    const auto to = directory / "bundles" / id;
    const auto index = to / "index" / (std::string_view(version).starts_with("4.") ? "mlnx-libs" : "flat");
    std::filesystem::create_directories(index);
    const auto lists = from / "filelists";
    const bundle::IndexTexts texts{fill(read_text(from / "packages")),
                                   std::filesystem::exists(lists) ? fill(read_text(lists)) : ""};
    auto json = ordered_json::parse(fill(read_text(from / "bundle.json")));
    json.at("repositories").at(0)["index_sha256"] = bundle::digest_of_index(texts);
    write_text_atomically(to / "bundle.json", json.dump());
    write_text_atomically(index / "packages", texts.packages);
    write_text_atomically(index / "filelists", texts.filelists);
  }
}

/// Returns the output of `bake plan --json` and its exit status.
ordered_json plan(const Release& release, const std::string& card) {
  const auto recipe =
      recipe::load(fmt::format(SOURCE_DIR "/images/recipes/{}-{}-{}.yaml", release.id, release.version, card));
  RecordedGuest recorded(release);
  const TemporaryDirectory directory;
  store_bundles(directory.path(), release);
  const auto matrix = matrix::Matrix::built_in();
  store::Store store(directory.path());
  SilentProgress progress;
  job::Environment environment{matrix, store, progress, {}, {}};
  try {
    const auto facts = recorded.inspect();
    const auto driver = job::select_driver(recipe, environment);
    const auto outcome = job::make_plan(recipe, driver, facts, environment);
    ordered_json json{{"exit", outcome.ok() ? 0 : static_cast<int>(outcome.refusals.front().kind)}};
    json.update(plan::to_json(outcome));
    return json;
  } catch (const Error& error) {
    return {{"exit", static_cast<int>(error.kind())}, {"error", error.message()}, {"hint", error.hint()}};
  }
}

class ReleasePlan : public ::testing::TestWithParam<std::tuple<Family, std::string>> {};

TEST_P(ReleasePlan, Golden) {
  const auto& [family, card] = GetParam();
  std::vector<testing::NamedPlan> plans;
  for (const auto& release : family.releases)
    plans.emplace_back(fmt::format("{}-{}-{}", release.id, release.version, card), plan(release, card));
  testing::expect_golden(fmt::format("releases/{}-{}.json", family.name, card), testing::plans_as_differences(plans));
}

INSTANTIATE_TEST_SUITE_P(Extension, ReleasePlan,
                         ::testing::Combine(::testing::ValuesIn(families), ::testing::Values("cx3pro", "cx5", "cx6")),
                         [](const auto& parameters) {
                           return std::get<0>(parameters.param).name + "_" + std::get<1>(parameters.param);
                         });

TEST(FactsCbor, GivesTheSameFactsOfEveryRecordedGuest) {
  for (const auto& family : families)
    for (const auto& release : family.releases) {
      auto facts = RecordedGuest(release).inspect();
      facts.machine.users = {
          {{"azureuser", 1000, "/home/azureuser"}, {"/etc/sudoers.d/waagent"}, guest::FileStat{}, "/home"}};
      facts.machine.files = {{"/etc/hostname", "host name", guest::MachineFile::Treatment::remove}};
      facts.second_menu = guest::SecondMenu{1, "/boot/grub2/grub.cfg", "5.4.0-26-generic", "boots it"};
      facts.baked_manifest = std::string("{}\0\xff", 4);
      const auto bytes = guest::to_cbor(facts);
      const auto again = guest::facts_from_cbor(bytes);
      ASSERT_TRUE(again) << release.name();
      EXPECT_EQ(guest::to_cbor(*again), bytes) << release.name();
      EXPECT_EQ(guest::to_json(*again), guest::to_json(facts)) << release.name();
      EXPECT_EQ(again->packages.dump, facts.packages.dump);
      EXPECT_EQ(again->machine.users.at(0).home, facts.machine.users.at(0).home);
      EXPECT_EQ(again->machine.files, facts.machine.files);
      EXPECT_EQ(again->second_menu, facts.second_menu);
      EXPECT_EQ(again->baked_manifest, facts.baked_manifest);
      EXPECT_FALSE(guest::facts_from_cbor(std::string_view(bytes).substr(0, bytes.size() / 2)));
    }
  EXPECT_FALSE(guest::facts_from_cbor("not cbor"));
}

}  // namespace
}  // namespace bake::plan
