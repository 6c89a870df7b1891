#include "matrix/manifest.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "bake/base/text.hpp"
#include "bake/base/yaml.hpp"
#include "matrix/loading.hpp"
#include "matrix/rules.hpp"

namespace bake::matrix {
namespace {

using Json = nlohmann::ordered_json;

/// Reads the nested lists. The name of the list that contains an element says what the element is: Driver, Version (a
/// type or a leaf), OS, Distro.
class ManifestReader {
 public:
  ManifestReader(std::filesystem::path file, std::string source) : file_(std::move(file)), source_(std::move(source)) {}

  std::vector<ManifestRow> read(std::string_view text) {
    try {
      const auto root = Json::parse(text);
      if (root.is_object())
        lists(root, ManifestRow{}, "", {});
      else
        problem("", "must be an object with a list 'Driver'");
    } catch (const Json::parse_error& error) {
      const auto line =
          1 +
          std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size())), '\n');
      problems_.push_back({fmt::format("{}:{}", file_.string(), line), "is not valid JSON", {}});
    }
    if (problems_.empty() && rows_.empty()) problem("", "has no rows: no element has 'Num' and 'FwLink'");
    throw_if_any(ErrorKind::config, fmt::format("reading manifest '{}'", file_.string()), problems_);
    return std::move(rows_);
  }

 private:
  void problem(const std::string& path, std::string message) {
    problems_.push_back({path.empty() ? file_.string() : file_.string() + " at " + path, std::move(message), {}});
  }

  /// Reads the lists of `node`. Every other key must be in `known`, because writing the file back loses unknown keys.
  void lists(const Json& node, const ManifestRow& above, const std::string& path,
             const std::vector<std::string>& known) {
    for (const auto& [key, value] : node.items()) {
      if (contains({"Driver", "Version", "OS", "Distro"}, key) && value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i)
          element(value[i], key, above, fmt::format("{}{}{}[{}]", path, path.empty() ? "" : ".", key, i));
      } else if (!contains(known, key)) {
        problem(path, fmt::format("key '{}' is unknown, and writing the file back would lose it", key));
      }
    }
  }

  void element(const Json& node, const std::string& list, ManifestRow row, const std::string& path) {
    if (!node.is_object()) return problem(path, "must be an object");
    if (list == "Version" && (node.contains("FwLink") || node.contains("Num"))) return leaf(node, row, path);
    if (list == "Driver") row.driver = text(node, "Name", path);
    if (list == "Distro") row.distro = text(node, "Name", path);
    if (list == "OS") {
      row.os = text(node, "Name", path);
      if (node.contains("Comment")) row.comment = text(node, "Comment", path);
    }
    if (list == "Version" && node.contains("Type")) row.type = text(node, "Type", path);
    const bool comments = list == "OS";
    lists(node, row, path,
          list == "Version" ? std::vector<std::string>{"Type"}
          : comments        ? std::vector<std::string>{"Name", "Comment"}
                            : std::vector<std::string>{"Name"});
  }

  void leaf(const Json& node, ManifestRow row, const std::string& path) {
    row.version = text(node, "Num", path);
    row.link = text(node, "FwLink", path);
    for (const auto& [key, value] : node.items()) {
      if (key == "Num" || key == "FwLink") continue;
      auto content = text(node, key, path);
      if (key == "KernelDevelVer")
        row.kernel_devel = content;
      else if (key == "KernelDevelRPM")
        row.kernel_devel_url = content;
      else
        row.more.insert(row.more.end(), {key, content});
    }
    if (row.driver.empty()) row.driver = "OFED";
    if (row.os.empty()) row.os = parse_bundle_name(row.link).ofed.empty() ? "Windows" : "Linux";
    if (row.distro.empty()) problem(path, "is not inside a 'Distro' list");
    row.provenance = {source_, false, file_.string() + " at " + path};
    for (const auto& other : rows_)
      if (other.driver == row.driver && other.type == row.type && other.os == row.os && other.distro == row.distro &&
          other.version == row.version)
        ++row.repeat;
    rows_.push_back(std::move(row));
  }

  std::string text(const Json& node, const std::string& key, const std::string& path) {
    if (node.contains(key) && node[key].is_string()) {
      auto value = node[key].get<std::string>();
      const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
      if (!std::any_of(value.begin(), value.end(), control)) return value;
      problem(path, fmt::format("'{}' contains control characters", key));
      return {};
    }
    problem(path, node.contains(key) ? fmt::format("'{}' must be a text", key) : fmt::format("has no '{}'", key));
    return {};
  }

  std::filesystem::path file_;
  std::string source_;
  std::vector<ManifestRow> rows_;
  std::vector<Problem> problems_;
};

