#include "bake/guest/shell.hpp"

#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

TEST(Shell, SaysWhatTheScriptWasFor) {
  MemoryGuest guest;
  guest.with_answer("good", {0, "printed"}).with_answer("bad", {3, "one\ntwo\n"});
  EXPECT_EQ(run(guest, "installing packages in the guest", "good"), "printed");
  EXPECT_EQ(error_of([&] { run(guest, "installing packages in the guest", "bad"); })
                .message()
                .find("installing packages in the guest: exit status 3: "),
            0U);
}

TEST(Shell, AScriptThatDoesNotEndIsNamed) {
  MemoryGuest guest;
  guest.with_handler([](const std::string&) -> std::optional<ShellResult> {
    throw Error(ErrorKind::failed, "running a script in the guest: not finished within 3 seconds", "set another limit");
  });
  const auto error = error_of([&] { run(guest, "running depmod for 5.4.0", "depmod -a 5.4.0"); });
  EXPECT_EQ(error.message(), "running depmod for 5.4.0: running a script in the guest: not finished within 3 seconds");
  EXPECT_EQ(error.hint(), "set another limit");
}

}  // namespace
}  // namespace bake::guest
