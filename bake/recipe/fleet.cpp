#include "bake/recipe/fleet.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/base/yaml.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/recipe/document.hpp"

namespace bake::recipe {
namespace {

namespace fs = std::filesystem;
using yaml::MapReader;
using yaml::Node;

/// `path` with the links of its directory resolved, as far as the directory exists; a link in the last component is not
/// resolved, because bake would replace the link itself.
fs::path resolved(const fs::path& path) {
  const auto absolute = fs::absolute(path);
  std::error_code unreadable;
  auto directory = fs::weakly_canonical(absolute.parent_path(), unreadable);
  if (unreadable) directory = absolute.parent_path().lexically_normal();
  return directory / absolute.filename();
}

fs::path resolved_fully(const fs::path& path) {
  std::error_code unreadable;
  auto full = fs::weakly_canonical(fs::absolute(path), unreadable);
  return unreadable ? fs::absolute(path).lexically_normal() : full;
}

/// Returns a "did you mean" hint from the YAML files in the directory of the missing `path`.
std::string similar_file(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code unreadable;
  const auto directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator entry(directory, unreadable), end; !unreadable && entry != end;
       entry.increment(unreadable))
    if (entry->path().extension() == path.extension()) names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return did_you_mean(path.filename().string(), names);
}

/// Reads one fleet with all included files.
class FleetReader {
 public:
  /// `needs_bases`: a base that does not exist is a problem.
  explicit FleetReader(bool needs_bases) : needs_bases_(needs_bases) {}

  Fleet read(const fs::path& file) {
    Fleet fleet;
    fleet.file = fs::absolute(file);
    top_ = resolved_fully(file).parent_path();
    read_file(file, fleet);
    if (fleet.images.empty() && problems_.empty())
      problems_.push_back({file.string() + ":1", "fleet has no images", {}});
    check_collisions(fleet);
    throw_if_any(ErrorKind::config, fmt::format("reading fleet '{}'", file.string()), problems_);
    return fleet;
  }

 private:
  void read_file(const fs::path& file, Fleet& fleet) {
    const auto identity = resolved_fully(file);
    files_.insert(identity);
    open_.push_back(identity);
    const auto before = problems_.size();
    const bool is_top = open_.size() == 1;  // the message of the whole fleet names it
    const auto text = read_document(file, "fleet", is_top ? "" : file.string(), problems_);
    const auto root = text ? yaml::parse(*text, file, problems_) : Node{};
    if (problems_.size() == before) read_map(root, file, fleet);
    open_.pop_back();
  }

  void read_map(const Node& root, const fs::path& file, Fleet& fleet) {
    MapReader reader(root, "fleet", file, problems_);
    const auto schema = reader.required_text("schema");
    if (schema == recipe_schema) {
      return reader.problem(
          "schema", "it is a recipe, not a fleet", "",
          {{Remedy::Action::plan_recipe, file.string()}, {Remedy::Action::bake_recipe, file.string()}});
    }
    if (!schema.empty() && schema != fleet_schema)
      reader.problem("schema", fmt::format("unknown schema '{}'", schema), "this bake reads bake/fleet/v1");
    read_includes(reader, file, fleet);
    const auto directory = read_defaults(reader, file);
    read_images(reader, file, directory, fleet);
    reader.finish();
  }

  void read_includes(MapReader& reader, const fs::path& file, Fleet& fleet) {
    const Node* node = reader.find("include");
    if (node == nullptr || node->kind == Node::Kind::null) return;
    const auto lines = node->kind == Node::Kind::sequence ? node->items : std::vector<Node>{*node};
    for (const auto& line : lines) {
      if (line.kind != Node::Kind::scalar) {
        problem(reader.where(line.line), "'include' must be a list of fleet files");
        continue;
      }
      include(file.parent_path() / line.scalar, reader.where(line.line), fleet);
    }
  }

  void include(const fs::path& file, const std::string& where, Fleet& fleet) {
    if (!fs::is_regular_file(file))
      return problem(where, fmt::format("there is no fleet file '{}'", file.string()), similar_file(file));
    const auto identity = resolved_fully(file);
    const auto begin = std::find(open_.begin(), open_.end(), identity);
    if (begin != open_.end()) {
      std::vector<std::string> chain;
      for (auto step = begin; step != open_.end(); ++step) chain.push_back(step->filename().string());
      chain.push_back(identity.filename().string());
      return problem(where, fmt::format("'{}' includes itself: {}", file.string(), join(chain, " → ")));
    }
    if (!files_.contains(identity)) read_file(file, fleet);  // a file that is included twice counts once
  }

  fs::path read_defaults(MapReader& reader, const fs::path& file) {
    auto directory = file.parent_path();
    const Node* node = reader.find("defaults");
    if (node == nullptr || node->kind == Node::Kind::null) return directory;
    MapReader defaults(*node, "defaults", file, problems_);
    if (const auto given = defaults.text("directory")) directory /= *given;
    defaults.finish();
    return directory;
  }

