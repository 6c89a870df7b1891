#include "bake/evidence/purl.hpp"

#include <fmt/format.h>
#include <string_view>

#include "bake/base/text.hpp"

namespace bake::evidence {
namespace {

/// Percent-encodes what the specification names in "character encoding"; a colon stays.
std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~:";
  std::string out;
  for (const char c : text)
    if (plain.find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

std::string purl_of(const Distribution& distribution, const std::string& name, const std::string& version,
                    const std::string& arch) {
  const bool rpm = distribution.type == "rpm";
  auto number = version;
  std::string epoch;
  if (const auto colon = number.find(':'); rpm && colon != std::string::npos) {
    epoch = number.substr(0, colon);
    number.erase(0, colon + 1);
  }
  // The types deb and rpm want a lower-case namespace, and deb a lower-case name.
  auto text = fmt::format("pkg:{}/{}/{}@{}", distribution.type, percent_encoded(to_lower(distribution.id)),
                          percent_encoded(rpm ? name : to_lower(name)), percent_encoded(number));
  text += "?arch=" + percent_encoded(arch);
  if (!distribution.version.empty()) text += "&distro=" + percent_encoded(distribution.id + "-" + distribution.version);
  if (!epoch.empty() && epoch != "0") text += "&epoch=" + percent_encoded(epoch);
  return text;
}

}  // namespace bake::evidence
