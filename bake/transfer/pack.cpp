#include "bake/transfer/pack.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>

#include "bake/archive/archive.hpp"
#include "bake/archive/entry_policy.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/source.hpp"
#include "bake/job/plan.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/signature/dsse.hpp"
#include "bake/signature/signing.hpp"

namespace bake::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = std::size_t{1} << 20U;

/// The content of one entry: a file, or a text.
struct Source {
  fs::path file;
  std::string text;
};

/// Returns the name of a file with only the characters that an archive may contain.
std::string plain_name(const fs::path& file) {
  static constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
  auto name = file.filename().string();
  for (auto& c : name)
    if (allowed.find(c) == std::string_view::npos) c = '_';
  return name;
}

/// Collects the content of the archive, by path in the archive.
class Collection {
 public:
  explicit Collection(job::Environment& environment) : environment_(environment) {}

  void add_recipe(const fs::path& file) {
    auto recipe = recipe::load(file);
    if (std::find(index_.recipes.begin(), index_.recipes.end(), recipe.name) != index_.recipes.end())
      throw Error(ErrorKind::config,
                  fmt::format("packing recipe '{}': another recipe also has the name '{}'", file.string(), recipe.name),
                  "give each recipe a different 'name'");
    if (const auto& own = recipe.customize;
        !own.files.empty() ||
        std::any_of(own.users.begin(), own.users.end(),
                    [](const auto& user) { return !user.authorized_keys.empty(); }) ||
        !own.run.empty() || !own.first_boot.empty())
      throw Error(ErrorKind::incompatible,
                  fmt::format("packing recipe '{}': its 'customize' names files of this machine, which are not packed",
                              file.string()),
                  "carry the recipe and its files yourself");
    if (recipe.secure_boot)
      throw Error(
          ErrorKind::incompatible,
          fmt::format("packing recipe '{}': its 'secure_boot' names keys and certificates of this machine, which "
                      "are not packed",
                      file.string()),
          "carry the recipe and its certificates yourself");
    const auto driver = job::select_driver(recipe, environment_);
    if (driver.bundle) add_object("bundles", driver.bundle->directory, driver.bundle->name, index_.bundles);
    for (const auto& bundle : driver.kernel_bundles)
      add_object("bundles", bundle.directory, bundle.name, index_.bundles);
    for (const auto& extras : driver.extras) add_object("extras", extras.directory, extras.name, index_.extras);
    const auto [base, digest] = add_base(recipe);
    recipe.base.path = "../" + base;
    recipe.base.sha256 = digest;
    index_.recipes.push_back(recipe.name);
    sources_["recipes/" + recipe.name + ".yaml"] = {{}, recipe::write(recipe)};
  }

  void add_keys() {
    const auto home = environment_.store.directory() / "keyring";
    for (const auto& file : entries_of(home))
      if (fs::is_regular_file(file)) sources_["store/keyring/" + file.filename().string()] = {file, {}};
  }

  void add_overlays() {
    for (const auto& overlay : environment_.matrix.overlays()) {
      const auto place = fmt::format("matrix/{}", index_.overlays.size() + 1);
      index_.overlays.push_back(place);
      for (const auto& file : matrix::overlay_files(overlay))
        sources_[place + "/" + file.filename().string()] = {file, {}};
    }
  }

  /// Returns the index with the digest of each file. This is the first of two reads.
  Index finish() {
    index_.bake = BAKE_VERSION;
    index_.time = iso_time(output_time());
    for (auto* names : {&index_.recipes, &index_.bundles, &index_.extras}) std::sort(names->begin(), names->end());
    for (const auto& [path, source] : sources_) {
      environment_.progress.detail(path);
      if (source.file.empty())
        index_.files.push_back({path, source.text.size(), digest_of(source.text)});
      else if (const auto known = digests_.find(source.file); known != digests_.end())
        index_.files.push_back({path, fs::file_size(source.file), known->second});
      else
        index_.files.push_back({path, fs::file_size(source.file), digest_of_file(source.file)});
    }
    parse_index(to_text(index_), "the new archive");  // fails now, not at the import
    return index_;
  }

  [[nodiscard]] const Source& source(const std::string& path) const { return sources_.at(path); }

