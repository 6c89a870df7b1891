#include "bake/fleet/events.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "bake/base/error.hpp"

namespace bake::fleet {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_event = std::size_t{64} << 10U;
constexpr int max_events_at_once = 1000;  // a child that sends without end must not stop this process

}  // namespace

ChildEvents::ChildEvents() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw Error(ErrorKind::failed, fmt::format("making a socket for events: {}", std::strerror(errno)));
  parent_ = FileDescriptor(ends[0]);
  child_ = FileDescriptor(ends[1]);
}

std::optional<Progress::PartStep> ChildEvents::read() {
  bool changed = false;
  std::string packet(max_event, '\0');
  for (int i = 0; i < max_events_at_once; ++i) {
    const auto count = ::recv(parent_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    changed = apply_event(packet.substr(0, static_cast<std::size_t>(count)), step_) || changed;
  }
  return changed ? std::optional(step_) : std::nullopt;
}

bool apply_event(const std::string& event, Progress::PartStep& step) {
  const auto json = Json::parse(event, nullptr, false);
  if (!json.is_object()) return false;
  try {
    if (json.at("event") == "step") {
      Progress::PartStep next{json.at("name"), json.at("n"), std::nullopt, std::nullopt, std::nullopt};
      if (json.at("of").is_number_unsigned()) next.of = json.at("of").get<std::size_t>();
      if (json.at("typical").is_number()) next.typical = json.at("typical").get<double>();
      step = std::move(next);
      return true;
    }
    if (json.at("event") != "progress" || json.at("total").get<double>() <= 0) return false;
    const auto percent = static_cast<unsigned>(100 * json.at("done").get<double>() / json.at("total").get<double>());
    if (step.percent == percent) return false;
    step.percent = percent;
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

}  // namespace bake::fleet
