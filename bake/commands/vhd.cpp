#include <CLI/CLI.hpp>
#include <cctype>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/check.hpp"
#include "bake/disk/copy.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/source.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

/// The options of all four commands.
struct Options {
  std::string file;
  std::string output;
  bool force = false;
  bool drop_footer = false;
};

/// Returns a four-byte code with escapes: "qem2", "wa\0\0".
std::string printable(const std::string& code) {
  std::string text;
  for (const char c : code) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0)
      text += "\\0";
    else
      text += std::isprint(byte) != 0 ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return text;
}

std::string_view name_of_type(VhdType type) {
  switch (type) {
    case VhdType::fixed:
      return "fixed";
    case VhdType::dynamic:
      return "dynamic";
    case VhdType::differencing:
      return "differencing";
  }
  return "unknown";
}

std::string geometry(const VhdFooter& footer) {
  return fmt::format("{}/{}/{}", footer.cylinders, footer.heads, footer.sectors_per_track);
}

std::string version(std::uint32_t number) { return fmt::format("{}.{}", number >> 16U, number & 0xffffU); }

std::string bytes_and_size(std::uint64_t bytes) { return fmt::format("{} bytes ({})", bytes, human_size(bytes)); }

Json to_json(const Context& context, const std::vector<Problem>& problems) {
  auto list = Json::array();
  for (const auto& problem : problems)
    list.push_back({{"field", problem.where},
                    {"message", problem.message},
                    {"hint", problem.hint},
                    {"commands", command_lines(context, problem.remedies)}});
  return list;
}

Json to_json(const VhdFooter& footer) {
  return {{"features", footer.features},
          {"version", version(footer.version)},
          {"data_offset", fmt::format("{:#x}", footer.data_offset)},
          {"timestamp", footer.timestamp},
          {"created", iso_time(footer.created())},
          {"creator_app", printable(footer.creator_app)},
          {"creator_version", version(footer.creator_version)},
          {"creator_host", printable(footer.creator_host)},
          {"original_size", footer.original_size},
          {"current_size", footer.current_size},
          {"cylinders", footer.cylinders},
          {"heads", footer.heads},
          {"sectors_per_track", footer.sectors_per_track},
          {"disk_type", name_of_type(footer.type)},
          {"checksum", fmt::format("{:#010x}", footer.checksum)},
          {"computed_checksum", fmt::format("{:#010x}", footer.computed_checksum)},
          {"uuid", footer.uuid},
          {"saved_state", footer.saved_state}};
}

Json to_json(const Context& context, const std::string& file, const VhdReport& report) {
  return {{"file", file},
          {"file_size", report.file_size},
          {"footer", report.footer ? to_json(*report.footer) : Json()},
          {"ready", report.findings.errors.empty()},
          {"errors", to_json(context, report.findings.errors)},
          {"warnings", to_json(context, report.findings.warnings)}};
}

void print_row(Context& context, std::string_view name, std::string_view value) {
  context.out << fmt::format("{:<16} {}\n", name, value);
}

void print_footer(Context& context, const VhdFooter& footer) {
  print_row(context, "original size", bytes_and_size(footer.original_size));
  print_row(context, "geometry", geometry(footer));
  print_row(context, "created", iso_time(footer.created()));
  print_row(context, "creator",
            fmt::format("{} {} on {}", printable(footer.creator_app), version(footer.creator_version),
                        printable(footer.creator_host)));
  print_row(context, "uuid", footer.uuid);
  print_row(context, "version", version(footer.version));
  print_row(context, "features", fmt::format("{:#x}", footer.features));
  print_row(context, "data offset", fmt::format("{:#x}", footer.data_offset));
  print_row(context, "checksum",
            footer.checksum == footer.computed_checksum ? fmt::format("{:#010x}, valid", footer.checksum)
                                                        : fmt::format("{:#010x}, invalid", footer.checksum));
  print_row(context, "saved state", footer.saved_state == 0 ? "no" : "yes");
}

void print_problems(Context& context, std::string_view severity, const std::vector<Problem>& problems) {
  for (const auto& problem : problems)
    context.out << fmt::format("{}: {}: {}{}\n", severity, problem.where, problem.message, advice(context, problem));
}

void print_problems(Context& context, const Findings& findings) {
  print_problems(context, "error", findings.errors);
  print_problems(context, "warning", findings.warnings);
}

std::string verdict(const Findings& findings) {
  if (findings.errors.empty()) return "ready for Azure";
  return fmt::format("not ready for Azure: {} problem{}", findings.errors.size(),
                     findings.errors.size() == 1 ? "" : "s");
}

