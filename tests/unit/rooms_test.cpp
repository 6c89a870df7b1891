// Holds the walls between the rooms: who may include whom, and which file may know which library.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> rooms_in_order{
    "bake/base",     "bake/archive", "bake/signature", "matrix",        "bake/disk",   "bake/recipe", "bake/guest",
    "bake/bundle",   "bake/store",   "bake/resolve",   "bake/plan",     "bake/assets", "bake/apply",  "bake/verify",
    "bake/evidence", "bake/job",     "bake/fleet",     "bake/transfer", "bake/cli"};

struct Include {
  std::string file;
  std::string target;
};

std::vector<Include> includes_of_the_tree() {
  std::vector<Include> found;
  const std::regex line_pattern(R"re(^\s*#\s*include\s*[<"]([^">]+)[">])re");
  for (const auto& top : {"bake", "matrix"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SOURCE_DIR) / top)) {
      const auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".hpp") continue;
      std::ifstream in(entry.path());
      std::smatch match;
      for (std::string line; std::getline(in, line);)
        if (std::regex_search(line, match, line_pattern))
          found.push_back({fs::relative(entry.path(), SOURCE_DIR).string(), match[1]});
    }
  }
  return found;
}

std::size_t room_number(const std::string& path) {
  for (std::size_t i = 0; i < rooms_in_order.size(); ++i)
    if (path.rfind(rooms_in_order[i] + "/", 0) == 0) return i;
  return rooms_in_order.size();
}

TEST(Rooms, NoRoomIncludesOneBelowIt) {
  std::vector<std::string> broken;
  for (const auto& [file, target] : includes_of_the_tree())
    if (room_number(target) < rooms_in_order.size() && room_number(target) > room_number(file))
      broken.push_back(file + " includes " + target);
  EXPECT_EQ(broken, std::vector<std::string>{});
}

TEST(Rooms, PlanDoesNoInputOrOutput) {
  const std::set<std::string> forbidden{"fstream",
                                        "iostream",
                                        "cstdio",
                                        "ctime",
                                        "chrono",
                                        "cstdlib",
                                        "fcntl.h",
                                        "unistd.h",
                                        "bake/base/file.hpp",
                                        "bake/base/process.hpp",
                                        "bake/base/time.hpp",
                                        "bake/guest/guest.hpp"};
  std::vector<std::string> broken;
  for (const auto& [file, target] : includes_of_the_tree())
    if (file.rfind("bake/plan/", 0) == 0 && forbidden.count(target) != 0)
      broken.push_back(file + " includes " + target);
  EXPECT_EQ(broken, std::vector<std::string>{});
}

TEST(Rooms, EachLibraryIsKnownInOnePlace) {
  const std::vector<std::pair<std::regex, std::set<std::string>>> owners{
      {std::regex("guestfs\\.h"), {"bake/guest/guestfs.cpp"}},
      {std::regex("archive(_entry)?\\.h"), {"bake/ofed/archive_read.cpp", "bake/ofed/archive_write.cpp"}},
      {std::regex("solv/.*"), {"bake/ofed/libsolv_pool.hpp", "bake/ofed/rpm_index.cpp"}},
      {std::regex("rnp/.*"), {"bake/ofed/openpgp.cpp"}},
      {std::regex("openssl/.*"), {"bake/base/digest.cpp", "bake/base/signing.cpp"}},
      {std::regex("(libelf|gelf|elf)\\.h"), {"bake/ofed/module_elf.cpp"}},
      {std::regex("yaml-cpp/.*"), {"bake/base/yaml.cpp"}},
      {std::regex("CLI/.*"), {}},
  };
  std::vector<std::string> broken;
  for (const auto& [file, target] : includes_of_the_tree()) {
    for (const auto& [pattern, files] : owners) {
      if (!std::regex_match(target, pattern)) continue;
      const bool allowed = files.empty() ? file.rfind("bake/cli/", 0) == 0 : files.count(file) != 0;
      if (!allowed) broken.push_back(file + " includes " + target);
    }
  }
  EXPECT_EQ(broken, std::vector<std::string>{});
}

}  // namespace
