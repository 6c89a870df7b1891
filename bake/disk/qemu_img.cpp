#include "bake/disk/qemu_img.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <unistd.h>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

/// The image as an argument of --image-opts: with driver and protocol, an absolute path (so that qemu-img does not read
/// it as an option or a protocol), and doubled commas. The size of a dynamic VHD is its current size, as everywhere in
/// bake.
std::string image_options(DiskFormat format, const fs::path& path) {
  std::string driver = "qcow2";
  if (format == DiskFormat::vhd_dynamic) driver = "vpc,force_size_calc=current_size";
  if (format == DiskFormat::vhdx) driver = "vhdx";
  return fmt::format("driver={},file.driver=file,file.filename={}", driver,
                     replace_all(fs::absolute(path).string(), ",", ",,"));
}

std::string run_qemu_img(std::vector<std::string> arguments, std::string_view doing, const fs::path& path) {
  arguments.insert(arguments.begin(), "qemu-img");
  if (!find_program("qemu-img"))
    throw Error(ErrorKind::environment, fmt::format("{} '{}': there is no qemu-img", doing, path.string()),
                "install qemu-utils (Debian, Ubuntu) or qemu-img (RHEL)");
  auto result = run_program(arguments);
  if (result.status == 0) return result.out;
  const auto message = fmt::format("{} '{}': {}", doing, path.string(), trim(result.err));
  if (result.err.find("No space left on device") != std::string::npos)
    throw Error(ErrorKind::environment, message, "free some space on that file system");
  throw Error(ErrorKind::failed, message);
}

nlohmann::json parse_answer(const std::string& text, std::string_view doing, const fs::path& path) {
  auto answer = nlohmann::json::parse(text, nullptr, false);
  if (answer.is_discarded())
    throw Error(ErrorKind::failed, fmt::format("{} '{}': the output of qemu-img is not JSON", doing, path.string()));
  return answer;
}

}  // namespace

std::uint64_t vhdx_size(const fs::path& path) {
  constexpr auto doing = "reading VHDX";
  const auto text =
      run_qemu_img({"info", "--output=json", "--image-opts", image_options(DiskFormat::vhdx, path)}, doing, path);
  return parse_answer(text, doing, path).value("virtual-size", std::uint64_t{0});
}

void convert_to_raw(const SourceDisk& source, const FileDescriptor& out) {
  constexpr auto doing = "converting";
  // Not by its name: in a shared directory another user could put a link there.
  const auto destination = fmt::format("/proc/{}/fd/{}", ::getpid(), out.get());
  run_qemu_img({"convert", "--image-opts", "-O", "raw", image_options(source.format, source.path), destination}, doing,
               source.path);
  // The vpc driver writes whole sectors; the correct size is the one in the footer.
  const auto written = fs::file_size(destination);
  if (written != source.data_size)
    throw Error(ErrorKind::failed, fmt::format("{} '{}': qemu-img wrote {} bytes of {}", doing, source.path.string(),
                                               written, source.data_size));
}

void create_overlay(const SourceDisk& source, const fs::path& overlay) {
  const nlohmann::json backing{{"driver", "raw"},
                               {"size", source.data_size},
                               {"file", {{"driver", "file"}, {"filename", fs::absolute(source.path).string()}}}};
  run_qemu_img({"create", "-q", "-f", "qcow2", "-F", "raw", "-b", "json:" + backing.dump(),
                fs::absolute(overlay).string(), std::to_string(source.data_size)},
               "making an overlay over", source.path);
}

std::uint64_t data_bytes_in(const SourceDisk& source) {
  constexpr auto doing = "mapping";
  const auto text = run_qemu_img({"map", "--output=json", "--image-opts", image_options(source.format, source.path)},
                                 doing, source.path);
  std::uint64_t bytes = 0;
  for (const auto& extent : parse_answer(text, doing, source.path))
    if (extent.value("data", false) && !extent.value("zero", false)) bytes += extent.value("length", std::uint64_t{0});
  return std::min(bytes, source.data_size);
}

}  // namespace bake
