#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <regex>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/base/yaml.hpp"
#include "matrix/loading.hpp"

namespace bake::matrix {
namespace {

using yaml::MapReader;
using yaml::Node;

/// Reads the rows of one file. `where` of each row is its first line.
class FileReader {
 public:
  FileReader(std::filesystem::path file, std::vector<Problem>& problems)
      : file_(std::move(file)), problems_(&problems) {}

  template <typename Row>
  void topic(MapReader& top, std::string_view name, std::vector<Row>& rows) {
    const Node* list = top.find(name);
    if (list == nullptr || list->kind == Node::Kind::null) return;
    if (list->kind != Node::Kind::sequence) {
      top.problem(name, fmt::format("'{}' must be a list of rows", name));
      return;
    }
    for (const auto& node : list->items) {
      MapReader reader(node, fmt::format("{} row", name), file_, *problems_);
      Row row;
      row.provenance = provenance(reader);
      read(reader, row);
      reader.finish();
      expand(std::move(row), rows);
    }
  }

 private:
  Provenance provenance(MapReader& reader) const {
    Provenance from;
    from.source = reader.required_text("source");
    from.unverified = reader.choice_or("confidence", {"confirmed", "unverified"}, "confirmed") == "unverified";
    from.where = reader.where(reader.node().line);
    return from;
  }

  /// `pattern` must be a string literal: the compiled expressions are kept by its address.
  static void matches(MapReader& reader, std::string_view key, const std::string& value, const char* pattern,
                      std::string_view example) {
    static std::map<const char*, std::regex> compiled;
    if (value.empty()) return;
    if (!std::regex_match(value, compiled.try_emplace(pattern, pattern).first->second))
      reader.problem(key, fmt::format("'{}' must look like {}, not '{}'", key, example, value));
  }

  static std::vector<std::string> generations(MapReader& reader) {
    auto values = reader.texts("generations");
    for (const auto& value : values) known_generation(reader, "generations", value);
    return values;
  }

  static void known_generation(MapReader& reader, std::string_view key, const std::string& value) {
    const auto& known = known_generations();
    if (!value.empty() && std::find(known.begin(), known.end(), value) == known.end())
      reader.problem(key, fmt::format("'{}' is not a card generation", value), did_you_mean(value, known));
  }

  static void read(MapReader& reader, OsRow& row) {
    row.id = reader.required_text("id");
    row.version = reader.required_text("version");
    row.name = reader.text_or("name", row.id + " " + row.version);
    if (!reader.has("family")) reader.required_text("family");
    row.family = reader.choice_or("family", {"deb", "rpm"}, "rpm");
    row.distro = reader.required_text("distro");
    row.aliases = reader.texts("aliases");
    row.ga_kernel = reader.required_text("ga_kernel");
    row.azure_kernel = reader.text_or("azure_kernel", "");
    row.inbox_key = reader.text_or("inbox", "");
    row.end_of_life = reader.text_or("end_of_life", "");
    row.extension = reader.flag_or("extension", false);
    matches(reader, "version", row.version, R"(\d+\.\d+)", "7.7 or 20.04");
    matches(reader, "distro", row.distro, R"([a-z]+\d+(\.\d+)?)", "rhel7.7 or ubuntu20.04");
    matches(reader, "ga_kernel", row.ga_kernel, R"(\d+\.\d+\.\d+-\S+)", "3.10.0-1062.el7.x86_64");
    matches(reader, "azure_kernel", row.azure_kernel, R"(\d+\.\d+\.\d+-\S+)", "6.8.0-1041-azure");
    matches(reader, "end_of_life", row.end_of_life, R"(\d{4}-\d{2}-\d{2})", "2024-06-30");
  }

  static void read(MapReader& reader, InboxRow& row) {
    row.key = reader.required_text("key");
    row.generations = generations(reader);
    row.packages = reader.texts("packages");
    if (row.generations.empty()) reader.problem("generations", "an inbox driver must name the cards it drives");
    if (row.packages.empty()) reader.problem("packages", "an inbox driver must name its packages");
  }