/// Writes nested lists in the layout of the extension's file: two spaces per level, and a space on both sides of a
/// colon.
class ManifestWriter {
 public:
  using Group = std::vector<const ManifestRow*>;

  std::string write(const std::vector<ManifestRow>& rows) {
    Group all;
    all.reserve(rows.size());
    for (const auto& row : rows) all.push_back(&row);
    out_ = "{\r\n";
    list("Driver", all, &ManifestRow::driver, 1, [&](const auto& drivers) {
      text("Name", drivers.front()->driver, 3, true);
      list("Version", drivers, &ManifestRow::type, 3, [&](const auto& types) {
        if (!types.front()->type.empty()) text("Type", types.front()->type, 5, true);
        list("OS", types, &ManifestRow::os, 5, [&](const auto& systems) {
          if (!systems.front()->comment.empty()) text("Comment", systems.front()->comment, 7, true);
          text("Name", systems.front()->os, 7, true);
          list("Distro", systems, &ManifestRow::distro, 7, [&](const auto& distros) {
            text("Name", distros.front()->distro, 9, true);
            list("Version", distros, nullptr, 9, [&](const auto& leaves) { leaf(*leaves.front()); });
          });
        });
      });
    });
    return out_ + "}\r\n";
  }

 private:
  void line(std::string_view content, int level) { out_ += fmt::format("{:{}}{}\r\n", "", level * 2, content); }
  void text(const std::string& key, const std::string& value, int level, bool more) {
    line(fmt::format("{} : {}{}", Json(key).dump(), Json(value).dump(-1, ' ', false, Json::error_handler_t::replace),
                     more ? "," : ""),
         level);
  }

  /// Writes one element per value of `field`, in the order of their first rows. Without a field it writes one per row.
  template <typename Body>
  void list(std::string_view key, const Group& rows, std::string ManifestRow::*field, int level, Body body) {
    std::vector<Group> groups;
    for (const auto* row : rows) {
      const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
        return field != nullptr && group.front()->*field == row->*field;
      });
      if (same == groups.end())
        groups.push_back({row});
      else
        same->push_back(row);
    }
    line(fmt::format("\"{}\" : [", key), level);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      line("{", level + 1);
      body(groups[i]);
      line(i + 1 < groups.size() ? "}," : "}", level + 1);
    }
    line("]", level);
  }

  void leaf(const ManifestRow& row) {
    std::vector<std::pair<std::string, std::string>> texts{{"Num", row.version}, {"FwLink", row.link}};
    if (!row.kernel_devel.empty()) texts.emplace_back("KernelDevelVer", row.kernel_devel);
    if (!row.kernel_devel_url.empty()) texts.emplace_back("KernelDevelRPM", row.kernel_devel_url);
    for (std::size_t i = 0; i + 1 < row.more.size(); i += 2) texts.emplace_back(row.more[i], row.more[i + 1]);
    for (std::size_t i = 0; i < texts.size(); ++i) text(texts[i].first, texts[i].second, 11, i + 1 < texts.size());
  }

  std::string out_;
};

std::string place_of(const ManifestRow& row) {
  std::vector<std::string> names;
  for (const auto& name : {row.type, row.os, row.distro, row.version})
    if (!name.empty()) names.push_back(name);
  return join(names, " ") + (row.repeat == 0 ? "" : fmt::format(" (again {})", row.repeat));
}

std::vector<Problem> conflicts_of(const Matrix& matrix, const std::vector<ManifestRow>& imported) {
  auto rows = matrix.rows();
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < rows.extension_manifest.size(); ++i)
    places.emplace(key_of(rows.extension_manifest[i]), i);
  for (const auto& row : imported) {
    const auto place = places.find(key_of(row));
    if (place == places.end())
      rows.extension_manifest.push_back(row);
    else
      rows.extension_manifest[place->second] = row;
  }
  return check_manifest(rows);
}

