#include "matrix/matrix.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <unordered_map>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "matrix/loading.hpp"
#include "matrix/words.hpp"
#include "matrix_embedded.hpp"

namespace bake::matrix {
namespace {

namespace fs = std::filesystem;

/// Reads files as one layer. Two rows of a topic must not share a key within a layer.
class LayerReader {
 public:
  explicit LayerReader(std::vector<Problem>& problems) : problems_(problems) {}

  void add(std::string_view text, const fs::path& file) {
    digests_ += fmt::format("{} {}\n", digest_of(text), file.filename().string());
    read_rows(text, file, rows_, problems_);
  }

  Matrix::Rows finish() {
    for_each_topic([&](std::string_view topic, auto& rows) { refuse_duplicates(topic, rows); }, rows_);
    rows_.digest = digest_of(digests_);
    return std::move(rows_);
  }

 private:
  template <typename Row>
  void refuse_duplicates(std::string_view topic, std::vector<Row>& rows) {
    std::unordered_map<std::string, const Row*> seen;
    for (const auto& row : rows) {
      const auto [other, fresh] = seen.emplace(key_of(row), &row);
      if (!fresh)
        problems_.push_back({row.provenance.where, fmt::format("{} row '{}' is a duplicate", topic, key_of(row)),
                             fmt::format("the first one is at {}", other->second->provenance.where)});
    }
  }

  std::vector<Problem>& problems_;
  Matrix::Rows rows_;
  std::string digests_;
};

template <typename Row>
void merge(std::string_view topic, std::vector<Row>& rows, std::vector<Row>& layer, std::vector<Override>& overrides) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < rows.size(); ++i) places.emplace(key_of(rows[i]), i);
  for (auto& row : layer) {
    const auto place = places.find(key_of(row));
    if (place == places.end()) {
      rows.push_back(std::move(row));
      continue;
    }
    overrides.push_back({std::string(topic), place->first, rows[place->second].provenance.where, row.provenance.where});
    rows[place->second] = std::move(row);
  }
}

Matrix::Rows read_built_in(std::vector<Problem>& problems) {
  LayerReader layer(problems);
  for (const auto& file : embedded_files)
    if (std::string_view(file.name).ends_with(".yaml")) layer.add(file.text(), file.name);
  return layer.finish();
}

void add_overlay(Matrix::Rows& rows, const fs::path& directory, std::vector<Problem>& problems) {
  LayerReader reader(problems);
  for (const auto& file : overlay_files(directory)) reader.add(read_text(file), file);
  auto layer = reader.finish();
  auto overrides = std::move(rows.overrides);
  for_each_topic([&](std::string_view topic, auto& into, auto& from) { merge(topic, into, from, overrides); }, rows,
                 layer);
  rows.overrides = std::move(overrides);
  rows.overlays.push_back(directory);
  rows.digest = digest_of(rows.digest + "\n" + layer.digest);
}

/// Sorts by file and line, the order in which a person fixes a file.
void sort_by_line(std::vector<Problem>& problems) {
  const auto place = [](const Problem& problem) {
    const auto colon = problem.where.rfind(':');
    return std::pair(problem.where.substr(0, colon),
                     colon == std::string::npos ? 0L : std::strtol(problem.where.c_str() + colon + 1, nullptr, 10));
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const Problem& a, const Problem& b) { return place(a) < place(b); });
}

Matrix::Rows read_all(const std::vector<fs::path>& overlays, std::vector<Problem>& problems) {
  auto rows = read_built_in(problems);
  for (const auto& directory : overlays) add_overlay(rows, directory, problems);
  link_rows(rows);
  // A row that cannot be read causes misleading second problems, so check_rows() waits for readable rows.
  if (problems.empty()) problems = check_rows(rows);
  sort_by_line(problems);
  return rows;
}

std::string size_key(std::string_view name) {
  auto key = replace_all(to_lower(trim(name)), " ", "_");
  if (key.ends_with("_promo")) key.resize(key.size() - 6);
  return key.starts_with("standard_") ? key : "standard_" + key;
}

}  // namespace

bool is_doca(std::string_view version) { return version.starts_with("doca-"); }

std::string product_name(std::string_view version) {
  if (!is_doca(version)) return "MLNX_OFED " + std::string(version);
  return "DOCA-OFED " + std::string(version.substr(version.find('-') + 1));
}

Matrix Matrix::built_in() {
  static const std::shared_ptr<const Rows> rows = [] {
    std::vector<Problem> problems;
    auto read = read_all({}, problems);
    throw_if_any(ErrorKind::bug, "reading the built-in matrix", problems);
    return std::make_shared<const Rows>(std::move(read));
  }();
  return Matrix(rows);
}

Matrix Matrix::load(const std::vector<fs::path>& overlays) {
  if (overlays.empty()) return built_in();
  std::vector<Problem> problems;
  auto rows = read_all(overlays, problems);
  throw_if_any(ErrorKind::config, "reading the matrix", problems);
  return Matrix(std::make_shared<const Rows>(std::move(rows)));
}

