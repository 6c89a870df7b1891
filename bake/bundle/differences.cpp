#include "bake/bundle/differences.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "bake/base/digest.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"

namespace bake::bundle {
namespace {

constexpr const char* hint = "remove the bundle and add it again";
constexpr std::size_t max_shown = 200;

/// The description as its file has it, so that both sides are normalised in the same way.
Json as_stored(const Bundle& bundle) { return Json::parse(dump(to_json(bundle))); }

std::string shown(const Json& value) {
  const auto text = value.is_string() ? value.get<std::string>() : value.dump();
  return printable(text.substr(0, max_shown));
}

/// Returns the first key of two objects whose values differ; empty if there is none.
std::string first_difference(const Json& stored, const Json& derived) {
  for (const auto& [key, value] : derived.items())
    if (!stored.contains(key) || stored[key] != value) return key;
  for (const auto& [key, value] : stored.items())
    if (!derived.contains(key)) return key;
  return {};
}

/// Removes the signers of modules if the stored package has none: older stores lack them.
Json without_new_signers(Json derived, const Json& stored) {
  const auto has_signer = [](const Json& module) { return module.contains("signer"); };
  const auto modules = stored.value("modules", Json::array());
  if (std::none_of(modules.begin(), modules.end(), has_signer) && derived.contains("modules"))
    for (auto& module : derived["modules"]) module.erase("signer");
  return derived;
}

std::map<std::string, Json> by_file(const Json& packages) {
  std::map<std::string, Json> all;
  for (const auto& package : packages) all.emplace(package.at("file").get<std::string>(), package);
  return all;
}

void compare_packages(const std::string& where, const Json& stored, const Json& derived,
                      std::vector<Problem>& problems) {
  const auto before = by_file(stored);
  const auto now = by_file(derived);
  const auto add = [&](const std::string& file, const std::string& reason) {
    problems.push_back({where, fmt::format("package '{}' {}", printable(file), reason), hint});
  };
  for (const auto& [file, package] : now) {
    const auto found = before.find(file);
    if (found == before.end())
      add(file, "is in the payload, but not in bundle.json");
    else if (const auto key = first_difference(found->second, without_new_signers(package, found->second));
             !key.empty())
      add(file, fmt::format("differs from the payload in '{}'", key));
  }
  for (const auto& [file, package] : before)
    if (!now.contains(file)) add(file, "is in bundle.json, but no sound package of the payload");
  if (stored.size() != derived.size() && before.size() == now.size())
    problems.push_back({where, "bundle.json lists a package twice", hint});
}

void compare_repositories(const Json& stored, const Json& derived, std::vector<Problem>& problems) {
  if (stored.size() != derived.size()) {
    problems.push_back(
        {"bundle.json", fmt::format("lists {} repositories, the payload has {}", stored.size(), derived.size()), hint});
    return;
  }
  for (std::size_t i = 0; i < derived.size(); ++i) {
    auto before = stored[i];
    auto now = derived[i];
    const auto where = "bundle.json: repository " + now.at("directory").get<std::string>();
    compare_packages(where, before.at("packages"), now.at("packages"), problems);
    before.erase("packages");
    now.erase("packages");
    if (const auto key = first_difference(before, now); !key.empty())
      problems.push_back({where, fmt::format("differs from the payload in '{}'", key), hint});
  }
}

}  // namespace

std::string digest_of_index(const IndexTexts& texts) {
  return digest_of(digest_of(texts.packages) + digest_of(texts.filelists));
}

std::vector<Problem> differences(const Bundle& stored, const Bundle& derived) {
  std::vector<Problem> problems;
  const auto before = as_stored(stored);
  const auto now = as_stored(derived);
  for (const auto* key : {"name", "version", "distro", "arch", "layout", "rebuilt", "package_format"})
    if (before.at(key) != now.at(key))
      problems.push_back(
          {"bundle.json",
           fmt::format("its {} is '{}', the payload's is '{}'", key, shown(before.at(key)), shown(now.at(key))), hint});
  if (const auto stated = before.value("doca", Json::object()), found = now.value("doca", Json::object());
      stated != found)
    problems.push_back(
        {"bundle.json",
         fmt::format("its DOCA release differs from the payload's in '{}'", first_difference(stated, found)), hint});
  compare_repositories(before.at("repositories"), now.at("repositories"), problems);
  return problems;
}

std::vector<Problem> differences(const Trust& stored, const Trust& derived) {
  if (stored.signer.empty()) return {};
  if (derived.signer.empty())
    return {
        {"bundle.json",
         fmt::format("records the signer '{}', but no trusted key signed all of the bundle", printable(stored.signer)),
         "name the key file with --keyring, or trust it",
         {{Remedy::Action::trust_key}}}};
  std::vector<Problem> problems;
  const auto compare = [&](const char* what, const std::string& before, const std::string& now) {
    if (before != now)
      problems.push_back(
          {"bundle.json", fmt::format("records {} '{}', the signatures say '{}'", what, printable(before), now), hint});
  };
  compare("the signer", stored.signer, derived.signer);
  const auto sorted = [](std::vector<std::string> words) {
    std::sort(words.begin(), words.end());
    return join(words, ", ");
  };
  compare("the weak algorithms", sorted(stored.weak), sorted(derived.weak));
  return problems;
}

}  // namespace bake::bundle