/// Returns a row for a release that the matrix does not know: a copy of its release line, else what the file says.
OfedRow release_like(const Matrix& matrix, const std::string& version, const std::vector<ManifestRow>& rows) {
  OfedRow release;
  for (const auto& known : matrix.ofed_releases())
    if (known.line == version.substr(0, version.find('-'))) release = known;
  release.version = version;
  if (!release.line.empty()) return release;
  release.line = version.substr(0, version.find('-'));
  const bool split = compare_versions(version, "4.6") >= 0 && compare_versions(version, "5.1") < 0;
  release.layout = split ? "split" : "flat";
  for (const auto& row : rows)
    if (contains(known_generations(), row.type) && parse_bundle_name(row.link).ofed == version)
      add_once(release.generations, row.type);
  if (release.generations.empty()) release.generations = {"CX5"};  // the card of the extension's first table
  return release;
}

std::string release_rows(const Matrix& matrix, const std::vector<ManifestRow>& rows) {
  std::vector<std::string> unknown;
  for (const auto& row : rows) {
    const auto version = parse_bundle_name(row.link).ofed;
    if (row.os == "Linux" && !version.empty() && matrix.find_ofed(version) == nullptr) add_once(unknown, version);
  }
  std::string text = unknown.empty() ? "" : "ofed_releases:\n";
  for (const auto& version : unknown) {
    const auto release = release_like(matrix, version, rows);
    text += fmt::format("  - version: {}\n    line: {}\n    layout: {}\n    generations: [{}]\n", yaml::quote(version),
                        yaml::quote(release.line), release.layout, join(release.generations, ", "));
    if (!release.libs.empty()) text += fmt::format("    libs: {}\n", release.libs);
    if (release.lts) text += "    lts: true\n";
    text += fmt::format("    source: {}\n    confidence: unverified\n", yaml::quote(rows.front().provenance.source));
  }
  return text;
}

}  // namespace

std::vector<ManifestRow> parse_manifest(std::string_view text, const std::filesystem::path& file,
                                        const std::string& source) {
  return ManifestReader(file, source).read(text);
}

std::string write_manifest(const std::vector<ManifestRow>& rows) { return ManifestWriter().write(rows); }

ManifestReport compare_manifest(const Matrix& matrix, const std::vector<ManifestRow>& rows) {
  ManifestReport report;
  report.rows = rows.size();
  std::map<std::string, const ManifestRow*> known;
  for (const auto& row : matrix.extension_manifest()) known.emplace(key_of(row), &row);
  for (const auto& row : rows) {
    if (!row.kernel_devel.empty())
      add_once(report.kernel_pins, fmt::format("{} {}: {}", row.distro, row.version, row.kernel_devel));
    const auto found = known.find(key_of(row));
    if (found == known.end()) {
      report.added.push_back({place_of(row), "", "", row.link});
      continue;
    }
    const auto& old = *found->second;
    const auto before = report.changed.size();
    const auto field = [&](const char* name, const std::string& was, const std::string& now) {
      if (was != now) report.changed.push_back({place_of(row), name, was, now});
    };
    field("link", old.link, row.link);
    field("kernel_devel", old.kernel_devel, row.kernel_devel);
    field("kernel_devel_url", old.kernel_devel_url, row.kernel_devel_url);
    field("comment", old.comment, row.comment);
    field("more", join(old.more, " "), join(row.more, " "));
    if (report.changed.size() == before) ++report.identical;
    known.erase(found);
  }
  for (const auto& row : matrix.extension_manifest())
    if (known.contains(key_of(row))) report.kept.push_back({place_of(row), "", row.link, ""});
  report.conflicts = conflicts_of(matrix, rows);
  return report;
}

std::string manifest_overlay(const Matrix& matrix, const std::vector<ManifestRow>& rows) {
  std::string text = "# Rows of the VM extension's table, imported from its resources.json.\n";
  text += release_rows(matrix, rows) + "extension_manifest:\n";
  for (const auto& row : rows) {
    std::string lead = "  - ";
    const auto entry = [&](const char* key, const std::string& value) {
      if (value.empty()) return;
      text += fmt::format("{}{}: {}\n", lead, key, yaml::quote(value));
      lead = "    ";
    };
    entry("driver", row.driver);
    entry("type", row.type);
    entry("os", row.os);
    entry("distro", row.distro);
    entry("version", row.version);
    entry("link", row.link);
    entry("kernel_devel", row.kernel_devel);
    entry("kernel_devel_url", row.kernel_devel_url);
    entry("comment", row.comment);
    if (!row.more.empty()) text += "    more:\n";
    for (std::size_t i = 0; i + 1 < row.more.size(); i += 2)
      text += fmt::format("      {}: {}\n", yaml::quote(row.more[i]), yaml::quote(row.more[i + 1]));
    entry("source", row.provenance.source);
  }
  return text;
}

}  // namespace bake::matrix
