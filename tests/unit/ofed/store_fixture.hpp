// A store in a scratch directory, and archives to put into it.
#pragma once

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/progress.hpp"
#include "bake/ofed/store.hpp"
#include "support.hpp"

namespace bake::ofed {

class StoreTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    write_text_atomically(scratch.path() / name, content);
    return scratch.path() / name;
  }
  std::filesystem::path archive_of(const testing::BundleParts& parts) const {
    return write(parts.top + ".tgz", parts.archive());
  }
  AddOptions pinned(const std::filesystem::path& archive) const {
    AddOptions options;
    options.pin = digest_of_file(archive);
    options.pin_source = "command line";
    return options;
  }
  AddOptions trusting() const {
    AddOptions options;
    options.keyrings = {write("keys.asc", testing::vendor().public_key())};
    return options;
  }

  TemporaryDirectory scratch;
  Store store{scratch.path() / "store"};
  SilentProgress progress;
};

}  // namespace bake::ofed