  void read_images(MapReader& reader, const fs::path& file, const fs::path& directory, Fleet& fleet) {
    const Node* node = reader.find("images");
    if (node == nullptr || node->kind == Node::Kind::null) return;
    if (node->kind != Node::Kind::sequence) return reader.problem("images", "'images' must be a list");
    for (const auto& item : node->items) {
      FleetImage image;
      image.where = reader.where(item.line);
      if (item.kind == Node::Kind::scalar) {
        add(file.parent_path() / item.scalar, {}, directory, std::move(image), fleet);
        continue;
      }
      MapReader entry(item, "image", file, problems_);
      const auto recipe = entry.required_text("recipe");
      const auto output = entry.text_or("output", "");
      entry.finish();
      if (!recipe.empty())
        add(file.parent_path() / recipe, output.empty() ? fs::path() : file.parent_path() / output, directory,
            std::move(image), fleet);
    }
  }

  void add(const fs::path& recipe, const fs::path& output, const fs::path& directory, FleetImage image, Fleet& fleet) {
    const auto* read = recipe_at(recipe, image.where);
    if (read == nullptr) return;
    image.recipe = *read;
    if (needs_bases_ && !fs::exists(image.recipe.base.path))
      problem(image.where, fmt::format("the base '{}' of recipe '{}' does not exist", image.recipe.base.path.string(),
                                       recipe.string()));
    image.output = resolved(output.empty() ? default_output(image.recipe, directory) : output);
    try {
      require_vhd_name(image.output);
    } catch (const Error& error) {
      problem(image.where, error.message(), error.hint());
    }
    image.name = image.output.lexically_proximate(top_).string();
    fleet.images.push_back(std::move(image));
  }

  /// Returns the recipe, which is read once for all its images; null after a problem.
  const Recipe* recipe_at(const fs::path& file, const std::string& where) {
    const auto path = file.lexically_normal();
    const auto known = recipes_.find(path);
    if (known != recipes_.end()) return known->second ? &*known->second : nullptr;
    auto& recipe = recipes_[path];
    if (!fs::is_regular_file(path)) {
      problem(where, fmt::format("there is no recipe '{}'", path.string()), similar_file(path));
      return nullptr;
    }
    const auto before = problems_.size();
    const auto text = read_document(path, "recipe", path.string(), problems_);
    if (!text) return nullptr;
    auto read = parse(*text, path, problems_);
    if (problems_.size() != before) return nullptr;
    read.file = fs::absolute(path);
    read.base.path = fs::absolute(read.base.path);
    recipe = std::move(read);
    return &*recipe;
  }

  /// Two images must not write the same file, and no image may write an input.
  void check_collisions(const Fleet& fleet) {
    std::map<fs::path, std::string> inputs;
    for (const auto& file : files_) inputs.emplace(file, "a fleet file");
    for (const auto& image : fleet.images) {
      inputs.emplace(resolved_fully(image.recipe.file), "a recipe of the fleet");
      inputs.emplace(resolved_fully(image.recipe.base.path), "a base of the fleet");
    }
    std::map<fs::path, std::string> written;
    for (const auto& image : fleet.images) {
      const auto first = written.find(image.output);
      if (first != written.end()) {
        problem(image.where,
                fmt::format("the output '{}' is also the output of {}", image.output.string(), first->second),
                "give each image its own 'output'");
        continue;
      }
      std::vector<fs::path> own{image.output};
      for (const auto kind : evidence_sidecars) own.push_back(sidecar_of(image.output, kind));
      for (const auto kind : {Sidecar::checksums, Sidecar::result, Sidecar::log, Sidecar::partial})
        own.push_back(sidecar_of(image.output, kind));
      for (const auto& path : own) {
        const auto input = inputs.find(resolved_fully(path));
        if (input != inputs.end())
          problem(image.where, fmt::format("the output would replace '{}', {}", path.string(), input->second));
        const auto other = written.emplace(path, image.where);
        if (!other.second)
          problem(image.where,
                  fmt::format("the output '{}' is a file that {} also writes", path.string(), other.first->second));
      }
    }
  }

  void problem(std::string where, std::string message, std::string hint = {}) {
    problems_.push_back({std::move(where), std::move(message), std::move(hint)});
  }

  std::vector<Problem> problems_;
  std::set<fs::path> files_;    ///< read so far
  std::vector<fs::path> open_;  ///< being read: each includes the next
  std::map<fs::path, std::optional<Recipe>> recipes_;
  bool needs_bases_;
  fs::path top_;
};

}  // namespace

bool is_fleet(const fs::path& file) {
  std::error_code out_of_reach;
  if (!fs::is_regular_file(file, out_of_reach)) return false;  // a pipe can be read only once
  std::vector<Problem> problems;
  const auto text = read_document(file, "recipe", {}, problems);
  if (!text) return false;
  const auto root = yaml::parse(*text, file, problems);
  return std::any_of(root.entries.begin(), root.entries.end(), [](const Node::Entry& entry) {
    return entry.first == "schema" && entry.second.scalar == fleet_schema;
  });
}

Fleet load_fleet(const fs::path& file) { return FleetReader(true).read(file); }

std::vector<Recipe> load_recipes(const fs::path& file) {
  if (!is_fleet(file)) return {load(file)};
  std::vector<Recipe> recipes;
  for (auto& image : FleetReader(false).read(file).images) recipes.push_back(std::move(image.recipe));
  return recipes;
}

}  // namespace bake::recipe
