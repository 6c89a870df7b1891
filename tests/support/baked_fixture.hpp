// Shared by the tests of images that are already baked.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/fleet/plan.hpp"

namespace bake::testing {

constexpr const char* recipe_text =
    "schema: bake/v1\nbase: base.vhd\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: inbox\n";

/// A recipe, its base, and an output like that of a finished bake.
class BakedTest : public ::testing::Test {
 protected:
  BakedTest() {
    write("base.vhd", "the base");
    write("out.vhd", "the output");
    write("r.yaml", recipe_text);
  }

  void write(const std::string& name, const std::string& text) { std::ofstream(top_ / name) << text; }

  TemporaryDirectory directory_;
  std::filesystem::path top_ = std::filesystem::canonical(directory_.path());
  SilentProgress silent_;
  matrix::Matrix matrix_ = matrix::Matrix::built_in();
  store::Store store_{top_ / "store"};
  job::Environment environment_{matrix_, store_, silent_, {}, {}};
};

}  // namespace bake::testing
