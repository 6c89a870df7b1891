#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/cli/build_info.hpp"
#include "bake/cli/roff.hpp"
#include "bake/cli/usage.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/manual.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

/// A manual page of section 5 and the page of the documentation that it is made from.
struct FormatPage {
  const char* name;
  const char* what;
  const char* document;
};
constexpr FormatPage format_pages[] = {
    {"bake-recipe", "recipe for an image (schema bake/v1)", "recipe.md"},
    {"bake-fleet", "list of recipes for bake batch (schema bake/fleet/v1)", "fleets.md"},
    {"bake-matrix", "rows of the compatibility matrix", "matrix-schema.md"},
    {"bake-manifest", "what a baked image was made of", "manifest.md"},
};

constexpr int commands_section = 1;
constexpr int formats_section = 5;

/// Writes every page into a directory, with the folders man1 and man5.
class Pages {
 public:
  Pages(const CLI::App& app, fs::path directory, fs::path documents)
      : app_(app), directory_(std::move(directory)), documents_(std::move(documents)) {
    const auto info = build_info();
    date_ = info.date.empty() ? iso_time(output_time()).substr(0, 10) : info.date;
    source_ = "bake " + info.version;
    exit_codes_ = table_below(read_text(documents_ / "exit-codes.md"), "bake");
  }

  void write() const {
    write_page("bake", commands_section, page_of(app_, "bake"));
    for (const auto* command : visible_commands(app_)) {
      const auto name = "bake-" + command->get_name();
      write_page(name, commands_section, page_of(*command, name));
    }
    for (const auto& format : format_pages) write_page(format.name, formats_section, page_of(format));
  }

 private:
  static std::vector<const CLI::App*> visible_commands(const CLI::App& command) {
    return command.get_subcommands([](const CLI::App* found) { return !found->get_group().empty(); });
  }

  void write_page(const std::string& name, int section, const ManPage& page) const {
    const auto directory = directory_ / fmt::format("man{}", section);
    fs::create_directories(directory);
    write_text_atomically(directory / fmt::format("{}.{}", name, section), page.text());
  }

  [[nodiscard]] ManPage begin(const std::string& name, int section, std::string_view what) const {
    ManPage page(name, section, date_, source_);
    page.heading("name");
    page.paragraph(fmt::format("{} \\- {}", escaped(name), escaped(what)));
    return page;
  }

  [[nodiscard]] ManPage page_of(const FormatPage& format) const {
    auto page = begin(format.name, formats_section, format.what);
    page.heading("description");
    add_markdown(read_text(documents_ / format.document), page);
    page.heading("see also");
    page.paragraph(bold("bake") + "(1)");
    return page;
  }

  [[nodiscard]] ManPage page_of(const CLI::App& command, const std::string& name) const {
    const bool is_program = &command == &app_;
    const auto& manual = manual_of(is_program ? "" : command.get_name());
    auto page = begin(name, commands_section,
                      is_program ? "install InfiniBand drivers into Azure Linux images" : command.get_description());
    page.heading("synopsis");
    for (const auto& line : synopsis_of(command)) page.paragraph(line);
    page.heading("description");
    page.paragraph(escaped(manual.description));
    if (is_program) add_commands(page);
    add_options(command, page);
    if (!is_program)
      for (const auto* subcommand : visible_commands(command)) add_subcommand(*subcommand, page);
    if (!is_program)
      page.paragraph(fmt::format("The options {}, {}, {}, {}, {}, {} and others of {}(1) work with every command.",
                                 bold("--json"), bold("--progress"), bold("-v"), bold("--log"), bold("--store"),
                                 bold("--matrix"), bold("bake")));
    page.heading("exit status");
    for (const auto& row : exit_codes_) page.entry(bold(row.at(0)), from_markdown(row.at(1)));
    add_entries("files", manual.files, page, italic);
    page.heading("examples");
    for (const auto& [line, meaning] : manual.examples) page.entry(bold(line), escaped(meaning));
    page.heading("see also");
    page.paragraph(references(manual.see_also, is_program));
    return page;
  }

  static void add_entries(std::string_view title, const Manual::Entries& entries, ManPage& page,
                          std::string (*format)(std::string_view)) {
    if (entries.empty()) return;
    page.heading(title);
    for (const auto& [name, meaning] : entries) page.entry(format(name), escaped(meaning));
  }

