#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <map>
#include <memory>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/matrix_rows.hpp"
#include "bake/disk/output.hpp"
#include "matrix/generators.hpp"
#include "matrix/json.hpp"
#include "matrix/manifest.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;
using matrix::Matrix;

constexpr std::size_t max_manifest_bytes = std::size_t{16} << 20U;

Json counts_to_json(const Matrix& matrix) {
  auto counts = Json::array();
  for (const auto& count : matrix.counts()) counts.push_back(count);
  return counts;
}

std::vector<std::vector<std::string>> counts_to_table(const Matrix& matrix) {
  std::vector<std::vector<std::string>> table{{"topic", "rows", "unverified", "without source"}};
  for (const auto& count : matrix.counts())
    table.push_back({count.topic, std::to_string(count.rows), std::to_string(count.unverified),
                     std::to_string(count.without_source)});
  return table;
}

/// Returns the first confirmed size with a card generation, which represents it in the overview.
const matrix::SizeRow* size_with(const Matrix& matrix, const std::string& generation) {
  for (const auto& size : matrix.sizes())
    if (size.generation == generation && size.arch == "x86_64" && !size.provenance.unverified) return &size;
  return nullptr;
}

const std::vector<std::string> overview_generations{"CX3-Pro", "CX5", "CX6", "CX7"};

/// Returns one cell of the overview: the best driver.
std::string best_driver(const Matrix& matrix, const matrix::OsRow& os, const std::string& generation) {
  const auto* size = size_with(matrix, generation);
  if (size == nullptr) return "none";
  const auto resolution = matrix.resolve({os.id, os.version, "", {size->name}, ""});
  if (resolution.choices.empty()) return "none";
  return resolution.choices.front().inbox ? "inbox" : resolution.choices.front().ofed;
}

void list_overview(Context& context, const Matrix& matrix, bool only_extension) {
  std::vector<std::vector<std::string>> table{
      {"release", "kernel", "CX3-Pro", "CX5", "CX6", "CX7", "inbox", "end of life"}};
  auto rows = Json::array();
  for (const auto& os : matrix.operating_systems()) {
    if (only_extension && !os.extension) continue;
    table.push_back({os.id + " " + os.version, os.ga_kernel});
    auto best = Json::object();
    for (const auto& generation : overview_generations) {
      table.back().push_back(best_driver(matrix, os, generation));
      best[generation] = table.back().back();
    }
    table.back().push_back(os.inbox.empty() ? "no" : "yes");
    table.back().push_back(os.end_of_life);
    rows.push_back({{"id", os.id},
                    {"version", os.version},
                    {"kernel", os.ga_kernel},
                    {"best", best},
                    {"inbox", !os.inbox.empty()},
                    {"end_of_life", os.end_of_life},
                    {"extension", os.extension}});
  }
  if (context.json) {
    context.print({{"releases", rows}, {"counts", counts_to_json(matrix)}, {"digest", matrix.digest()}});
    return;
  }
  context.out << as_columns(table) << '\n' << as_columns(counts_to_table(matrix));
}

void list(Context& context, const std::string& topic, bool only_extension) {
  if (only_extension && !topic.empty())
    throw Error(ErrorKind::usage, fmt::format("listing '{}': --extension is for the overview of the releases", topic),
                "'bake matrix list --extension'");
  const auto matrix = Matrix::load(context.matrix_overlays);
  if (topic.empty()) return list_overview(context, matrix, only_extension);
  if (context.json)
    context.print({{topic, rows_to_json(matrix, topic)}});
  else
    context.out << as_columns(rows_to_table(matrix, topic));
}