  [[nodiscard]] std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    for (const auto& [path, source] : sources_)
      if (!source.file.empty()) files.push_back(source.file);
    return files;
  }

 private:
  void add_object(const std::string& kind, const fs::path& directory, const std::string& name,
                  std::vector<std::string>& names) {
    if (!objects_.insert(directory).second) return;
    names.push_back(name);
    for (const auto& entry : fs::recursive_directory_iterator(directory))
      if (entry.is_regular_file())
        sources_[fmt::format("store/{}/{}/{}", kind, directory.filename().string(),
                             fs::relative(entry.path(), directory).generic_string())] = {entry.path(), {}};
  }

  /// Returns the base's path in the archive and its digest. Compares the digest with the recipe's pin now, not after
  /// the import.
  std::pair<std::string, std::string> add_base(const recipe::Recipe& recipe) {
    const auto source = open_source(recipe.base.path);
    const auto file = fs::canonical(source.path);
    auto digest = digests_.find(file);
    if (digest == digests_.end()) {
      environment_.progress.step(fmt::format("hash {}", file.filename().string()));
      digest = digests_.emplace(file, digest_of_file(file, environment_.progress)).first;
    }
    if (!recipe.base.sha256.empty() && recipe.base.sha256 != digest->second)
      throw Error(ErrorKind::untrusted, fmt::format("checking base '{}': its sha256 is {}, the recipe pins {}",
                                                    file.string(), digest->second, recipe.base.sha256));
    auto place = "bases/" + plain_name(file);
    if (const auto taken = sources_.find(place); taken != sources_.end() && taken->second.file != file)
      place = fmt::format("bases/{}-{}", digest->second.substr(0, 12), plain_name(file));
    sources_[place] = {file, {}};
    return {place, digest->second};
  }

  job::Environment& environment_;
  Index index_;
  std::map<std::string, Source> sources_;  ///< by path in the archive
  std::map<fs::path, std::string> digests_;
  std::set<fs::path> objects_;
};

void write_text(archive::TarWriter& tar, const std::string& path, const std::string& text) {
  tar.add_file(path, text.size());
  tar.write(std::as_bytes(std::span(text)));
}

/// Writes a file into the archive: the second read. Throws Error{failed} when the content differs from the index,
/// because the archive could not be imported.
void write_file(archive::TarWriter& tar, const IndexedFile& entry, const fs::path& file) {
  const auto changed = [&] {
    throw Error(ErrorKind::failed, fmt::format("packing '{}': it changed during the export", file.string()));
  };
  const auto fd = open_file(file, O_RDONLY);
  std::vector<std::byte> buffer(buffer_size);
  Hasher hasher;
  std::uint64_t left = entry.size;
  tar.add_file(entry.path, entry.size);
  while (const auto count = read_some(fd, buffer, file)) {
    if (count > left) changed();
    const auto data = std::span(buffer).first(count);
    hasher.update(data);
    tar.write(data);
    left -= count;
  }
  if (left != 0 || hasher.hex() != entry.sha256) changed();
}

}  // namespace

Packed pack(const PackRequest& request, job::Environment& environment) {
  if (!request.private_pem.empty()) signature::public_half(request.private_pem);  // throws before the slow work
  require_free_name(request.output, request.force);                               // likewise
  Collection collection(environment);
  for (const auto& recipe : request.recipes) collection.add_recipe(recipe);
  collection.add_keys();
  collection.add_overlays();
  auto inputs = collection.files();
  inputs.insert(inputs.end(), request.recipes.begin(), request.recipes.end());
  OutputFile output(request.output, request.force, inputs);

  environment.progress.step("hash the files");
  Packed packed{collection.finish(), {}, 0};
  archive::TarWriter tar(output.path(), output_time());
  write_text(tar, index_name, signature::make_envelope(to_text(packed.index), index_type, request.private_pem));
  for (const auto& entry : packed.index.files) {
    environment.progress.step(fmt::format("pack {} ({})", entry.path, human_size(entry.size)));
    const auto& source = collection.source(entry.path);
    if (source.file.empty())
      write_text(tar, entry.path, source.text);
    else
      write_file(tar, entry, source.file);
  }
  tar.finish();
  packed.sha256 = digest_of_file(output.path());
  packed.size = fs::file_size(output.path());
  output.publish();
  return packed;
}

}  // namespace bake::transfer