void info(Context& context, const Options& options) {
  const auto report = examine_vhd(options.file);
  std::string format;
  std::uint64_t virtual_size = 0;
  if (report.footer) {
    format = fmt::format("{} VHD", name_of_type(report.footer->type));
    virtual_size = report.footer->current_size;
  } else {
    const auto disk = probe_source(options.file);
    format = name_of(disk.format);
    virtual_size = disk.data_size;
  }
  if (context.json) {
    auto document = to_json(context, options.file, report);
    document["format"] = format;
    document["virtual_size"] = virtual_size;
    context.print(document);
    return;
  }
  print_row(context, "file", options.file);
  print_row(context, "format", format);
  print_row(context, "file size", bytes_and_size(report.file_size));
  print_row(context, "virtual size", bytes_and_size(virtual_size));
  if (report.footer) print_footer(context, *report.footer);
  print_row(context, "verdict", verdict(report.findings));
  print_problems(context, report.findings);
}

void check(Context& context, const Options& options) {
  const auto report = examine_vhd(options.file);
  if (!report.findings.errors.empty()) context.status = static_cast<int>(ErrorKind::verification);
  if (context.json) {
    context.print(to_json(context, options.file, report));
    return;
  }
  context.out << options.file << ": " << verdict(report.findings) << '\n';
  print_problems(context, report.findings);
}

/// Returns a UUID for the disk without a second read of the whole disk: from its size and its first MiB, which contains
/// the partition table with the disk's id. The same disk has the same UUID.
std::string disk_uuid(const fs::path& raw_file, std::uint64_t size) {
  std::vector<std::byte> head(mebibyte);
  const auto count = read_at(open_file(raw_file, O_RDONLY), head, 0, raw_file);
  Hasher hash;
  hash.update(std::span(head).first(count));
  return uuid_from(fmt::format("bake vhd wrap {} {}", size, hash.hex()));
}

void print_written(Context& context, const SourceDisk& source, const OutputFile& output, std::uint64_t virtual_size) {
  const auto file_size = fs::file_size(output.final_path());
  if (context.json)
    context.print({{"file", output.final_path().string()},
                   {"source", source.path.string()},
                   {"source_format", name_of(source.format)},
                   {"file_size", file_size},
                   {"virtual_size", virtual_size},
                   {"padding", virtual_size - source.data_size}});
  else
    context.out << fmt::format("{}: {}\n", output.final_path().string(), bytes_and_size(file_size));
}

void wrap(Context& context, const Options& options) {
  auto& progress = context.progress();
  const auto source = options.drop_footer ? source_without_footer(options.file) : probe_source(options.file);
  const auto size = round_up_to_mib(source.data_size);
  throw_if_any(ErrorKind::failed, fmt::format("wrapping '{}'", options.file), check_size(size).errors);
  OutputFile output(options.output, options.force, {options.file});
  require_free_space(output.path(), space_needed(source), fmt::format("the copy of '{}'", options.file));
  copy_to_raw(source, output.file(), output.path(), progress);
  if (size != source.data_size) {
    progress.detail(fmt::format("padding with {} bytes to a whole MiB", size - source.data_size));
    fs::resize_file(output.path(), size);
  }
  output.append_footer(make_fixed_footer(size, output_time(), disk_uuid(output.path(), size)));
  output.publish();
  print_written(context, source, output, size);
}

void unwrap(Context& context, const Options& options) {
  const auto source = probe_source(options.file);
  if (source.format == DiskFormat::raw)
    throw Error(ErrorKind::usage, fmt::format("unwrapping '{}': it is a raw disk already", options.file));
  OutputFile output(options.output, options.force, {options.file});
  require_free_space(output.path(), space_needed(source), fmt::format("the copy of '{}'", options.file));
  copy_to_raw(source, output.file(), output.path(), context.progress());
  output.publish();
  print_written(context, source, output, source.data_size);
}

using Action = void (*)(Context&, const Options&);

CLI::App* add(CLI::App& vhd, Context& context, const std::shared_ptr<Options>& options, const char* name,
              const char* help, Action action) {
  auto* command = vhd.add_subcommand(name, help);
  command->add_option("FILE", options->file, "the disk image")->required();
  command->callback([&context, options, action] { action(context, *options); });
  return command;
}

void add_output_options(CLI::App* command, const std::shared_ptr<Options>& options) {
  command->add_option("-o,--output", options->output, "the file to write")->required();
  command->add_flag("--force", options->force, "replace the output if it exists");
}

}  // namespace

void add_vhd(CLI::App& app, Context& context) {
  auto* vhd = app.add_subcommand("vhd", "show, check, make and unwrap VHD containers");
  vhd->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  add(*vhd, context, options, "info", "every field of a VHD's footer, and whether Azure would accept it", info);
  add(*vhd, context, options, "check", "every reason why Azure would refuse this file; exit 0 or 7", check);
  auto* wrap_command = add(*vhd, context, options, "wrap",
                           "a fixed VHD from a raw, VHD, VHDX or qcow2 disk, padded to a whole MiB", wrap);
  add_output_options(wrap_command, options);
  wrap_command->add_flag("--drop-footer", options->drop_footer,
                         "FILE is a fixed VHD with a damaged footer: use all but its last 512 bytes");
  auto* unwrap_command = add(*vhd, context, options, "unwrap", "the raw disk inside a VHD", unwrap);
  add_output_options(unwrap_command, options);
}

}  // namespace bake::cli
