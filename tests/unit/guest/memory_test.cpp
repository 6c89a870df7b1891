#include "bake/guest/memory.hpp"

#include <gtest/gtest.h>

#include "tests/contract/guest_contract.hpp"

namespace bake::guest {
namespace {

class MemoryBackend {
 public:
  MemoryBackend() {
    guest_.with_directory("/contract").with_payload({{"hello.txt", "hello from the payload\n"}, {"inner/deep", ""}});
  }
  Guest& guest() { return guest_; }
  void expect_script(const std::string& script, const ShellResult& result) { guest_.with_answer(script, result); }

 private:
  MemoryGuest guest_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, GuestContract, MemoryBackend);

TEST(MemoryGuest, RecordsScriptsAndAnswersOnlyKnownOnes) {
  MemoryGuest guest;
  guest.with_answer("true", {0, ""}).with_handler([&](const std::string& script) -> std::optional<ShellResult> {
    if (script != "make it so") return std::nullopt;
    guest.write("/made", "so");
    return ShellResult{0, "done\n"};
  });
  EXPECT_EQ(guest.shell("make it so").output, "done\n");
  EXPECT_TRUE(guest.shell("true").ok());
  EXPECT_EQ(guest.shell("rm -rf /").status, 127);
  EXPECT_EQ(guest.scripts(), (std::vector<std::string>{"make it so", "true", "rm -rf /"}));
  EXPECT_EQ(guest.paths(), (std::vector<std::string>{"/", "/made"}));
}

TEST(MemoryGuest, KeepsOwnersAndSettableSpace) {
  MemoryGuest guest;
  guest.with_file("/home/user/file", "x", 0640).with_owner("/home/user/file", 1000, 1001).with_free_bytes(4096);
  guest.write("/home/user/file", "longer");
  EXPECT_EQ(guest.stat("/home/user/file"), (FileStat{FileType::regular, 0640, 6, 1000, 1001}));
  EXPECT_EQ(guest.free_bytes("/home"), 4096U);
}

}  // namespace
}  // namespace bake::guest
