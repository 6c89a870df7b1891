// What a name means in the store: the whole name of a bundle or of extra packages, or the beginning of its id.
#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/store/store.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t min_digits = 4;

/// A hint with the one of `names` that `name` probably means: it is misspelled or is a part of it. Empty when there is
/// none.
std::string similar(const std::string& name, const std::vector<std::string>& names) {
  if (auto near = did_you_mean(name, names); !near.empty() || names.empty()) return near;
  const auto part = std::find_if(names.begin(), names.end(), [&](const std::string& whole) {
    return to_lower(whole).find(to_lower(name)) != std::string::npos;
  });
  return part == names.end() ? "" : fmt::format("did you mean '{}'?", *part);
}

Error not_in_store(const Store& store, const std::string& name, const std::vector<std::string>& names) {
  auto hint = similar(name, names);
  std::vector<Remedy> remedies;
  if (hint.empty() && !names.empty()) remedies = {{Remedy::Action::list_bundles}};
  return {ErrorKind::usage,
          fmt::format("looking for bundle '{}': not in the store '{}'{}", name, store.directory().string(),
                      store.absence()),
          std::move(hint), std::move(remedies)};
}

std::string id_of(const bundle::Bundle& bundle) { return bundle.id(); }
std::string id_of(const bundle::Extras& extras) { return extras.id; }

/// Those of `all` that are called `name`.
template <typename Object>
std::vector<Object> called(const std::string& name, std::vector<Object> all) {
  std::erase_if(all, [&](const Object& object) {
    return object.name != name && !(name.size() >= min_digits && id_of(object).starts_with(to_lower(name)));
  });
  return all;
}

template <typename Object>
void add_names(std::vector<std::string>& names, const std::vector<Object>& all) {
  for (const auto& object : all) names.push_back(object.name);
}

template <typename Object>
void add_ids(std::vector<std::string>& ids, const std::vector<Object>& all) {
  for (const auto& object : all) ids.push_back(id_of(object).substr(0, 12));
}

[[noreturn]] void refuse_several(const std::string& name, std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  throw Error(ErrorKind::usage, fmt::format("looking for bundle '{}': it means {} entries", name, ids.size()),
              "say which by its id: " + join(ids, ", "));
}

}  // namespace

std::string Store::absence() const {
  std::error_code error;
  const auto status = fs::status(directory_, error);
  if (fs::exists(status)) return "";
  return ": " + (fs::status_known(status) ? "there is no such directory" : error.message());
}

bundle::Bundle Store::get(const std::string& name) const {
  const auto all = list();
  auto matches = called(name, all);
  if (matches.size() == 1) return std::move(matches.front());
  std::vector<std::string> names;
  add_ids(names, matches);
  if (!matches.empty()) refuse_several(name, std::move(names));
  add_names(names, all);
  auto error = not_in_store(*this, name, names);
  if (called(name, all_extras()).empty()) throw error;
  throw Error(error.kind(), error.message(), "there are extra packages of that name",
              {{Remedy::Action::show_bundle, name}});
}

std::variant<bundle::Bundle, bundle::Extras> Store::get_any(const std::string& name) const {
  const auto all = list();
  const auto more = all_extras();
  auto bundles = called(name, all);
  auto extras = called(name, more);
  std::vector<std::string> words;
  if (bundles.size() + extras.size() > 1) {
    add_ids(words, bundles);
    add_ids(words, extras);
    refuse_several(name, std::move(words));
  }
  if (!bundles.empty()) return std::move(bundles.front());
  if (!extras.empty()) return std::move(extras.front());
  add_names(words, all);
  add_names(words, more);
  throw not_in_store(*this, name, words);
}

std::string Store::remove(const std::string& name) {
  std::error_code out_of_reach;
  if (!fs::exists(directory_, out_of_reach)) throw not_in_store(*this, name, {});  // and a transaction would make it
  SilentProgress silent;
  StoreTransaction transaction(directory_, silent);
  const auto meant = get_any(name);
  if (const auto* extras = std::get_if<bundle::Extras>(&meant)) {
    transaction.remove("extras", extras->id);
    return extras->name;
  }
  const auto& bundle = std::get<bundle::Bundle>(meant);
  transaction.remove("bundles", bundle.id());
  return bundle.name;
}

}  // namespace bake::store
