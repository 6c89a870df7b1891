// A store in a scratch directory, and archives to add to it.
#pragma once

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/progress.hpp"
#include "bake/store/store.hpp"
#include "tests/support/bundles.hpp"

namespace bake::testing {

class StoreTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    write_text_atomically(scratch.path() / name, content);
    return scratch.path() / name;
  }
  std::filesystem::path archive_of(const testing::BundleParts& parts) const {
    return write(parts.top + ".tgz", parts.archive());
  }
  store::AddOptions pinned(const std::filesystem::path& archive) const {
    store::AddOptions options;
    options.pin = digest_of_file(archive);
    options.pin_source = "command line";
    return options;
  }
  store::AddOptions trusting() const {
    store::AddOptions options;
    options.keyrings = {write("keys.asc", testing::vendor().public_key())};
    return options;
  }

  TemporaryDirectory scratch;
  store::Store store{scratch.path() / "store"};
  SilentProgress progress;
};

}  // namespace bake::testing