void show(Context& context, const std::string& name) {
  const auto matrix = Matrix::load(context.matrix_overlays);
  const auto rows = rows_named(matrix, name);
  if (rows.empty()) {
    std::vector<std::string> names;
    for (const auto& row : matrix.sizes()) {
      names.push_back(row.name);
      names.push_back(replace_all(row.name, "Standard_", ""));  // find_size() accepts this form too
    }
    for (const auto& row : matrix.operating_systems()) names.push_back(row.id + " " + row.version);
    for (const auto& row : matrix.ofed_releases()) names.push_back(row.version);
    for (const auto& row : matrix.rules()) names.push_back(row.id);
    const auto hint = did_you_mean(name, names);
    throw Error(ErrorKind::incompatible, fmt::format("showing '{}': the matrix has no such row", name),
                hint.empty() ? "'bake matrix list TOPIC' shows the names of a topic" : hint);
  }
  auto document = Json::array();
  for (const auto& [topic, row] : rows) {
    document.push_back({{"topic", topic}});
    document.back().update(row);
    if (context.json) continue;
    context.out << topic << '\n';
    for (const auto& [key, value] : row.items()) {
      const bool empty = value.empty() || (value.is_string() && value.get<std::string>().empty());
      if (!empty)
        context.out << fmt::format("  {:<17} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  if (context.json) context.print({{"rows", document}});
}

void check(Context& context) {
  const auto problems = Matrix::check(context.matrix_overlays);
  if (!problems.empty()) context.status = static_cast<int>(ErrorKind::config);
  if (context.json) {
    auto list_of_problems = Json::array();
    for (const auto& problem : problems) list_of_problems.push_back(to_json(context, problem));
    Json document{{"problems", list_of_problems}};
    if (problems.empty()) document["counts"] = counts_to_json(Matrix::load(context.matrix_overlays));
    context.print(document);
    return;
  }
  for (const auto& problem : problems)
    context.out << problem.where << ": " << problem.message << advice(context, problem) << '\n';
  if (!problems.empty()) {
    context.err << fmt::format("bake: error: checking the matrix: {} problem{}\n", problems.size(),
                               problems.size() == 1 ? "" : "s");
    return;
  }
  const auto matrix = Matrix::load(context.matrix_overlays);
  context.out << as_columns(counts_to_table(matrix));
  for (const auto& change : matrix.overrides())
    context.out << fmt::format("{}: {} '{}' replaces {}\n", change.to, change.topic, change.row, change.from);
  context.out << "no problems\n";
}

struct OutputOptions {
  std::string format = "resources.json";
  std::string file;
  bool force = false;

  void add_to(CLI::App& command) {
    command.add_option("-o,--output", file, "the file to write (default: standard output)");
    command.add_flag("--force", force, "replace an existing file");
  }
};

void refuse_to_replace(const fs::path& file, bool force) {
  if (fs::exists(file) && !force)
    throw Error(ErrorKind::usage, fmt::format("writing '{}': it exists", file.string()), "--force replaces it");
}

bool to_standard_output(const OutputOptions& options) { return options.file.empty() || options.file == "-"; }

/// Writes a document to the file of -o. Without -o, or with "-", it writes to standard output.
void deliver(Context& context, std::string_view text, const OutputOptions& options) {
  if (to_standard_output(options)) {
    context.out << text;
    return;
  }
  require_parent_directory(options.file);
  refuse_to_replace(options.file, options.force);
  write_text_atomically(options.file, text);
  if (context.json)
    context.print({{"file", options.file}, {"sha256", digest_of(text)}, {"bytes", text.size()}});
  else
    context.err << fmt::format("wrote {}\n", options.file);
}

/// Returns "out" for "out/", so that it has a parent.
fs::path without_slash(const fs::path& directory) {
  return directory.has_filename() ? directory : directory.parent_path();
}

struct ImportOptions {
  std::string file, directory, source;
  bool force = false;
};

Json changes_to_json(const std::vector<matrix::ManifestReport::Change>& changes) {
  auto list_of_changes = Json::array();
  for (const auto& change : changes)
    list_of_changes.push_back({{"row", change.row}, {"field", change.field}, {"was", change.was}, {"now", change.now}});
  return list_of_changes;
}

void print_import(Context& context, const matrix::ManifestReport& report, const std::string& written) {
  if (context.json) {
    auto conflicts = Json::array();
    for (const auto& problem : report.conflicts)
      conflicts.push_back({{"where", problem.where}, {"message", problem.message}});
    context.print({{"rows", report.rows},
                   {"identical", report.identical},
                   {"added", changes_to_json(report.added)},
                   {"changed", changes_to_json(report.changed)},
                   {"conflicting", conflicts},
                   {"only_in_matrix", changes_to_json(report.kept)},
                   {"kernel_pins", report.kernel_pins},
                   {"file", written}});
    return;
  }
  for (const auto& row : report.added) context.out << fmt::format("added        {}: {}\n", row.row, row.now);
  for (const auto& row : report.changed)
    context.out << fmt::format("changed      {} {}: '{}' becomes '{}'\n", row.row, row.field, row.was, row.now);
  for (const auto& problem : report.conflicts)
    context.out << fmt::format("conflicting  {}: {}\n", problem.where, problem.message);
  for (const auto& row : report.kept) context.out << fmt::format("kept         {}: only in the matrix\n", row.row);
  for (const auto& pin : report.kernel_pins) context.out << fmt::format("kernel pin   {}\n", pin);
  const auto changed = report.rows - report.identical - report.added.size();
  context.out << fmt::format("{} rows: {} identical, {} added, {} changed, {} conflicting; {} kept\n", report.rows,
                             report.identical, report.added.size(), changed, report.conflicts.size(),
                             report.kept.size());
  if (written.empty())
    context.err << "bake: hint: nothing was written; -o DIR writes an overlay for --matrix DIR\n";
  else
    context.err << fmt::format("wrote {}\n", written);
}

void import_manifest(Context& context, const ImportOptions& options) {
  if (!options.directory.empty()) require_parent_directory(without_slash(options.directory));
  const auto matrix = Matrix::load(context.matrix_overlays);
  const auto text = read_text(options.file, max_manifest_bytes);
  const auto name = fs::path(options.file).filename().string();
  const auto source = options.source.empty() ? fmt::format("{}, sha256 {}", name, digest_of(text)) : options.source;
  const auto rows = matrix::parse_manifest(text, options.file, source);
  const auto report = matrix::compare_manifest(matrix, rows);
  std::string written;
  if (!options.directory.empty()) {
    const auto file = fs::path(options.directory) / "extension-manifest.yaml";
    refuse_to_replace(file, options.force);
    fs::create_directories(options.directory);
    write_text_atomically(file, matrix::manifest_overlay(matrix, rows));
    written = file.string();
  }
  print_import(context, report, written);
}

/// Maps the topic names of matrix files and counts to the names of `list`.
std::map<std::string, std::string> topics_in_files() {
  return {{"operating_systems", "os"}, {"vm_sizes", "sizes"},  {"ofed_releases", "ofed"},
          {"inbox_drivers", "inbox"},  {"pci_devices", "pci"}, {"extension_manifest", "manifest"}};
}

void add_reading_commands(CLI::App& app, Context& context) {
  auto* list_command = app.add_subcommand("list", "every release with its drivers, or all rows of one topic");
  auto topic = std::make_shared<std::string>();
  auto only_extension = std::make_shared<bool>(false);
  list_command->add_option("topic", *topic, "what to list (default: an overview)")
      ->transform(CLI::Transformer(topics_in_files()).description(""))
      ->check(CLI::IsMember(matrix_topics()));
  list_command->add_flag("--extension", *only_extension,
                         "in the overview: only the releases the VM extension supports");
  list_command->callback([&context, topic, only_extension] { list(context, *topic, *only_extension); });

  auto* show_command =
      app.add_subcommand("show", "one row with its source: a size, release, driver, PCI device or rule");
  auto name = std::make_shared<std::string>();
  show_command->add_option("name", *name, "Standard_HB120rs_v2, centos7.7, 5.5-1.0.3.2, 15b3:101c, …")->required();
  show_command->callback([&context, name] { show(context, *name); });

  add_matrix_resolve(app, context);

  app.add_subcommand("check", "report every problem of the matrix and the overlays, with file and line")
      ->callback([&context] { check(context); });
}

void add_exchange_commands(CLI::App& app, Context& context) {
  auto* import_command = app.add_subcommand("import", "compare the VM extension's resources.json; -o makes an overlay");
  auto options = std::make_shared<ImportOptions>();
  import_command->add_option("file", options->file, "resources.json")->required();
  import_command->add_option("-o,--output", options->directory, "write an overlay into this directory");
  import_command->add_option("--source", options->source,
                             "the source of the rows (default: name and digest of the file)");
  import_command->add_flag("--force", options->force, "replace an existing overlay file");
  import_command->callback([&context, options] { import_manifest(context, *options); });

  auto* export_command = app.add_subcommand("export", "the extension's table in its own format, for a mirror");
  auto table = std::make_shared<OutputOptions>();
  export_command->add_option("--format", table->format, "the format")->check(CLI::IsMember({"resources.json"}));
  table->add_to(*export_command);
  export_command->callback([&context, table] {
    deliver(context, matrix::write_manifest(Matrix::load(context.matrix_overlays).extension_manifest()), *table);
  });

  auto* html_command = app.add_subcommand("html", "one self-contained page: release × VM size → driver");
  auto page = std::make_shared<OutputOptions>();
  page->add_to(*html_command);
  html_command->callback([&context, page] {
    const auto html = matrix::html_page(Matrix::load(context.matrix_overlays));
    if (context.json && to_standard_output(*page)) return context.print({{"html", html}});
    deliver(context, html, *page);
  });
}

}  // namespace

void add_matrix(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("matrix", "the compatibility matrix: list, show, resolve, check, import, export, html");
  command->require_subcommand(1);
  add_reading_commands(*command, context);
  add_exchange_commands(*command, context);
}

}  // namespace bake::cli
