// Files that the user names and bake writes: what is said when their directory is not there, before any work.
#include <gtest/gtest.h>
#include <sstream>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {
namespace {

/// The messages of a wrong usage.
std::string refusal_of(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  EXPECT_EQ(run(arguments, out, err), 2) << arguments.front();
  EXPECT_EQ(out.str(), "");
  return err.str();
}

std::string no_directory(const std::string& file) {
  return "bake: error: writing '" + file + "': there is no directory '/nodir'\nbake: hint: make it first: mkdir -p\n";
}

TEST(OutputPath, WithoutADirectoryIsTheSameSentenceEverywhere) {
  EXPECT_EQ(refusal_of({"handler", "pack", "-o", "/nodir/x.zip"}), no_directory("/nodir/x.zip"));
  EXPECT_EQ(refusal_of({"key", "new", "--out", "/nodir/k"}), no_directory("/nodir/k.key"));
  EXPECT_EQ(refusal_of({"matrix", "html", "-o", "/nodir/x.html"}), no_directory("/nodir/x.html"));
  EXPECT_EQ(refusal_of({"matrix", "export", "-o", "/nodir/x"}), no_directory("/nodir/x"));
}

TEST(OutputPath, OfALogIsTriedBeforeAnyWork) {
  EXPECT_EQ(refusal_of({"doctor", "--log", "/nodir/l"}), no_directory("/nodir/l"));
  EXPECT_EQ(refusal_of({"--log", "/nodir/l", "matrix", "check"}), no_directory("/nodir/l"));
  const TemporaryDirectory scratch;
  const auto directory = scratch.path().string();
  EXPECT_EQ(refusal_of({"matrix", "check", "--log", directory}),
            "bake: error: opening log '" + directory + "': cannot be written\n");
}

TEST(OutputPath, ThatCannotBeWrittenIsNamedAndNotWhatLiesBeside) {
  try {
    write_text_atomically("/proc/bake-cannot-write-here", "text");
    FAIL() << "written";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "writing '/proc/bake-cannot-write-here': No such file or directory");
  }
}

TEST(MatrixList, RefusesAnOptionThatATopicDoesNotHave) {
  EXPECT_EQ(refusal_of({"matrix", "list", "sizes", "--extension"}),
            "bake: error: listing 'sizes': --extension is for the overview of the releases\n"
            "bake: hint: 'bake matrix list --extension'\n");
}

}  // namespace
}  // namespace bake::cli
