#include "bake/store/import.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "bake/archive/entry_policy.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

using Kind = ImportedObject::Kind;

constexpr std::size_t max_json = std::size_t{256} << 20U;

void require_identity(const fs::path& object, const std::string& id) {
  if (object.filename() != id)
    throw Error(ErrorKind::untrusted, fmt::format("importing '{}': its own id is '{}'", object.filename().string(),
                                                  printable(id.substr(0, 100))));
}

ImportedObject read_object(const fs::path& object, Kind kind) {
  switch (kind) {
    case Kind::bundle: {
      const auto file = object / "bundle.json";
      const auto bundle = bundle::bundle_from_json(read_text(file, max_json), file);
      require_identity(object, bundle.id());
      return {kind, bundle.name};
    }
    case Kind::extras: {
      const auto file = object / "extras.json";
      const auto extras = bundle::extras_from_json(read_text(file, max_json), file);
      require_identity(object, extras.id);
      return {kind, extras.name};
    }
    case Kind::key:
      break;
  }
  signature::KeyRing().add_file(object);  // throws when the file has no key
  return {kind, object.stem().string()};
}

constexpr std::pair<Kind, const char*> directories[] = {
    {Kind::bundle, "bundles"}, {Kind::extras, "extras"}, {Kind::key, "keyring"}};

}  // namespace

std::vector<ImportedObject> StoreImport::publish() {
  std::vector<ImportedObject> objects;
  std::vector<std::pair<fs::path, std::string>> moves;
  for (const auto& [kind, name] : directories)
    for (const auto& path : entries_of(staging() / name)) {
      objects.push_back(read_object(path, kind));
      moves.emplace_back(fs::path(name) / path.filename(), name);
    }
  // Keys come last, so that no key is trusted before the rest of the import is in the store.
  for (std::size_t i = 0; i < moves.size(); ++i)
    objects[i].is_new = transaction_.adopt(moves[i].first, moves[i].second, moves[i].first.filename().string());
  return objects;
}

}  // namespace bake::store
