// Checks that pages, messages, comments and names use none of the phrases in banned_phrases.txt, which says what to
// write instead.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <regex.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path source = SOURCE_DIR;

/// Files that have to quote banned phrases.
const std::vector<std::string> exempt{"tests/unit/banned_phrases.txt", "tests/unit/plain_english_test.cpp"};

/// Directories with recorded data, or that the tests make.
const std::vector<std::string> skipped_directories{"golden", "fixtures", "seeds", "__pycache__"};

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("opening '" + path.string() + "' failed");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A POSIX extended regular expression, as in the list, without regard to case. A negated set matches no line feed.
class Pattern {
 public:
  /// Throws std::runtime_error when glibc does not accept `text`.
  explicit Pattern(const std::string& text) : compiled_(new regex_t, [](regex_t* regex) { release(regex); }) {
    if (regcomp(compiled_.get(), text.c_str(), REG_EXTENDED | REG_ICASE | REG_NEWLINE) != 0) {
      compiled_.release();  // NOLINT(bugprone-unused-return-value): regcomp left nothing to free
      throw std::runtime_error("not a regular expression: " + text);
    }
  }

  /// Offset of the first match in `text` at or after `begin`, or npos.
  [[nodiscard]] std::size_t find(const std::string& text, std::size_t begin = 0) const {
    regmatch_t match{};
    match.rm_so = static_cast<regoff_t>(begin);
    match.rm_eo = static_cast<regoff_t>(text.size());
    const bool found = regexec(compiled_.get(), text.c_str(), 1, &match, REG_STARTEND) == 0;
    return found ? static_cast<std::size_t>(match.rm_so) : std::string::npos;
  }

 private:
  static void release(regex_t* regex) {
    regfree(regex);
    delete regex;
  }
  std::unique_ptr<regex_t, void (*)(regex_t*)> compiled_;
};

/// The expressions of the list: every line that is neither empty nor a comment.
std::vector<std::string> listed() {
  std::ifstream in(source / "tests/unit/banned_phrases.txt");
  std::vector<std::string> result;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line.front() != '#') result.push_back(line);
  return result;
}

class BannedPhrases {
 public:
  /// "FILE:LINE: phrase" for each line of `text` with a banned phrase.
  [[nodiscard]] std::vector<std::string> find(const std::string& file, const std::string& text) const {
    std::vector<std::string> found;
    std::size_t counted = 0;
    std::size_t line = 1;
    for (auto at = any_.find(text); at != std::string::npos;) {
      line += static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                                                  text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
      counted = at;
      const auto end = std::min(text.find('\n', at), text.size());
      const auto begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
      found.push_back(file + ":" + std::to_string(line) + ": " + which(text.substr(begin, end - begin)));
      if (end == text.size()) break;
      at = any_.find(text, end + 1);
    }
    return found;
  }

 private:
  static std::string alternation(const std::vector<std::string>& expressions) {
    std::string result;
    for (const auto& expression : expressions) result += (result.empty() ? "" : "|") + expression;
    return result;
  }

  /// The expressions that match `line`.
  [[nodiscard]] std::string which(const std::string& line) const {
    std::string result;
    for (std::size_t i = 0; i < patterns_.size(); ++i)
      if (patterns_[i].find(line) != std::string::npos) result += (result.empty() ? "" : "  ") + expressions_[i];
    return result;
  }

  std::vector<std::string> expressions_ = listed();
  std::vector<Pattern> patterns_{expressions_.begin(), expressions_.end()};
  Pattern any_{alternation(expressions_)};
};

bool is_skipped(const fs::path& directory) {
  const auto name = directory.filename().string();
  return std::find(skipped_directories.begin(), skipped_directories.end(), name) != skipped_directories.end();
}

/// Every text file to check, relative to the source directory, sorted.
std::vector<std::string> files_of_the_tree() {
  std::vector<std::string> files{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"};
  for (const auto* top : {"docs", "bake", "matrix", "firstboot", "packer", "images", "tests"})
    for (auto entry = fs::recursive_directory_iterator(source / top); entry != fs::recursive_directory_iterator();
         ++entry) {
      if (entry->is_directory() && is_skipped(entry->path())) entry.disable_recursion_pending();
      if (entry->is_regular_file()) files.push_back(fs::relative(entry->path(), source).string());
    }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(PlainEnglish, NoBannedPhraseInTheTree) {
  const BannedPhrases banned;
  std::string found;
  std::size_t count = 0;
  for (const auto& file : files_of_the_tree()) {
    if (std::find(exempt.begin(), exempt.end(), file) != exempt.end()) continue;
    const auto text = content_of(source / file);
    if (text.find('\0') != std::string::npos) continue;
    for (const auto& place : banned.find(file, text)) {
      found += place + "\n";
      ++count;
    }
  }
  EXPECT_EQ(count, 0U) << found << "tests/unit/banned_phrases.txt says what to write instead";
}

TEST(PlainEnglish, NoTestPrintsThatItChecksNothingAndPasses) {
  // In two parts, because this file is read too. The tests use GTEST_SKIP or exit status 77, so that they are counted.
  constexpr std::string_view printed =
      "NOT"
      " CHECKED";
  for (const auto& file : files_of_the_tree()) {
    if (!file.starts_with("tests/")) continue;
    EXPECT_EQ(content_of(source / file).find(printed), std::string::npos) << file;
  }
}

TEST(PlainEnglish, TheListFindsBannedPhrases) {
  const BannedPhrases banned;
  for (const auto* line :
       {"'x' is no directory", "key 'a' stands twice in recipe", "it was cut off or added to", "the file beside it",
        "max or most_lines", "bake holds the base to the digest", "ends in good order", "Nobody has confirmed it",
        "trust this key no more", "it is not read, for it may be running", "// What is not signed is refused",
        "there is no room", "it lies in the store"})
    EXPECT_EQ(banned.find("f", line).size(), 1U) << line;
}

TEST(PlainEnglish, TheListAcceptsPlainSentences) {
  const BannedPhrases banned;
  for (const auto* line :
       {"there is no directory 'x'", "the key is no longer trusted", "stand-ins for az", "no more than 10",
        "most files are small", "ports for a web server", "names of the files to read", "understand the standard",
        "package nobody-has-this", "it costs nothing", "the kernel holds the lock", "takes what it needs"})
    EXPECT_EQ(banned.find("f", line), std::vector<std::string>{}) << line;
}

TEST(PlainEnglish, EveryPlaceIsNamed) {
  EXPECT_EQ(BannedPhrases().find("a.md", "good\nin good order\n\nBeside it, upon it\n"),
            (std::vector<std::string>{
                R"(a.md:2: \bin good order\b)",
                R"(a.md:4: \bbeside\b  )" + std::string(R"(\b(whence|hence|whither|whereof|whereby|wherein|)") +
                    R"(thereof|thereby|therein|herein|lest|albeit|upon|thrice|ought|shall|naught|whilst|amongst)\b)"}));
}

}  // namespace
