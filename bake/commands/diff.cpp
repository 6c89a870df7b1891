#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/file_kind.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/pages.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/image.hpp"
#include "bake/job/inspect.hpp"
#include "bake/report/difference.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;
using report::Document;

constexpr const char* accepted =
    "accepted are: an image with its manifest next to it, a manifest (OUT.manifest.json), a plan ('bake plan --json'), "
    "a recipe, and any disk that bake can inspect";

struct DiffOptions {
  fs::path a, b;
  fs::path html;
  bool force = false;
  bool exit_code = false;
};

/// Reads what the user names; starts an appliance only for a disk without a manifest and for a recipe.
class Reader {
 public:
  explicit Reader(Context& context) : context_(context) {}

  Document read(const fs::path& file) {
    const auto manifest = sidecar_of(file, Sidecar::manifest);
    if (std::error_code not_there; fs::is_regular_file(manifest, not_there)) {
      auto document = report::read_document(read_text(manifest, verify::max_document), manifest.string());
      document.file = file.string();
      document.read_from = manifest.string();
      return document;
    }
    if (std::error_code not_there; fs::is_fifo(file, not_there))
      throw Error(ErrorKind::usage, fmt::format("reading '{}': it is a pipe", file.string()),
                  "write the document to a file first");
    const auto kind = kind_of_file(file);
    if (is_json(file)) return report::read_document(read_text(file, verify::max_document), file.string());
    if (is_recipe(file, kind)) {
      const auto outcome = job::plan_image(recipe::load(file), environment());
      return {report::Kind::plan, file.string(), "", plan::to_json(outcome)};
    }
    return read_disk(file);
  }

 private:
  static bool is_json(const fs::path& file) {
    const auto fd = open_file(file, O_RDONLY);
    std::string head(kind_bytes, '\0');
    head.resize(read_at(fd, std::as_writable_bytes(std::span(head)), 0, file));
    return trim(head).starts_with('{');
  }

  static bool is_recipe(const fs::path& file, const std::string& kind) {
    return kind.starts_with("a YAML file") || file.extension() == ".yaml" || file.extension() == ".yml";
  }

  Document read_disk(const fs::path& file) {
    const auto source = [&] {
      try {
        return probe_source(file);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::config) throw;
        throw Error(error.kind(), error.message(), accepted, error.remedies());
      }
    }();
    return report::document_of(job::inspect_disk(source, environment()), file.string());
  }

  job::Environment& environment() {
    if (!environment_) environment_.emplace(context_);
    return environment_->get();
  }

  Context& context_;
  std::optional<RealEnvironment> environment_;
};

void diff(const DiffOptions& options, Context& context) {
  if (!options.html.empty())
    require_page(
        options.html, options.force,
        {options.a, options.b, sidecar_of(options.a, Sidecar::manifest), sidecar_of(options.b, Sidecar::manifest)});
  Reader reader(context);
  const auto a = reader.read(options.a);
  const auto difference = report::compare(a, reader.read(options.b));
  if (options.exit_code && !difference.equal()) context.status = 1;
  const bool only_page = options.html == "-";
  if (!options.html.empty() && !only_page) write_page(options.html, report::to_html(difference));
  if (only_page && context.json)
    context.print({{"html", report::to_html(difference)}});
  else if (only_page)
    context.out << report::to_html(difference);
  else if (context.json)
    context.print(report::to_json(difference));
  else
    context.out << without_controls(report::to_text(difference));
  const bool quiet = context.quiet || context.progress_mode == "json";
  if (!options.html.empty() && !only_page && !quiet) context.err << fmt::format("wrote {}\n", options.html.string());
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("diff", "show what differs between two images, manifests, plans or disks");
  auto options = std::make_shared<DiffOptions>();
  command->add_option("a", options->a, "an image, its manifest, a plan ('bake plan --json'), a recipe or a disk")
      ->required();
  command->add_option("b", options->b, "likewise")->required();
  command->add_option("--html", options->html, "also write one self-contained page; '-': only the page");
  auto* force = command->add_flag("--force", options->force, "replace a file that is not a page of bake");
  force->needs(command->get_option("--html"));
  command->add_flag("--exit-code", options->exit_code, "end with exit code 1 when they differ");
  command->callback([options, &context] { diff(*options, context); });
}

}  // namespace bake::cli