  static void read(MapReader& reader, OfedRow& row) {
    row.version = reader.required_text("version");
    row.line = reader.required_text("line");
    row.layout = reader.choice_or("layout", {"flat", "split", "doca"}, "flat");
    row.libs = reader.choice_or("libs", {"mlnx-libs", "upstream-libs"}, "");
    row.embeds = reader.text_or("embeds", "");
    row.generations = generations(reader);
    row.lts = reader.flag_or("lts", false);
    row.max_kernel = reader.text_or("max_kernel", "");
    row.max_kernel_source = reader.text_or("max_kernel_source", "");
    matches(reader, "max_kernel", row.max_kernel, R"(\d+\.\d+)", "6.11");
    if (row.max_kernel.empty() != row.max_kernel_source.empty())
      reader.problem("max_kernel", "'max_kernel' and 'max_kernel_source' must be stated together");
    matches(reader, "version", row.version, R"(\d+\.\d+-\d+\.\d+\.\d+\.\d+(\.\d+)?|doca-\d+(\.\d+)+-\d+)",
            "5.5-1.0.3.2 or doca-3.2.1-044000");
    if (row.generations.empty()) reader.problem("generations", "a release must name the cards it drives");
    if (is_doca(row.version) != (row.layout == "doca"))
      reader.problem("layout", "the releases of DOCA, and no others, have the layout doca");
    if (!row.libs.empty() && row.layout != "split")
      reader.problem("libs", "only a split bundle has library flavours to choose from");
  }

  void read(MapReader& reader, BundleRow& row) {
    row.ofed = reader.required_text("ofed");
    distros_ = reader.texts("distro");
    if (distros_.empty()) reader.problem("distro", "bundles row has no 'distro'");
    row.arch = reader.choice_or("arch", {"x86_64", "aarch64"}, "x86_64");
    row.file = reader.text_or("file", "");
    row.url = reader.text_or("url", "");
    row.sha256 = to_lower(reader.text_or("sha256", ""));
    row.recognised_only = reader.flag_or("recognised_only", false);
    if (!row.sha256.empty() && !is_sha256(row.sha256))
      reader.problem("sha256", fmt::format("'{}' is not 64 hexadecimal digits", row.sha256));
    if (distros_.size() > 1 && (!row.sha256.empty() || !row.file.empty() || !row.url.empty()))
      reader.problem("distro", "a row with a file, url or sha256 is one archive, so it names one distro");
  }

  static void read(MapReader& reader, SizeRow& row) {
    row.name = reader.required_text("name");
    row.family = reader.required_text("family");
    row.generation = reader.text_or("generation", "");
    row.hcas = static_cast<unsigned>(reader.number_or("hcas", 0, 0, 16));
    if (!reader.has("transport")) reader.required_text("transport");
    row.transport = reader.choice_or("transport", {"sriov", "networkdirect", "none"}, "none");
    row.speed = reader.text_or("speed", "");
    for (const auto& generation : reader.texts("vm_generations")) {
      if (generation != "1" && generation != "2")
        reader.problem("vm_generations", fmt::format("a VM generation is 1 or 2, not '{}'", generation));
      row.vm_generations.push_back(generation == "1" ? 1 : 2);
    }
    row.arch = reader.choice_or("arch", {"x86_64", "aarch64"}, "x86_64");
    row.retires = reader.text_or("retires", "");
    row.note = reader.text_or("note", "");
    known_generation(reader, "generation", row.generation);
    matches(reader, "name", row.name, "Standard_[A-Za-z0-9_-]+", "Standard_HB120rs_v2");
    matches(reader, "retires", row.retires, R"(\d{4}-\d{2}-\d{2})", "2027-05-31");
    if (row.transport == "sriov" && (row.generation.empty() || row.hcas == 0))
      reader.problem("generation", "an SR-IOV size must state 'generation' and 'hcas'");
    if (row.transport == "none" && (!row.generation.empty() || row.hcas != 0))
      reader.problem("generation", "a size without RDMA has neither 'generation' nor 'hcas'");
  }