  [[nodiscard]] std::string references(std::vector<std::string> names, bool is_program) const {
    if (is_program)
      for (const auto* command : visible_commands(app_)) names.push_back("bake-" + command->get_name() + "(1)");
    else if (std::find(names.begin(), names.end(), "bake(1)") == names.end())
      names.emplace_back("bake(1)");
    std::vector<std::string> shown;
    for (const auto& name : names) {
      const auto open = name.find('(');
      shown.push_back(bold(name.substr(0, open)) + name.substr(open));
    }
    return join(shown, ", ");
  }

  static std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
    return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
  }

  static std::string full_name(const CLI::App& command) {
    const auto* parent = command.get_parent();
    return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
  }

  static std::string line_of(const CLI::App& command) {
    auto line = bold(full_name(command));
    const auto options = command.get_options(
        [&](const CLI::Option* option) { return option->nonpositional() && option != command.get_help_ptr(); });
    if (!options.empty()) line += " [" + italic("options") + "]";
    for (const auto* option : positionals_of(command)) {
      const bool repeats = option->get_expected_max() >= CLI::detail::expected_max_vector_size;
      const auto word = italic(option->get_name(true)) + (repeats ? " ..." : "");
      line += option->get_required() ? " " + word : " [" + word + "]";
    }
    return line;
  }

  /// A command that only has subcommands has a line for each of them.
  static std::vector<std::string> synopsis_of(const CLI::App& command) {
    if (command.get_parent() == nullptr)
      return {bold("bake") + " [" + italic("options") + "] " + italic("command") + " [" + italic("arguments") + "]"};
    std::vector<std::string> lines;
    if (command.get_require_subcommand_min() == 0) lines.push_back(line_of(command));
    for (const auto* subcommand : visible_commands(command)) lines.push_back(line_of(*subcommand));
    return lines;
  }

  void add_commands(ManPage& page) const {
    page.heading("commands");
    for (const auto* command : visible_commands(app_))
      page.entry(bold("bake " + command->get_name()), escaped(command->get_description()));
  }

  static std::string tag_of(const CLI::Option& option) {
    std::vector<std::string> names;
    for (const auto& name : option.get_snames()) names.push_back(bold("-" + name));
    for (const auto& name : option.get_lnames()) names.push_back(bold("--" + name));
    auto tag = join(names, ", ");
    if (option.get_type_size() != 0) tag += " " + italic(value_name(option));
    return tag;
  }

  static void add_arguments(const CLI::App& command, ManPage& page) {
    for (const auto* option : positionals_of(command))
      page.entry(italic(option->get_name(true)), escaped(description_of(*option)));
    for (const auto* option : command.get_options()) {
      if (!option->nonpositional() || is_hidden(*option) || option == command.get_help_ptr()) continue;
      page.entry(tag_of(*option), escaped(description_of(*option)));
    }
  }

  static bool has_arguments(const CLI::App& command) {
    return !command.get_options([&](const CLI::Option* option) { return option != command.get_help_ptr(); }).empty();
  }

  static void add_options(const CLI::App& command, ManPage& page) {
    page.heading("options");
    if (has_arguments(command)) add_arguments(command, page);
  }

  static void add_subcommand(const CLI::App& command, ManPage& page) {
    page.subheading(full_name(command));
    page.paragraph(escaped(command.get_description()));
    add_arguments(command, page);
  }

  const CLI::App& app_;
  fs::path directory_;
  fs::path documents_;
  std::string date_;
  std::string source_;
  std::vector<std::vector<std::string>> exit_codes_;
};

}  // namespace

void add_docs(CLI::App& app, Context& /*context*/) {
  auto* docs = app.add_subcommand("docs", "documentation that is made from the program");
  docs->group("");
  docs->require_subcommand(1);
  auto* man = docs->add_subcommand("man", "write the manual pages");
  const auto directory = std::make_shared<fs::path>();
  const auto documents = std::make_shared<fs::path>("docs");
  man->add_option("directory", *directory, "where to write man1 and man5")->required();
  man->add_option("--documents", *documents, "the folder docs of the source")->capture_default_str();
  man->callback([&app, directory, documents] { Pages(app, *directory, *documents).write(); });
}

}  // namespace bake::cli
