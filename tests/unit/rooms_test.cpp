// Checks the walls between the rooms: which room may include which, and which room may use which library.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// The rooms in the order in which data passes through them. A room may include the rooms before it, never a later one.
const std::vector<std::string> rooms_in_order{
    "bake/base",     "bake/archive", "bake/signature", "matrix",        "bake/disk",
    "bake/recipe",   "bake/guest",   "bake/appliance", "bake/boot",     "bake/inspect",
    "bake/packages", "bake/bundle",  "bake/store",     "bake/resolve",  "bake/plan",
    "bake/assets",   "bake/apply",   "bake/verify",    "bake/evidence", "bake/job",
    "bake/fleet",    "bake/report",  "bake/transfer",  "bake/cli",      "bake/commands"};

struct SourceFile {
  std::string path;  ///< below the top directory
  std::string text;
};

std::vector<SourceFile> source_files() {
  std::vector<SourceFile> files;
  for (const auto* top : {"bake", "matrix"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SOURCE_DIR) / top)) {
      const auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".hpp") continue;
      std::ifstream in(entry.path());
      files.push_back({fs::relative(entry.path(), SOURCE_DIR).string(),
                       {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}});
    }
  }
  return files;
}

std::vector<std::string> includes_of(const std::string& text) {
  static const std::regex pattern(R"re((?:^|\n)\s*#\s*include\s*[<"]([^">]+)[">])re");
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.push_back((*match)[1]);
  return found;
}

std::string room_of(const std::string& path) {
  for (const auto& room : rooms_in_order)
    if (path.rfind(room + "/", 0) == 0) return room;
  return {};
}

std::size_t number_of(const std::string& room) {
  return static_cast<std::size_t>(std::find(rooms_in_order.begin(), rooms_in_order.end(), room) -
                                  rooms_in_order.begin());
}

/// "FILE includes TARGET" for every include that `is_forbidden` names.
template <typename Forbidden>
std::vector<std::string> broken_includes(Forbidden is_forbidden) {
  std::vector<std::string> broken;
  for (const auto& file : source_files())
    for (const auto& target : includes_of(file.text))
      if (is_forbidden(file.path, target)) broken.push_back(file.path + " includes " + target);
  return broken;
}

TEST(Rooms, EveryFolderIsARoom) {
  std::set<std::string> folders{"matrix"};
  for (const auto& entry : fs::directory_iterator(fs::path(SOURCE_DIR) / "bake"))
    if (entry.is_directory()) folders.insert("bake/" + entry.path().filename().string());
  EXPECT_EQ(folders, std::set<std::string>(rooms_in_order.begin(), rooms_in_order.end()));
}

TEST(Rooms, NoRoomIncludesALaterOne) {
  EXPECT_EQ(broken_includes([](const std::string& file, const std::string& target) {
              const auto room = room_of(target);
              return !room.empty() && number_of(room) > number_of(room_of(file));
            }),
            std::vector<std::string>{});
}

TEST(Rooms, EachLibraryHasItsRooms) {
  const std::vector<std::pair<std::regex, std::set<std::string>>> owners{
      {std::regex("guestfs\\.h"), {"bake/appliance"}},
      {std::regex("archive(_entry)?\\.h"), {"bake/archive"}},
      {std::regex("solv/.*"), {"bake/resolve", "bake/packages"}},
      {std::regex("openssl/.*"), {"bake/base", "bake/signature"}},
      {std::regex("rnp/.*"), {"bake/signature"}},
      {std::regex("(libelf|gelf|elf)\\.h"), {"bake/guest"}},
      {std::regex("yaml-cpp/.*"), {"bake/base"}},
      {std::regex("CLI/.*"), {"bake/cli", "bake/commands"}},
  };
  EXPECT_EQ(broken_includes([&](const std::string& file, const std::string& target) {
              return std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
                return std::regex_match(target, owner.first) && owner.second.count(room_of(file)) == 0;
              });
            }),
            std::vector<std::string>{});
}

// Verification knows nothing of how an image was made.
TEST(Rooms, VerifyDoesNotIncludeApply) {
  EXPECT_EQ(broken_includes([](const std::string& file, const std::string& target) {
              return room_of(file) == "bake/verify" && room_of(target) == "bake/apply";
            }),
            std::vector<std::string>{});
}

TEST(Rooms, ResolveAndPlanDoNoInputOrOutput) {
  const std::set<std::string> forbidden{"fstream",
                                        "iostream",
                                        "ctime",
                                        "chrono",
                                        "cstdlib",
                                        "thread",
                                        "fcntl.h",
                                        "unistd.h",
                                        "bake/archive/archive.hpp",
                                        "bake/base/file.hpp",
                                        "bake/base/interrupt.hpp",
                                        "bake/base/process.hpp",
                                        "bake/base/progress.hpp",
                                        "bake/base/time.hpp",
                                        "bake/guest/guest.hpp",
                                        "bake/store/store.hpp"};
  EXPECT_EQ(broken_includes([&](const std::string& file, const std::string& target) {
              const auto room = room_of(file);
              return (room == "bake/resolve" || room == "bake/plan") && forbidden.count(target) != 0;
            }),
            std::vector<std::string>{});
}

/// String literals of C++ text, without those in comments.
std::vector<std::string> literals_of(const std::string& text) {
  static const std::regex pattern(R"re(//[^\n]*|'(?:\\.|[^'\\\n])'|"((?:\\.|[^"\\\n])*)")re");
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    if ((*match)[1].matched) found.push_back((*match)[1]);
  return found;
}

TEST(Rooms, OnlyCliKnowsCommandLines) {
  const std::regex command(
      "\\bbake "
      "(image|plan|init|inspect|verify|bundle|extras|modules|matrix|vhd|batch|diff|report|export|import|key|handler|"
      "schema|doctor)\\b");
  std::vector<std::string> broken;
  for (const auto& file : source_files()) {
    if (room_of(file.path) == "bake/cli" || room_of(file.path) == "bake/commands") continue;
    for (const auto& literal : literals_of(file.text))
      if (std::regex_search(literal, command)) broken.push_back(file.path + ": " + literal);
  }
  EXPECT_EQ(broken, std::vector<std::string>{});
}

TEST(Rooms, UnitTestsMirrorTheRooms) {
  std::set<std::string> expected{"firstboot", "fixtures", "golden", "matrix"};
  for (const auto& room : rooms_in_order)
    if (room.rfind("bake/", 0) == 0) expected.insert(room.substr(5));
  std::vector<std::string> unknown;
  for (const auto& entry : fs::directory_iterator(fs::path(SOURCE_DIR) / "tests/unit"))
    if (entry.is_directory() && expected.count(entry.path().filename().string()) == 0)
      unknown.push_back(entry.path().filename().string());
  EXPECT_EQ(unknown, std::vector<std::string>{});
}

}  // namespace
