#include "bake/base/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace bake {

Error::Error(ErrorKind kind, const std::string& message, std::string hint, std::vector<Remedy> remedies)
    : std::runtime_error(message), kind_(kind), hint_(std::move(hint)), remedies_(std::move(remedies)) {}

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::incompatible:
      return "incompatible";
    case ErrorKind::untrusted:
      return "untrusted";
    case ErrorKind::config:
      return "config";
    case ErrorKind::environment:
      return "environment";
    case ErrorKind::verification:
      return "verification";
    case ErrorKind::bug:
      return "bug";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "bug";
}

int worst_status(const std::vector<int>& statuses) {
  static constexpr std::array<int, 9> order{130, 70, 4, 7, 6, 1, 3, 5, 2};
  const auto rank = [](int status) {
    if (status == 0) return order.size();
    const auto known = std::find(order.begin(), order.end(), status);
    return static_cast<std::size_t>((known != order.end() ? known : std::find(order.begin(), order.end(), 1)) -
                                    order.begin());
  };
  auto worst = order.size();
  for (const int status : statuses) worst = std::min(worst, rank(status));
  return worst == order.size() ? 0 : order.at(worst);
}

void throw_if_any(ErrorKind kind, std::string_view doing, const std::vector<Problem>& problems) {
  if (problems.empty()) return;
  std::string message(doing);
  std::vector<Remedy> remedies;
  std::vector<std::string> hints;
  message += problems.size() == 1 ? ": " : ": " + std::to_string(problems.size()) + " problems";
  for (const auto& problem : problems) {
    if (problems.size() > 1) message += "\n  ";
    if (!problem.where.empty()) message += problem.where + ": ";
    message += problem.message;
    if (!problem.hint.empty() && std::find(hints.begin(), hints.end(), problem.hint) == hints.end()) {
      message += " (" + problem.hint + ")";
      hints.push_back(problem.hint);
    }
    for (const auto& remedy : problem.remedies)
      if (std::find(remedies.begin(), remedies.end(), remedy) == remedies.end()) remedies.push_back(remedy);
  }
  Error error(kind, message, {}, std::move(remedies));
  error.set_problems(problems);
  throw error;
}

}  // namespace bake
