#include "bake/cli/typical_times.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

using Json = nlohmann::json;

constexpr std::string_view schema = "bake/step-times/v1";
constexpr std::size_t times_of_each = 5;
constexpr std::size_t max_guests = 64;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

std::string kind_of_step(std::string_view name) {
  const auto words = split_words(name);
  const auto object = std::find_if(words.begin() + (words.empty() ? 0 : 1), words.end(), [](const std::string& word) {
    return word.find_first_of("'(0123456789") != std::string::npos;
  });
  return join({words.begin(), object}, " ");
}

TypicalTimes::TypicalTimes(std::string_view text) {
  const auto document = Json::parse(text, nullptr, false);
  if (!document.is_object() || document.value("schema", Json()) != schema || !document.contains("guests")) return;
  try {
    document.at("guests").get_to(times_);
  } catch (const Json::exception&) {
    times_.clear();
  }
}

std::optional<double> TypicalTimes::of(const std::string& guest, std::string_view step) const {
  const auto steps = times_.find(guest);
  if (steps == times_.end()) return std::nullopt;
  const auto found = steps->second.find(kind_of_step(step));
  if (found == steps->second.end() || found->second.empty()) return std::nullopt;
  return median(found->second);
}

void TypicalTimes::add(const std::string& guest, std::string_view step, double seconds) {
  auto& times = times_[guest][kind_of_step(step)];
  times.push_back(std::round(seconds * 100) / 100);
  if (times.size() > times_of_each) times.erase(times.begin(), times.end() - times_of_each);
  if (times_.size() > max_guests)
    times_.erase(times_.begin()->first == guest ? std::next(times_.begin()) : times_.begin());
}

std::string TypicalTimes::text() const {
  return Json{{"schema", schema}, {"guests", times_}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bake::cli
