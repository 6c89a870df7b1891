#include "bake/commands/matrix_rows.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "matrix/json.hpp"
#include "matrix/words.hpp"

namespace bake::cli {
namespace {

using namespace matrix;

template <typename Row>
Json all(const std::vector<Row>& rows) {
  auto list = Json::array();
  for (const auto& row : rows) list.push_back(Json(row));
  return list;
}

/// Returns a JSON value as the text of one table cell.
std::string cell(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) {
    std::vector<std::string> items;
    for (const auto& item : value) items.push_back(cell(item));
    return join(items, ",");
  }
  if (value.is_object()) return std::to_string(value.size());
  return value.dump();
}

/// Returns the fields of each topic's table, in order.
const std::vector<std::pair<std::string, std::vector<std::string>>>& columns() {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> all_columns{
      {"os", {"id", "version", "distro", "ga_kernel", "inbox", "end_of_life", "extension", "confidence"}},
      {"sizes", {"name", "family", "generation", "hcas", "speed", "transport", "vm_generations", "arch", "confidence"}},
      {"ofed", {"version", "line", "layout", "lts", "generations", "distros", "confidence"}},
      {"bundles", {"file", "arch", "sha256", "confidence"}},
      {"inbox", {"key", "generations", "packages", "confidence"}},
      {"pci", {"device", "name", "generation", "driver", "virtual_function", "confidence"}},
      {"rules", {"id", "effect", "message", "confidence"}},
      {"secure-boot",
       {"id", "os", "kernel_at_least", "kernel_below", "kernel_contains", "signature", "keyring", "accepts", "bake",
        "confidence"}},
      {"manifest", {"type", "os", "distro", "version", "link", "kernel_devel"}},
  };
  return all_columns;
}

/// Returns the driver release that a person means; `name` itself if it is something else.
std::string release_named(const Matrix& matrix, const std::string& name) {
  return driver_words(name) ? matrix.driver_release(name) : name;
}

}  // namespace

const std::vector<std::string>& matrix_topics() {
  static const std::vector<std::string> topics = [] {
    std::vector<std::string> names;
    for (const auto& [name, fields] : columns()) names.push_back(name);
    return names;
  }();
  return topics;
}

Json rows_to_json(const Matrix& matrix, const std::string& topic) {
  if (topic == "os") return all(matrix.operating_systems());
  if (topic == "sizes") return all(matrix.sizes());
  if (topic == "ofed") return all(matrix.ofed_releases());
  if (topic == "bundles") return all(matrix.bundles());
  if (topic == "inbox") return all(matrix.inbox_drivers());
  if (topic == "pci") return all(matrix.pci_devices());
  if (topic == "rules") return all(matrix.rules());
  if (topic == "secure-boot") return all(matrix.secure_boot());
  return all(matrix.extension_manifest());
}

std::vector<std::vector<std::string>> rows_to_table(const Matrix& matrix, const std::string& topic) {
  std::vector<std::vector<std::string>> table;
  for (const auto& [name, fields] : columns()) {
    if (name != topic) continue;
    table.push_back(fields);
    for (const auto& row : rows_to_json(matrix, topic)) {
      table.emplace_back();
      for (const auto& field : fields) table.back().push_back(cell(row.at(field)));
    }
  }
  return table;
}

std::vector<std::pair<std::string, Json>> rows_named(const Matrix& matrix, const std::string& name) {
  std::vector<std::pair<std::string, Json>> found;
  if (const auto* size = matrix.find_size(name)) found.emplace_back("sizes", Json(*size));
  const auto [id, version] = release_words(name);
  const auto* os = matrix.find_os(id, version);
  if (os != nullptr) found.emplace_back("os", Json(*os));
  const auto release = release_named(matrix, name);
  if (const auto* row = matrix.find_ofed(release)) found.emplace_back("ofed", Json(*row));
  for (const auto& bundle : matrix.bundles())
    if (bundle.ofed == release || bundle.file == name || (!bundle.sha256.empty() && bundle.sha256 == to_lower(name)))
      found.emplace_back("bundles", Json(bundle));
  auto device = to_lower(name);
  if (device.starts_with("15b3:")) device = "0x" + device.substr(5);
  for (const auto& row : matrix.pci_devices())
    if (fmt::format("0x{:04x}", row.device) == device) found.emplace_back("pci", Json(row));
  for (const auto& rule : matrix.rules())
    if (rule.id == name) found.emplace_back("rules", Json(rule));
  for (const auto& row : matrix.secure_boot())
    if (row.id == name) found.emplace_back("secure-boot", Json(row));
  for (const auto& inbox : matrix.inbox_drivers())
    if (inbox.key == (os != nullptr ? os->id + os->version : name)) found.emplace_back("inbox", Json(inbox));
  return found;
}

std::string as_columns(const std::vector<std::vector<std::string>>& table) {
  std::vector<std::size_t> widths;
  for (const auto& line : table)
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], line[i].size());
    }
  std::string text;
  for (const auto& line : table) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) row += fmt::format("{:{}}  ", line[i], widths[i]);
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

}  // namespace bake::cli
