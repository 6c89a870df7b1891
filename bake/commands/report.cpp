#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/time.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/pages.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/collect.hpp"
#include "bake/report/fleet_page.hpp"
#include "bake/report/read.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  fs::path subject;
  fs::path output;
  bool force = false;
};

/// Returns the page about a fleet. An image without a manifest has no section.
std::string page_of_fleet(const fs::path& file, Context& context) {
  const auto fleet = recipe::load_fleet(file);
  RealEnvironment environment(context);
  const auto rows = fleet::current_rows(fleet, false, environment.get());
  std::vector<report::FleetImageReport> images;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& output = fleet.images[i].output;
    images.push_back({rows[i], {}});
    if (!fs::exists(sidecar_of(output, Sidecar::manifest))) continue;
    try {
      images.back().image = report::read_image(output);
    } catch (const Error& error) {  // one damaged manifest must not hide the other images
      if (error.kind() == ErrorKind::interrupted) throw;
      auto& message = images.back().row.message;
      message = message.empty() ? error.message() : message + "; " + error.message();
    }
  }
  return report::fleet_page(file.filename().string(), iso_time(output_time()), images);
}

void write_report(const ReportOptions& options, Context& context) {
  const bool is_fleet = recipe::is_fleet(options.subject);
  const auto subject = is_fleet ? options.subject : report::image_of(options.subject);
  const auto output = options.output.empty() ? sidecar_of(subject, Sidecar::report) : options.output;
  require_page(output, options.force, {options.subject, subject, sidecar_of(subject, Sidecar::manifest)});
  const auto html = is_fleet ? page_of_fleet(subject, context) : report::image_page(report::read_image(subject));
  if (output == "-") {
    if (context.json) return context.print({{"html", html}});
    context.out << html;
    return;
  }
  write_page(output, html);
  if (context.json)
    context.print({{"file", output.string()}, {"sha256", digest_of(html)}, {"bytes", html.size()}});
  else
    context.out << output.string() << '\n';
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("report", "write one page about an image or a fleet");
  auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("subject", options->subject,
                   "an image that bake made, its manifest, or a fleet (schema bake/fleet/v1)")
      ->required();
  command->add_option("-o,--output", options->output,
                      "the file to write (default: IMAGE.report.html or FLEET.report.html; '-': standard output)");
  command->add_flag("--force", options->force, "replace a file that is not a page of bake");
  command->callback([options, &context] { write_report(*options, context); });
}

}  // namespace bake::cli
