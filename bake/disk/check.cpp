#include "bake/disk/check.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/disk/partition.hpp"
#include "bake/disk/source.hpp"

namespace bake {
namespace {

constexpr auto convert_hint = "convert it to a fixed VHD";

Remedy conversion_of(const std::filesystem::path& path) { return {Remedy::Action::wrap_vhd, path.string()}; }

Problem cookie_problem(bool at_start, const std::filesystem::path& path) {
  if (at_start)
    return {"cookie", "no footer at the end of the file, only a copy at its start: truncated", "fetch it again"};
  return {"cookie",
          "no 'conectix' footer in the last 512 bytes: not a VHD, or truncated",
          convert_hint,
          {conversion_of(path)}};
}

Findings check_partition_table(std::span<const std::byte, partition_head_size> head, std::uint64_t data_size) {
  Findings found;
  if (const auto end = partition_table_end(head); end > data_size)
    found.errors.push_back({"partition table",
                            fmt::format("ends at byte {}, but the disk has {} bytes: truncated", end, data_size),
                            "fetch the file again"});
  return found;
}

}  // namespace

VhdReport examine_vhd(const std::filesystem::path& path) {
  const auto image = open_image(path);
  VhdReport report;
  report.file_size = image.size;
  std::array<std::byte, partition_head_size> head{};
  read_at(image.fd, head, 0, path);
  const auto at_start = parse_footer(std::span(head).first<footer_size>());
  const auto at_end = footer_at_end(image.fd, image.size, path);
  if (!at_end) report.findings.errors.push_back(cookie_problem(at_start.has_value(), path));
  report.footer = at_end ? at_end : at_start;
  if (!report.footer) return report;
  report.findings.append(check_footer(*report.footer, image.size));
  report.findings.append(check_size(report.footer->current_size));
  if (at_end && at_end->type == VhdType::fixed)
    report.findings.append(check_partition_table(head, image.size - footer_size));
  if (report.footer->type == VhdType::dynamic)
    for (auto& problem : report.findings.errors)
      if (problem.where == "disk type") {
        problem.hint = convert_hint;
        problem.remedies = {conversion_of(path)};
      }
  return report;
}

}  // namespace bake
