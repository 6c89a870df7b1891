#include "bake/report/difference.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>

#include "bake/base/text.hpp"

namespace bake::report {
namespace {

using Json = nlohmann::ordered_json;
using Index = std::map<std::string, const Entry*>;

Index index_of(const std::vector<Entry>& entries) {
  Index index;
  for (const auto& entry : entries) index.emplace(entry.name, &entry);
  return index;
}

bool equal_fields(const Fields& a, const Fields& b, std::size_t significant) {
  if (significant == 0 || significant > std::min(a.size(), b.size())) return a == b;
  return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(significant), b.begin());
}

/// Compares the entries of a part. Of a part that is not a list, only names that both documents know count.
PartDifference compare_part(const Content& a, const Content& b) {
  PartDifference result{a.part, "", "", 0, {}};
  if (!a.missing.empty() || !b.missing.empty()) {
    result.not_compared = !a.missing.empty() && !b.missing.empty() ? a.missing
                          : a.missing.empty()                      ? "b: " + b.missing
                                                                   : "a: " + a.missing;
    return result;
  }
  const auto of_a = index_of(a.entries);
  const auto of_b = index_of(b.entries);
  for (const auto& entry : a.entries) {
    const auto other = of_b.find(entry.name);
    if (other == of_b.end()) {
      if (a.list) result.changes.push_back({entry.name, entry.fields, {}});
    } else if (equal_fields(entry.fields, other->second->fields, a.significant)) {
      ++result.equal;
    } else {
      result.changes.push_back({entry.name, entry.fields, other->second->fields});
    }
  }
  if (a.list)
    for (const auto& entry : b.entries)
      if (!of_a.contains(entry.name)) result.changes.push_back({entry.name, {}, entry.fields});
  if (a.list)
    std::stable_sort(result.changes.begin(), result.changes.end(),
                     [](const Change& one, const Change& two) { return one.name < two.name; });
  return result;
}

/// The digest over all files of an image says something only while the listed ones are equal, because it covers those
/// too.
void compare_other_files(const Document& a, const Document& b, PartDifference& files) {
  const auto rest_a = text_at(a.json, "/files/rest");
  const auto rest_b = text_at(b.json, "/files/rest");
  if (!files.not_compared.empty()) return;
  if (rest_a.empty() || rest_b.empty() || !files.changes.empty()) {
    files.note = "only files that the manifests list: those of the packages and of bake, /etc, /boot and other modules";
    return;
  }
  if (rest_a == rest_b)
    files.note = "all other files have the same names, types, modes, owners, sizes and link targets";
  else
    files.changes.push_back(
        {"files that the manifests do not list", Fields{{"digest", rest_a}}, Fields{{"digest", rest_b}}});
}

using Versions = std::map<std::string, std::vector<Fields>>;  ///< by name; a kernel can be there in several versions

Versions versions_of(const Packages& packages) {
  Versions versions;
  for (const auto& entry : packages.installed) versions[entry.name].push_back(entry.fields);
  return versions;
}

const std::string& field(const Fields& fields, std::size_t number) { return fields.at(number).second; }

/// Returns whether two packages are the same one. An origin that is not known equals every other.
bool same_package(const Fields& a, const Fields& b) {
  const auto& from_a = field(a, 2);
  const auto& from_b = field(b, 2);
  return field(a, 0) == field(b, 0) && field(a, 1) == field(b, 1) &&
         (from_a == from_b || from_a.empty() || from_b.empty());
}

/// Removes the first element of `list` that `fits`, and returns it.
template <typename Fits>
std::optional<Fields> take(std::vector<Fields>& list, Fits fits) {
  const auto found = std::find_if(list.begin(), list.end(), fits);
  if (found == list.end()) return std::nullopt;
  auto taken = std::move(*found);
  list.erase(found);
  return taken;
}

/// Compares the packages of one name: equal ones first, then those of the same architecture, then a single one with a
/// single one; the rest was added or removed.
void compare_versions_of(const std::string& name, std::vector<Fields> a, std::vector<Fields> b,
                         PartDifference& result) {
  const auto pair_up = [&](auto fits, auto use) {
    std::erase_if(a, [&](const Fields& one) {
      auto other = take(b, [&](const Fields& two) { return fits(one, two); });
      if (other) use(one, *other);
      return other.has_value();
    });
  };
  const auto changed = [&](const Fields& one, const Fields& two) { result.changes.push_back({name, one, two}); };
  pair_up(same_package, [&](const Fields& /*a*/, const Fields& /*b*/) { ++result.equal; });
  pair_up([](const Fields& one, const Fields& two) { return field(one, 1) == field(two, 1); }, changed);
  if (a.size() == 1 && b.size() == 1) return changed(a.front(), b.front());
  for (const auto& fields : a) result.changes.push_back({name, fields, {}});
  for (const auto& fields : b) result.changes.push_back({name, {}, fields});
}

PartDifference compare_packages(const Packages& a, const Packages& b) {
  PartDifference result{"packages", "", "", 0, {}};
  const auto of_a = versions_of(a);
  const auto of_b = versions_of(b);
  std::set<std::string> names;
  for (const auto* versions : {&of_a, &of_b})
    for (const auto& [name, list] : *versions) names.insert(name);
  const auto list_of = [](const Versions& versions, const std::string& name) {
    const auto found = versions.find(name);
    return found == versions.end() ? std::vector<Fields>() : found->second;
  };
  for (const auto& name : names) compare_versions_of(name, list_of(of_a, name), list_of(of_b, name), result);
  return result;
}

/// Returns those packages of `all` whose names `changed` has, also as removed ones. Their origins are left out, because
/// the two lists name them in other words.
Packages restricted(Packages all, const Packages& changed) {
  std::set<std::string> names(changed.removed.begin(), changed.removed.end());
  for (const auto& entry : changed.installed) names.insert(entry.name);
  std::erase_if(all.installed, [&](const Entry& entry) { return !names.contains(entry.name); });
  for (auto& entry : all.installed) entry.fields.at(2).second.clear();
  return all;
}

PartDifference compare_packages_of(const Document& a, const Document& b) {
  auto packages_a = packages_of(a);
  auto packages_b = packages_of(b);
  if (packages_a.scope == packages_b.scope) {
    auto result = compare_packages(packages_a, packages_b);
    if (packages_a.scope == PackageScope::changed)
      result.note = "only packages that bake installs, because neither lists all packages of its image";
    return result;
  }
  const bool a_is_changed = packages_a.scope == PackageScope::changed;
  if (a_is_changed)
    packages_b = restricted(std::move(packages_b), packages_a);
  else
    packages_a = restricted(std::move(packages_a), packages_b);
  auto result = compare_packages(packages_a, packages_b);
  result.note = fmt::format("only packages that the bake of {0} changes, because {0} does not list the others",
                            a_is_changed ? "a" : "b");
  return result;
}

Side side_of(const Document& document) {
  return {document.file,
          document.read_from,
          document.kind,
          text_at(document.json, document.kind == Kind::plan ? "/recipe" : "/recipe/name"),
          text_at(document.json, "/time"),
          document.kind == Kind::plan && text_at(document.json, "/works") == "false"};
}

Json json_of(const std::optional<Fields>& fields) {
  if (!fields) return nullptr;
  if (fields->size() == 1 && fields->front().first == "value") return fields->front().second;
  Json json = Json::object();
  for (const auto& [name, text] : *fields) json[name] = text;
  return json;
}

Json json_of(const Side& side) {
  Json json{{"file", side.file}, {"kind", name_of(side.kind)}};
  if (!side.read_from.empty()) json["read_from"] = side.read_from;
  if (!side.recipe.empty()) json["recipe"] = side.recipe;
  if (!side.time.empty()) json["time"] = side.time;
  if (side.refused) json["refused"] = true;
  return json;
}

Json json_of(const PartDifference& part) {
  Json json{{"state", !part.not_compared.empty() ? "not compared" : part.changes.empty() ? "same" : "different"}};
  if (!part.not_compared.empty()) {
    json["reason"] = part.not_compared;
    return json;
  }
  if (!part.note.empty()) json["note"] = part.note;
  json["same"] = part.equal;
  json["differences"] = Json::array();
  for (const auto& change : part.changes)
    json["differences"].push_back(
        {{"name", change.name}, {"change", word_for(change)}, {"a", json_of(change.a)}, {"b", json_of(change.b)}});
  return json;
}

}  // namespace

