#include "bake/boot/grub_script.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

constexpr int max_nesting = 64;
constexpr std::size_t max_tokens = 100'000;  // a large genuine grub.cfg has 4,000

struct SyntaxError {
  std::string what;
};

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

bool is_name(std::string_view text) {
  return !text.empty() && is_name_start(text.front()) && std::all_of(text.begin(), text.end(), is_name_char);
}

/// Characters that end a word.
bool ends_word(char c) { return std::string_view("{}|&;<> \t\n").find(c) != std::string_view::npos; }

struct Token {
  enum class Kind { word, newline, semicolon, open_brace, close_brace, end };
  Kind kind = Kind::end;
  std::string raw;  ///< of a word, as it is written
  ScriptWord word;

  /// An unquoted word of that text: "if" is a keyword, "'if'" is not.
  [[nodiscard]] bool is(std::string_view text) const { return kind == Kind::word && raw == text; }
};

/// Splits a script into words and separators.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next() {
    skip_blanks();
    if (at_ >= text_.size()) return {};
    switch (text_[at_]) {
      case '\n':
        ++at_;
        return {Token::Kind::newline, {}, {}};
      case ';':
        if (peek(1) == ';') throw SyntaxError{"';;'"};
        ++at_;
        return {Token::Kind::semicolon, {}, {}};
      case '{':
        ++at_;
        return {Token::Kind::open_brace, {}, {}};
      case '}':
        ++at_;
        return {Token::Kind::close_brace, {}, {}};
      case '|':
      case '&':
      case '<':
      case '>':
        throw SyntaxError{fmt::format("GRUB has no '{}'", text_[at_])};
      default:
        return read_word();
    }
  }

  [[nodiscard]] std::ptrdiff_t line() const {
    return 1 +
           std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n');
  }

 private:
  [[nodiscard]] char peek(std::size_t distance) const {
    return at_ + distance < text_.size() ? text_[at_ + distance] : '\0';
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == ' ' || text_[at_] == '\t')
        ++at_;
      else if (text_[at_] == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else
        break;
    }
  }

  Token read_word() {
    const auto begin = at_;
    Token token{Token::Kind::word, {}, {}};
    while (at_ < text_.size() && !ends_word(text_[at_])) {
      const char c = text_[at_];
      if (c == '\'')
        read_single_quoted(token.word);
      else if (c == '"')
        read_double_quoted(token.word);
      else if (c == '$' && peek(1) == '"')
        ++at_;  // a text to be translated: quoted like any other
      else if (c == '$')
        read_variable(token.word, ScriptPart::Kind::variable);
      else
        read_plain(token.word);
    }
    token.raw = text_.substr(begin, at_ - begin);
    return token;
  }

  void read_plain(ScriptWord& word) {
    std::string plain;
    while (at_ < text_.size() && !ends_word(text_[at_])) {
      char c = text_[at_];
      if (c == '\'' || c == '"' || c == '$') break;
      if (c == '\\') {
        ++at_;
        if (at_ >= text_.size()) break;
        c = text_[at_];
        if (c == '\n') {  // the word goes on in the next line
          ++at_;
          continue;
        }
      }
      plain += c;
      ++at_;
    }
    if (!plain.empty()) word.push_back({ScriptPart::Kind::text, std::move(plain)});
  }

  void read_single_quoted(ScriptWord& word) {
    const auto end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) throw SyntaxError{"a quote is not closed"};
    word.push_back({ScriptPart::Kind::quoted, std::string(text_.substr(at_ + 1, end - at_ - 1))});
    at_ = end + 1;
  }

  void read_double_quoted(ScriptWord& word) {
    ++at_;
    std::string quoted;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '$') {
        word.push_back({ScriptPart::Kind::quoted, std::move(quoted)});
        quoted.clear();
        read_variable(word, ScriptPart::Kind::quoted_variable);
        continue;
      }
      if (text_[at_] == '\\') {
        const char escaped = peek(1);
        if (escaped == '$' || escaped == '\\' || escaped == '"' || escaped == '\n') {
          if (escaped != '\n') quoted += escaped;
          at_ += 2;
          continue;
        }
      }
      quoted += text_[at_++];
    }
    if (at_ >= text_.size()) throw SyntaxError{"a quote is not closed"};
    ++at_;
    word.push_back({ScriptPart::Kind::quoted, std::move(quoted)});
  }

  /// $name, ${name}, $1, $?, $#, $*, $@.
  void read_variable(ScriptWord& word, ScriptPart::Kind kind) {
    ++at_;
    const bool braces = peek(0) == '{';
    if (braces) ++at_;
    const auto begin = at_;
    const char first = peek(0);
    if (first != '\0' && std::string_view("?#*@").find(first) != std::string_view::npos)
      ++at_;
    else if (is_digit(first))
      while (is_digit(peek(0))) ++at_;
    else if (is_name_start(first))
      while (is_name_char(peek(0))) ++at_;
    else
      throw SyntaxError{"'$' without a name"};
    word.push_back({kind, std::string(text_.substr(begin, at_ - begin))});
    if (!braces) return;
    if (peek(0) != '}') throw SyntaxError{"'${' without '}'"};
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_keyword(const Token& token) {
  static constexpr std::array<std::string_view, 17> keywords{"[[",   "]]",    "case",  "do",     "done",    "elif",
                                                             "else", "esac",  "fi",    "for",    "if",      "in",
                                                             "then", "until", "while", "select", "function"};
  return token.kind == Token::Kind::word && std::find(keywords.begin(), keywords.end(), token.raw) != keywords.end();
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  GrubScript parse() {
    GrubScript script;
    try {
      advance();
      skip_newlines();
      while (token_.kind != Token::Kind::end) {
        script.commands.push_back(parse_command());
        take_delimiter(Token::Kind::end);
      }
    } catch (const SyntaxError& error) {
      script.error = fmt::format("line {}: {}", lexer_.line(), error.what);
    }
    return script;
  }

 private:
  void advance() {
    if (++tokens_ > max_tokens) throw SyntaxError{fmt::format("more than {} words", max_tokens)};
    token_ = lexer_.next();
  }

  void skip_newlines() {
    while (token_.kind == Token::Kind::newline) advance();
  }

  /// What separates commands, unless `last` follows, which needs no separator before it.
  void take_delimiter(Token::Kind last) {
    if (token_.kind == last) return;
    if (token_.kind != Token::Kind::newline && token_.kind != Token::Kind::semicolon) unexpected();
    advance();
    skip_newlines();
  }

  [[noreturn]] void unexpected() const {
    switch (token_.kind) {
      case Token::Kind::word:
        throw SyntaxError{fmt::format("unexpected '{}'", token_.raw.substr(0, 40))};
      case Token::Kind::newline:
        throw SyntaxError{"unexpected end of the line"};
      case Token::Kind::semicolon:
        throw SyntaxError{"unexpected ';'"};
      case Token::Kind::open_brace:
        throw SyntaxError{"unexpected '{'"};
      case Token::Kind::close_brace:
        throw SyntaxError{"unexpected '}'"};
      default:
        throw SyntaxError{"unexpected end of the file"};
    }
  }

  void take(std::string_view keyword) {
    if (!token_.is(keyword)) unexpected();
    advance();
  }

  std::string take_name() {
    if (token_.kind != Token::Kind::word || !is_name(token_.raw)) unexpected();
    auto name = token_.raw;
    advance();
    return name;
  }

  /// At least one command, up to one of `keywords`, which is not taken.
  ScriptBlock parse_until(std::initializer_list<std::string_view> keywords) {
    ScriptBlock block;
    skip_newlines();
    do {
      block.push_back(parse_command());
      take_delimiter(Token::Kind::close_brace);
    } while (std::none_of(keywords.begin(), keywords.end(), [&](auto keyword) { return token_.is(keyword); }));
    return block;
  }

  std::shared_ptr<const ScriptBlock> parse_braces() {
    const Nesting nesting(depth_);
    advance();
    auto block = std::make_shared<ScriptBlock>();
    skip_newlines();
    do {
      block->push_back(parse_command());
      take_delimiter(Token::Kind::close_brace);
    } while (token_.kind != Token::Kind::close_brace);
    advance();
    return block;
  }

  ScriptCommand parse_command() {
    if (token_.kind != Token::Kind::word) unexpected();
    const Nesting nesting(depth_);
    if (token_.is("if")) return parse_if();
    if (token_.is("for")) return parse_for();
    if (token_.is("while")) return parse_while(ScriptCommand::Kind::while_loop);
    if (token_.is("until")) return parse_while(ScriptCommand::Kind::until_loop);
    if (token_.is("function")) return parse_function();
    if (is_keyword(token_)) unexpected();
    return parse_simple();
  }

  ScriptCommand parse_simple() {
    ScriptCommand command;
    while (token_.kind == Token::Kind::word) {
      if (token_.is("[[") || token_.is("]]")) unexpected();
      command.words.push_back(std::move(token_.word));
      advance();
    }
    if (token_.kind == Token::Kind::open_brace) command.body = parse_braces();
    return command;
  }

  ScriptCommand parse_if() {
    ScriptCommand command;
    command.kind = ScriptCommand::Kind::conditional;
    do {
      advance();
      auto condition = parse_until({"then"});
      advance();
      command.branches.emplace_back(std::move(condition), parse_until({"elif", "else", "fi"}));
    } while (token_.is("elif"));
    if (token_.is("else")) {
      advance();
      command.branches.emplace_back(ScriptBlock{}, parse_until({"fi"}));
      command.has_else = true;
    }
    take("fi");
    return command;
  }

  ScriptCommand parse_for() {
    ScriptCommand command;
    command.kind = ScriptCommand::Kind::for_loop;
    advance();
    command.name = take_name();
    take("in");
    while (token_.kind == Token::Kind::word) {
      command.words.push_back(std::move(token_.word));
      advance();
    }
    take_delimiter(Token::Kind::end);
    take("do");
    command.branches.emplace_back(ScriptBlock{}, parse_until({"done"}));
    advance();
    return command;
  }

  ScriptCommand parse_while(ScriptCommand::Kind kind) {
    ScriptCommand command;
    command.kind = kind;
    advance();
    auto condition = parse_until({"do"});
    advance();
    command.branches.emplace_back(std::move(condition), parse_until({"done"}));
    advance();
    return command;
  }

  ScriptCommand parse_function() {
    ScriptCommand command;
    command.kind = ScriptCommand::Kind::function;
    advance();
    command.name = take_name();
    skip_newlines();
    if (token_.kind != Token::Kind::open_brace) unexpected();
    command.body = parse_braces();
    return command;
  }

  /// Counts how deep constructs are nested: the parser calls itself for each.
  class Nesting {
   public:
    explicit Nesting(int& depth) : depth_(depth) {
      if (depth_ >= max_nesting) throw SyntaxError{fmt::format("nested deeper than {} levels", max_nesting)};
      ++depth_;
    }
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& depth_;
  };

  Lexer lexer_;
  Token token_;
  std::size_t tokens_ = 0;
  int depth_ = 0;
};

}  // namespace

GrubScript parse_grub_script(std::string_view text) { return Parser(text).parse(); }

std::string grub_file_lines(std::string_view text) {
  std::string lines;
  lines.reserve(text.size());
  bool comment = false;
  bool at_start = true;
  for (const char c : text) {
    if (c == '\r') continue;
    if (at_start) comment = c == '#';
    at_start = c == '\n';
    if (!comment || c == '\n') lines += c;
  }
  return lines;
}

}  // namespace bake::guest
