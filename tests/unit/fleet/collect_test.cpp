// The current state of a fleet, from its result files.
#include "bake/fleet/collect.hpp"

#include <gtest/gtest.h>

#include "bake/disk/sidecar.hpp"
#include "tests/support/baked_fixture.hpp"

namespace bake::fleet {
namespace {

using FleetCollect = testing::BakedTest;
using State = FleetRow::State;

TEST_F(FleetCollect, HasTheStateOfEachImage) {
  write("fleet.yaml",
        "schema: bake/fleet/v1\nimages:\n  - {recipe: r.yaml, output: out.vhd}\n  - {recipe: r.yaml, output: "
        "failed.vhd}\n"
        "  - {recipe: r.yaml, output: new.vhd}\n");
  write("out.vhd.manifest.json", R"({"product": {"sha256": ")" + digest_of("the output") + R"("}})");
  const auto fleet = recipe::load_fleet(top_ / "fleet.yaml");
  ImageResult done;
  done.key = key_without_base(fleet.images[0], environment_);
  ASSERT_TRUE(done.key);
  done.base = {digest_of("the base"), identity_of(top_ / "base.vhd")};
  done.output = {digest_of("the output"), identity_of(top_ / "out.vhd")};
  done.key->base = done.base.sha256;
  done.seconds = 61;
  write_result(sidecar_of(top_ / "out.vhd", Sidecar::result), done);
  ImageResult failed;
  failed.status = 7;
  failed.message = "verifying: 1 check failed";
  write_result(sidecar_of(top_ / "failed.vhd", Sidecar::result), failed);

  const auto rows = current_rows(fleet, false, environment_);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].state, State::skipped);
  EXPECT_EQ(rows[0].status, 0);
  EXPECT_EQ(rows[0].result->seconds, 61);
  EXPECT_EQ(rows[1].state, State::failed);
  EXPECT_EQ(rows[1].status, 7);
  EXPECT_EQ(rows[1].message, "verifying: 1 check failed");
  EXPECT_EQ(rows[2].state, State::waiting);
  EXPECT_EQ(rows[2].status, 1);
  EXPECT_EQ(rows[2].message, "not baked yet");
}

}  // namespace
}  // namespace bake::fleet