  static void read(MapReader& reader, PciRow& row) {
    const auto device = to_lower(reader.required_text("device"));
    matches(reader, "device", device, "0x[0-9a-f]{4}", "0x101c");
    row.device = static_cast<unsigned>(std::strtoul(device.c_str(), nullptr, 16));
    row.name = reader.required_text("name");
    row.generation = reader.required_text("generation");
    if (!reader.has("driver")) reader.required_text("driver");
    row.driver = reader.choice_or("driver", {"mlx4", "mlx5"}, "mlx5");
    row.virtual_function = reader.flag_or("virtual_function", false);
    known_generation(reader, "generation", row.generation);
  }

  static void read(MapReader& reader, RuleRow& row) {
    row.id = reader.required_text("id");
    row.generations = generations(reader);
    row.families = reader.texts("families");
    row.os = reader.texts("os");
    row.driver = reader.choice_or("driver", {"ofed", "inbox"}, "");
    row.ofed = reader.texts("ofed");
    row.ofed_at_least = reader.text_or("ofed_at_least", "");
    row.ofed_below = reader.text_or("ofed_below", "");
    row.kernel_at_least = reader.text_or("kernel_at_least", "");
    row.kernel_below = reader.text_or("kernel_below", "");
    row.kernel_contains = reader.text_or("kernel_contains", "");
    row.agent_at_least = reader.text_or("agent_at_least", "");
    row.agent_below = reader.text_or("agent_below", "");
    row.cloud_init_at_least = reader.text_or("cloud_init_at_least", "");
    row.cloud_init_below = reader.text_or("cloud_init_below", "");
    row.enable_rdma = reader.flag_or("enable_rdma", false);
    row.udev_renames_interfaces = reader.flag_or("udev_renames_interfaces", false);
    row.cloud_init_network = reader.flag_or("cloud_init_network", false);
    if (!reader.has("effect")) reader.required_text("effect");
    row.effect = reader.choice_or("effect", {"refuse", "warn"}, "warn") == "refuse" ? Effect::refuse : Effect::warn;
    row.message = reader.required_text("message");
    row.remedy = reader.text_or("remedy", "");
    for (const auto& entry : row.os)
      matches(reader, "os", entry, R"([a-z]+( (<|>=)?\d+(\.\d+)?)*)", "'ubuntu', 'ubuntu 18.04' or 'el <8.6'");
  }

  static void read(MapReader& reader, SecureBootRow& row) {
    row.id = reader.required_text("id");
    row.os = reader.texts("os");
    row.kernel_at_least = reader.text_or("kernel_at_least", "");
    row.kernel_below = reader.text_or("kernel_below", "");
    row.kernel_contains = reader.text_or("kernel_contains", "");
    row.signature = reader.choice_or("signature", {"cms", "legacy"}, "cms");
    row.keyring = reader.required_text("keyring");
    if (!reader.has("accepts")) reader.required_text("accepts");
    row.accepts = reader.choice_or("accepts", {"yes", "no", "unproven"}, "no");
    row.note = reader.text_or("note", "");
    row.remedy = reader.text_or("remedy", "");
    if (row.os.empty()) reader.problem("os", "a row must name its releases");
    for (const auto& entry : row.os)
      matches(reader, "os", entry, R"([a-z]+( (<|>=)?\d+(\.\d+)?)*)", "'ubuntu', 'ubuntu 18.04' or 'el <8.6'");
    if (row.accepts != "yes" && (row.note.empty() || row.remedy.empty()))
      reader.problem("note", "a row that does not accept keys of the firmware must have 'note' and 'remedy'");
  }

