#include "bake/fleet/events.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace bake::fleet {
namespace {

void send(const ChildEvents& events, const std::string& text) {
  ASSERT_EQ(::send(events.child_end().get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

TEST(ChildEvents, TellTheStepOfTheChild) {
  ChildEvents events;
  EXPECT_FALSE(events.read());
  send(events, R"({"event":"step","name":"inspect","n":3,"of":18,"elapsed":20.5,"typical":null})");
  send(events, R"({"event":"progress","done":1,"total":4,"unit":"bytes"})");
  const auto step = events.read();
  ASSERT_TRUE(step);
  EXPECT_EQ(step->name, "inspect");
  EXPECT_EQ(step->number, 3U);
  EXPECT_EQ(step->of, 18U);
  EXPECT_EQ(step->typical, std::nullopt);
  EXPECT_EQ(step->percent, 25U);
  EXPECT_FALSE(events.read());
}

TEST(ChildEvents, OfAnotherKindChangeNothing) {
  Progress::PartStep step{"inspect", 1, {}, {}, {}};
  for (const auto* text :
       {"", "x", "[]", "{}", R"({"event":"done"})", R"({"event":"step"})", R"({"event":"step","name":1,"n":"x"})",
        R"({"event":"progress","done":1,"total":0})", R"({"event":"step","name":"a","n":1})"}) {
    EXPECT_FALSE(apply_event(text, step)) << text;
    EXPECT_EQ(step.name, "inspect");
  }
}

TEST(ChildEvents, AfterTheEndOfTheChildAreTheLast) {
  ChildEvents events;
  send(events, R"({"event":"step","name":"done","n":1,"of":1,"elapsed":1.0,"typical":2.5})");
  events.close_child_end();
  const auto step = events.read();
  ASSERT_TRUE(step);
  EXPECT_EQ(step->typical, 2.5);
  EXPECT_FALSE(events.read());
}

}  // namespace
}  // namespace bake::fleet
