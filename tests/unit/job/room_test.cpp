#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/job/image.hpp"
#include "tests/support/error_of.hpp"

namespace bake::job {
namespace {

TEST(Space, TheAdditionsOfThePlanMustFitOnThisMachine) {
  const TemporaryDirectory directory;
  const auto disk = directory.path() / "out.vhd.partial";
  plan::Plan plan;
  plan.recipe = "hpc";
  // Each part alone fits into the guest; a sparse disk may be larger than the free space of the machine.
  plan.space = {{"/", std::uint64_t{1} << 59U, std::uint64_t{1} << 60U},
                {"/boot", std::uint64_t{1} << 59U, std::uint64_t{1} << 60U}};
  const auto error = error_of([&] { require_space(plan, disk); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_EQ(error.message().find("checking the free space at '" + disk.string() +
                                 "': what 'hpc' adds to the disk needs 1048576 TiB (1152921504606846976 bytes), but "),
            0U)
      << error.message();
  plan.space = {{"/", 1, 1}, {"/boot", 1, 1}};
  EXPECT_NO_THROW(require_space(plan, disk));
}

}  // namespace
}  // namespace bake::job
