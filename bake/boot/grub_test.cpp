#include "bake/boot/grub_test.hpp"

#include <array>
#include <fmt/format.h>
#include <optional>
#include <string_view>

#include "bake/base/text.hpp"
#include "bake/boot/grub_menu.hpp"
#include "bake/boot/grub_script.hpp"

namespace bake::guest {
namespace {

/// MAX_TEST_RECURSION_DEPTH of test.c is 100.
constexpr int max_depth = 100;

/// -pgt and -plt compare the numbers after a common prefix.
bool compare_after_prefix(const std::string& a, const std::string& b, bool greater) {
  std::size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  while (same > 1 && is_digit(a[same - 1])) --same;
  const auto left = parse_grub_number(std::string_view(a).substr(same)).value;
  const auto right = parse_grub_number(std::string_view(b).substr(same)).value;
  return greater ? left > right : left < right;
}

class Test {
 public:
  Test(const std::vector<std::string>& arguments, const std::function<GrubFileKind(const std::string&)>& kind_of_file)
      : arguments_(arguments), kind_of_file_(kind_of_file) {}

  bool evaluate() { return evaluate_from_here(0); }

 private:
  [[nodiscard]] std::size_t left() const { return arguments_.size() - at_; }
  [[nodiscard]] const std::string& argument(std::size_t distance) const { return arguments_[at_ + distance]; }

  /// Terms up to the end or to ")": -a binds tighter than -o, and ! turns the next term around.
  bool evaluate_from_here(int depth) {
    bool all = true;
    bool any = false;
    bool invert = false;
    const auto update = [&](bool value) {
      all = all && (invert ? !value : value);
      invert = false;
    };
    while (left() > 0) {
      if (const auto value = take_term()) {
        update(*value);
        continue;
      }
      const auto word = argument(0);
      ++at_;
      if (word == ")") return any || all;
      if (word == "(") {
        if (depth >= max_depth) throw Undetermined("a test is nested too deep");
        update(evaluate_from_here(depth + 1));
      } else if (word == "!") {
        invert = !invert;
      } else if (word == "-o") {
        any = any || all;
        all = true;
      } else if (word != "-a") {
        update(!word.empty());
      }
    }
    return any || all;
  }

  /// A comparison or a test of a file or text; empty when none begins here.
  std::optional<bool> take_term() {
    std::optional<bool> value;
    if (left() > 2 && (value = comparison(argument(0), argument(1), argument(2))))
      at_ += 3;
    else if (left() > 1 && (value = property(argument(0), argument(1))))
      at_ += 2;
    return value;
  }

  static std::optional<bool> comparison(const std::string& a, const std::string& how, const std::string& b) {
    if (how == "=" || how == "==") return a == b;
    if (how == "!=") return a != b;
    if (how == "<") return a < b;
    if (how == "<=") return a <= b;
    if (how == ">") return a > b;
    if (how == ">=") return a >= b;
    if (how == "-pgt" || how == "-plt") return compare_after_prefix(a, b, how == "-pgt");
    if (how.starts_with("-nt") || how.starts_with("-ot"))
      throw Undetermined(fmt::format("the times of '{}' and '{}' are compared", a, b));
    const auto left = parse_signed_grub_number(a);
    const auto right = parse_signed_grub_number(b);
    if (how == "-eq") return left == right;
    if (how == "-ne") return left != right;
    if (how == "-ge") return left >= right;
    if (how == "-gt") return left > right;
    if (how == "-le") return left <= right;
    if (how == "-lt") return left < right;
    return std::nullopt;
  }

  [[nodiscard]] std::optional<bool> property(const std::string& what, const std::string& object) const {
    if (what == "-n") return !object.empty();
    if (what == "-z") return object.empty();
    if (what != "-d" && what != "-e" && what != "-f" && what != "-s") return std::nullopt;
    const auto kind = kind_of_file_(object);
    if (what == "-d") return kind == GrubFileKind::directory;
    if (what == "-s") return kind == GrubFileKind::file;
    if (what == "-f") return kind == GrubFileKind::file || kind == GrubFileKind::empty_file;
    return kind != GrubFileKind::none;
  }

  const std::vector<std::string>& arguments_;
  const std::function<GrubFileKind(const std::string&)>& kind_of_file_;
  std::size_t at_ = 0;
};

}  // namespace

bool evaluate_grub_test(const std::vector<std::string>& arguments,
                        const std::function<GrubFileKind(const std::string&)>& kind_of_file) {
  return Test(arguments, kind_of_file).evaluate();
}

}  // namespace bake::guest