  void read(MapReader& reader, ManifestRow& row) const {
    row.driver = reader.required_text("driver");
    row.type = reader.text_or("type", "");
    row.os = reader.required_text("os");
    row.distro = reader.required_text("distro");
    row.version = reader.required_text("version");
    row.link = reader.required_text("link");
    row.kernel_devel = reader.text_or("kernel_devel", "");
    row.kernel_devel_url = reader.text_or("kernel_devel_url", "");
    row.comment = reader.text_or("comment", "");
    const Node* more = reader.find("more");
    if (more == nullptr) return;
    MapReader extra(*more, "more", file_, *problems_);
    for (const auto& [key, value] : more->entries) {
      row.more.push_back(key);
      row.more.push_back(extra.text_or(key, ""));
    }
  }

  template <typename Row>
  void expand(Row row, std::vector<Row>& rows) {
    rows.push_back(std::move(row));
  }
  /// One bundles row may name several distros. Each becomes a separate row.
  void expand(const BundleRow& row, std::vector<BundleRow>& rows) {
    for (const auto& distro : distros_) {
      rows.push_back(row);
      rows.back().distro = distro;
      if (row.file.empty()) rows.back().file = fmt::format("MLNX_OFED_LINUX-{}-{}-{}.tgz", row.ofed, distro, row.arch);
    }
  }
  /// Keeps manifest rows with the same names, and numbers them.
  static void expand(ManifestRow row, std::vector<ManifestRow>& rows) {
    for (const auto& other : rows)
      if (other.driver == row.driver && other.type == row.type && other.os == row.os && other.distro == row.distro &&
          other.version == row.version)
        ++row.repeat;
    rows.push_back(std::move(row));
  }

  std::filesystem::path file_;
  std::vector<Problem>* problems_;
  std::vector<std::string> distros_;  ///< of the bundles row being read
};

}  // namespace

std::string key_of(const OsRow& row) { return row.id + " " + row.version; }
std::string key_of(const InboxRow& row) { return row.key; }
std::string key_of(const OfedRow& row) { return row.version; }
std::string key_of(const BundleRow& row) { return fmt::format("{} {} {}", row.ofed, row.distro, row.arch); }
std::string key_of(const SizeRow& row) { return to_lower(row.name); }
std::string key_of(const PciRow& row) { return fmt::format("0x{:04x}", row.device); }
std::string key_of(const RuleRow& row) { return row.id; }
std::string key_of(const SecureBootRow& row) { return row.id; }
std::string key_of(const ManifestRow& row) {
  const auto key = join({row.driver, row.type, row.os, row.distro, row.version}, " ");
  return row.repeat == 0 ? key : fmt::format("{} (again {})", key, row.repeat);
}

const std::vector<std::string>& known_generations() {
  static const std::vector<std::string> known{"CX3-Pro", "CX4", "CX5", "CX6", "CX7", "CX8"};
  return known;
}

BundleName parse_bundle_name(std::string_view link) {
  const auto slash = link.rfind('/');
  const std::string file(slash == std::string_view::npos ? link : link.substr(slash + 1));
  static const std::regex pattern(
      R"(MLNX_OFED_LINUX-(\d+\.\d+-\d+(?:\.\d+)+)-([a-z]+[\d.]+[a-z0-9]*)-(\w+)\.(?:tgz|iso))");
  std::smatch match;
  if (!std::regex_match(file, match, pattern)) return {};
  return {match[1], match[2], match[3], file};
}

void read_rows(std::string_view text, const std::filesystem::path& file, Matrix::Rows& rows,
               std::vector<Problem>& problems) {
  const auto before = problems.size();
  const auto node = yaml::parse(text, file, problems);
  if (problems.size() > before) return;
  MapReader top(node, "matrix file", file, problems);
  FileReader reader(file, problems);
  for_each_topic([&](std::string_view name, auto& topic) { reader.topic(top, name, topic); }, rows);
  top.finish();
}

}  // namespace bake::matrix