std::vector<Problem> Matrix::check(const std::vector<fs::path>& overlays) {
  std::vector<Problem> problems;
  const auto rows = read_all(overlays, problems);
  if (problems.empty()) problems = check_manifest(rows);
  return problems;
}

const std::vector<OsRow>& Matrix::operating_systems() const { return rows_->operating_systems; }
const std::vector<InboxRow>& Matrix::inbox_drivers() const { return rows_->inbox_drivers; }
const std::vector<OfedRow>& Matrix::ofed_releases() const { return rows_->ofed_releases; }
const std::vector<BundleRow>& Matrix::bundles() const { return rows_->bundles; }
const std::vector<SizeRow>& Matrix::sizes() const { return rows_->vm_sizes; }
const std::vector<PciRow>& Matrix::pci_devices() const { return rows_->pci_devices; }
const std::vector<RuleRow>& Matrix::rules() const { return rows_->rules; }
const std::vector<SecureBootRow>& Matrix::secure_boot() const { return rows_->secure_boot; }
const std::vector<ManifestRow>& Matrix::extension_manifest() const { return rows_->extension_manifest; }
const std::vector<Override>& Matrix::overrides() const { return rows_->overrides; }
const std::string& Matrix::digest() const { return rows_->digest; }
const std::vector<fs::path>& Matrix::overlays() const { return rows_->overlays; }

std::vector<TopicCount> Matrix::counts() const {
  std::vector<TopicCount> counts;
  for_each_topic(
      [&](std::string_view topic, const auto& rows) {
        TopicCount count{std::string(topic), rows.size(), 0, 0};
        for (const auto& row : rows) {
          count.unverified += row.provenance.unverified ? 1U : 0U;
          count.without_source += row.provenance.source.empty() ? 1U : 0U;
        }
        counts.push_back(std::move(count));
      },
      *rows_);
  return counts;
}

const SizeRow* Matrix::find_size(std::string_view name) const {
  const auto key = size_key(name);
  for (const auto& size : rows_->vm_sizes)
    if (to_lower(size.name) == key) return &size;
  return nullptr;
}

const OsRow* Matrix::find_os(std::string_view id, std::string_view version) const {
  const auto wanted_id = to_lower(id);
  const auto wanted = to_lower(version.empty() ? id : version);
  for (const auto& os : rows_->operating_systems) {
    if (!version.empty() && os.id != wanted_id) continue;
    if (os.version == wanted || std::find(os.aliases.begin(), os.aliases.end(), wanted) != os.aliases.end()) return &os;
  }
  return nullptr;
}

const OfedRow* Matrix::find_ofed(std::string_view version) const {
  for (const auto& release : rows_->ofed_releases)
    if (release.version == version) return &release;
  return nullptr;
}

std::string Matrix::driver_release(const std::string& text) const {
  if (text.empty() || text == "inbox") return text;
  const auto wanted = driver_words(text);
  if (wanted && (is_whole_release(*wanted) || find_ofed(*wanted) != nullptr)) return *wanted;
  std::vector<std::string> matching, all;
  for (const auto& release : rows_->ofed_releases) {
    all.push_back(release.version);
    if (wanted && (release.version.starts_with(*wanted + "-") || release.version.starts_with(*wanted + ".")))
      matching.push_back(release.version);
  }
  if (matching.size() == 1) return matching.front();
  if (!matching.empty())
    throw Error(ErrorKind::incompatible, fmt::format("choosing driver '{}': it names several releases", text),
                "write one of " + join(matching, ", "));
  const auto similar = did_you_mean(wanted.value_or(text), all);
  throw Error(ErrorKind::incompatible, fmt::format("choosing driver '{}': the matrix has no such release", text),
              similar.empty() ? "write a whole release: 5.5-1.0.3.2, doca-3.2.3-019000" : similar);
}

std::string Matrix::known_sha256(std::string_view file_name) const {
  for (const auto& bundle : bundles())
    if (bundle.file == file_name && !bundle.sha256.empty()) return bundle.sha256;
  return {};
}

const BundleRow* Matrix::find_bundle_by_sha256(std::string_view sha256) const {
  const auto wanted = to_lower(sha256);
  for (const auto& bundle : rows_->bundles)
    if (!wanted.empty() && bundle.sha256 == wanted) return &bundle;
  return nullptr;
}

std::vector<fs::path> overlay_files(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw Error(ErrorKind::usage, fmt::format("reading matrix overlay '{}': not a directory", directory.string()));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".yaml" || entry.path().extension() == ".yml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty())
    throw Error(ErrorKind::usage, fmt::format("reading matrix overlay '{}': it has no .yaml file", directory.string()),
                "an overlay is a directory of matrix rows; docs/matrix-schema.md describes them");
  return files;
}

}  // namespace bake::matrix