bool Difference::equal() const {
  return std::all_of(parts.begin(), parts.end(), [](const PartDifference& part) { return part.changes.empty(); });
}

Difference compare(const Document& a, const Document& b) {
  Difference difference{side_of(a), side_of(b), {}};
  const auto contents_a = contents_of(a);
  const auto contents_b = contents_of(b);
  for (std::size_t i = 0; i < contents_a.size(); ++i) {
    auto part = compare_part(contents_a[i], contents_b[i]);
    if (part.part == "files") compare_other_files(a, b, part);
    const bool after_driver = part.part == "driver";
    difference.parts.push_back(std::move(part));
    if (after_driver) difference.parts.push_back(compare_packages_of(a, b));
  }
  return difference;
}

std::string_view word_for(const Change& change) { return !change.a ? "added" : !change.b ? "removed" : "changed"; }

std::string summary_of(const PartDifference& part) {
  if (!part.not_compared.empty()) return "not compared: " + part.not_compared;
  if (part.changes.empty()) return "same";
  std::vector<std::string> counts;
  for (const auto* word : {"added", "removed", "changed"})
    if (const auto count = std::count_if(part.changes.begin(), part.changes.end(),
                                         [&](const Change& change) { return word_for(change) == word; });
        count != 0)
      counts.push_back(fmt::format("{} {}", count, word));
  if (part.equal != 0) counts.push_back(fmt::format("{} same", part.equal));
  return join(counts, ", ");
}

Json to_json(const Difference& difference) {
  Json parts;
  for (const auto& part : difference.parts) parts[part.part] = json_of(part);
  return {{"schema", "bake-diff/v1"},
          {"equal", difference.equal()},
          {"a", json_of(difference.a)},
          {"b", json_of(difference.b)},
          {"parts", parts}};
}

}  // namespace bake::report
