#include "bake/cli/matrix_rows.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

using namespace matrix;

Json with_provenance(Json row, const Provenance& from) {
  row["source"] = from.source;
  row["confidence"] = from.unverified ? "unverified" : "confirmed";
  row["row"] = from.where;
  return row;
}

Json to_json(const OsRow& row) {
  return with_provenance({{"id", row.id},
                          {"version", row.version},
                          {"name", row.name},
                          {"family", row.family},
                          {"distro", row.distro},
                          {"aliases", row.aliases},
                          {"ga_kernel", row.ga_kernel},
                          {"kernel_pins", row.kernel_pins},
                          {"kernel_devel_url", row.kernel_devel_url},
                          {"inbox", row.inbox_key},
                          {"inbox_packages", row.inbox},
                          {"end_of_life", row.end_of_life},
                          {"extension", row.extension}},
                         row.provenance);
}
Json to_json(const InboxRow& row) {
  return with_provenance({{"key", row.key}, {"generations", row.generations}, {"packages", row.packages}},
                         row.provenance);
}
Json to_json(const OfedRow& row) {
  return with_provenance({{"version", row.version},
                          {"line", row.line},
                          {"layout", row.layout},
                          {"libs", row.libs},
                          {"embeds", row.embeds},
                          {"generations", row.generations},
                          {"distros", row.distros},
                          {"sha256", row.sha256},
                          {"bakeable", row.bakeable},
                          {"lts", row.lts}},
                         row.provenance);
}
Json to_json(const BundleRow& row) {
  return with_provenance({{"ofed", row.ofed},
                          {"distro", row.distro},
                          {"arch", row.arch},
                          {"file", row.file},
                          {"url", row.url},
                          {"sha256", row.sha256},
                          {"recognised_only", row.recognised_only}},
                         row.provenance);
}
Json to_json(const SizeRow& row) {
  return with_provenance({{"name", row.name},
                          {"family", row.family},
                          {"generation", row.generation},
                          {"hcas", row.hcas},
                          {"transport", row.transport},
                          {"speed", row.speed},
                          {"vm_generations", row.vm_generations},
                          {"arch", row.arch},
                          {"retires", row.retires},
                          {"note", row.note}},
                         row.provenance);
}
Json to_json(const PciRow& row) {
  return with_provenance({{"device", fmt::format("0x{:04x}", row.device)},
                          {"vendor", "0x15b3"},
                          {"name", row.name},
                          {"generation", row.generation},
                          {"driver", row.driver},
                          {"virtual_function", row.virtual_function}},
                         row.provenance);
}
Json to_json(const RuleRow& row) {
  return with_provenance({{"id", row.id},
                          {"effect", row.refuses ? "refuse" : "warn"},
                          {"message", row.message},
                          {"remedy", row.remedy},
                          {"generations", row.generations},
                          {"families", row.families},
                          {"os", row.os},
                          {"driver", row.driver},
                          {"ofed", row.ofed},
                          {"ofed_at_least", row.ofed_at_least},
                          {"ofed_below", row.ofed_below},
                          {"kernel_at_least", row.kernel_at_least},
                          {"kernel_below", row.kernel_below},
                          {"kernel_contains", row.kernel_contains},
                          {"agent_at_least", row.agent_at_least},
                          {"agent_below", row.agent_below}},
                         row.provenance);
}
Json to_json(const ManifestRow& row) {
  return with_provenance({{"driver", row.driver},
                          {"type", row.type},
                          {"os", row.os},
                          {"distro", row.distro},
                          {"version", row.version},
                          {"link", row.link},
                          {"kernel_devel", row.kernel_devel},
                          {"kernel_devel_url", row.kernel_devel_url},
                          {"comment", row.comment}},
                         row.provenance);
}

template <typename Row>
Json all(const std::vector<Row>& rows) {
  auto list = Json::array();
  for (const auto& row : rows) list.push_back(to_json(row));
  return list;
}

/// Returns the text of one field in a table.
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
      {"ofed", {"version", "line", "layout", "lts", "bakeable", "generations", "distros", "confidence"}},
      {"bundles", {"file", "arch", "sha256", "confidence"}},
      {"inbox", {"key", "generations", "packages", "confidence"}},
      {"pci", {"device", "name", "generation", "driver", "virtual_function", "confidence"}},
      {"rules", {"id", "effect", "message", "confidence"}},
      {"manifest", {"type", "os", "distro", "version", "link", "kernel_devel"}},
  };
  return all_columns;
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
  if (const auto* size = matrix.find_size(name)) found.emplace_back("sizes", to_json(*size));
  const auto [id, version] = split_os(name);
  if (const auto* os = matrix.find_os(id, version)) found.emplace_back("os", to_json(*os));
  if (const auto* release = matrix.find_ofed(name)) found.emplace_back("ofed", to_json(*release));
  for (const auto& bundle : matrix.bundles())
    if (bundle.ofed == name || bundle.file == name || (!bundle.sha256.empty() && bundle.sha256 == to_lower(name)))
      found.emplace_back("bundles", to_json(bundle));
  auto device = to_lower(name);
  if (device.starts_with("15b3:")) device = "0x" + device.substr(5);
  for (const auto& row : matrix.pci_devices())
    if (fmt::format("0x{:04x}", row.device) == device) found.emplace_back("pci", to_json(row));
  for (const auto& rule : matrix.rules())
    if (rule.id == name) found.emplace_back("rules", to_json(rule));
  for (const auto& inbox : matrix.inbox_drivers())
    if (inbox.key == name) found.emplace_back("inbox", to_json(inbox));
  return found;
}

std::pair<std::string, std::string> split_os(const std::string& text) {
  const auto at = text.find_first_of("0123456789 :-");
  if (at == std::string::npos) return {text, ""};
  auto version = text.substr(at);
  version.erase(0, version.find_first_not_of(" :-"));
  return {text.substr(0, at), version};
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

Json to_json(const Choice& choice) {
  return {{"driver", choice.inbox ? "inbox" : "ofed"},
          {"ofed", choice.ofed},
          {"distro", choice.distro},
          {"file", choice.file_name},
          {"url", choice.url},
          {"sha256", choice.sha256},
          {"module", choice.driver},
          {"libs", choice.libs},
          {"packages", choice.packages},
          {"reasons", choice.reasons},
          {"warnings", choice.warnings}};
}

Json to_json(const TopicCount& count) {
  return {{"topic", count.topic},
          {"rows", count.rows},
          {"unverified", count.unverified},
          {"without_source", count.without_source}};
}

}  // namespace bake::cli
