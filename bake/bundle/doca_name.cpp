#include "bake/bundle/doca_name.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::bundle {
namespace {

constexpr std::string_view host = "doca-host";
constexpr std::string_view old_host = "doca-host-repo";
constexpr std::string_view kernel_repo = "doca-kernel-repo";
constexpr std::size_t max_field = 255;

bool is_number(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

/// Returns whether `text` is numbers with dots between them, `least` or more.
bool is_dotted(std::string_view text, std::size_t least) {
  const auto numbers = split(text, '.');
  return numbers.size() >= least && std::all_of(numbers.begin(), numbers.end(), is_number);
}

bool is_field(std::string_view text) {
  return !text.empty() && text.size() <= max_field && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".+~_-").find(c) != std::string_view::npos;
  });
}

std::string shown(std::string_view text) { return printable(text.substr(0, max_field)); }

[[noreturn]] void refuse_version(const OuterHeader& header, const std::string& name, std::string_view expected) {
  throw Error(ErrorKind::config,
              fmt::format("reading bundle '{}': its version '{}' is not {}", name, header.version, expected),
              "bake knows the names of doca-host packages from DOCA 2.7 on, and of the doca-kernel-repo packages that "
              "doca-kernel-support makes");
}

[[noreturn]] void refuse_old_host(std::string_view name) {
  throw Error(
      ErrorKind::config,
      fmt::format("reading bundle '{}': recognised: a doca-host-repo package of DOCA 2.6 or earlier, which bake "
                  "does not read",
                  shown(name)),
      "use the MLNX_OFED_LINUX bundle of the same release, or a doca-host package of DOCA 2.7 or later");
}

std::string arch_of(const OuterHeader& header, const std::string& name) {
  if (header.arch == "amd64" || header.arch == "x86_64") return "x86_64";
  if (header.arch == "arm64" || header.arch == "aarch64")
    throw Error(ErrorKind::incompatible,
                fmt::format("reading bundle '{}': it is for {}: bake makes only x86_64 images", name, header.arch),
                "take the x86_64 package of the same release");
  throw Error(ErrorKind::config,
              fmt::format("reading bundle '{}': it is for the unknown architecture '{}'", name, header.arch));
}

bool is_osid(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) && is_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
}

/// The fields of doca-host: DOCA version, build, release, distribution.
OuterIdentity identify_host(const OuterHeader& header, OuterIdentity identity) {
  const bool deb = header.format == PackageFormat::deb;
  const auto dash = header.version.find('-');
  std::vector<std::string> fields{header.version.substr(0, dash)};
  if (dash != std::string::npos)
    for (auto& field : split(std::string_view(header.version).substr(dash + 1), deb ? '-' : '_'))
      fields.push_back(std::move(field));
  if (fields.size() != 4 || !is_dotted(fields[0], 3) || !is_number(fields[1]) || !is_dotted(fields[2], 2) ||
      !is_osid(fields[3]))
    refuse_version(header, identity.name,
                   deb ? "<DOCA>-<build>-<YY.MM>-<distribution>" : "<DOCA>-<build>_<YY.MM>_<distribution>");
  if (compare_versions(fields[0], "2.7") < 0) refuse_old_host(identity.name);
  auto& release = identity.release;
  release.family = deb ? "D1" : "";
  release.version = fields[0];
  release.build = fields[1];
  release.release = fields[2];
  release.ofed = fields[2];
  identity.version = fmt::format("doca-{}-{}", release.version, release.build);
  identity.distro = distro_of_osid(fields[3]);
  return identity;
}

/// The fields of doca-kernel-repo: the OFED release, and the kernel in a form that cannot be undone.
OuterIdentity identify_kernel_repo(const OuterHeader& header, OuterIdentity identity) {
  const auto version = header.version.substr(0, header.version.find('-'));
  if (!is_dotted(version, 5))
    refuse_version(header, identity.name, "the OFED release with dots, such as 25.04.0.6.1.0");
  const auto second_dot = version.find('.', version.find('.') + 1);
  auto& release = identity.release;
  release.family = "E";
  release.release = version.substr(0, second_dot);
  release.ofed = release.release + "-" + version.substr(second_dot + 1);
  identity.version = "doca-kernel-" + release.ofed;
  if (header.format == PackageFormat::rpm) {
    constexpr std::string_view mark = ".kver.";
    if (const auto at = header.version.find(mark); at != std::string::npos)
      identity.dotted_kernel = header.version.substr(at + mark.size());
  } else if (const auto front = fmt::format("{}-{}-", kernel_repo, release.ofed); header.name.starts_with(front)) {
    identity.dotted_kernel = header.name.substr(front.size());
  }
  return identity;
}

/// Returns the name in front of the first digit, and the rest.
std::pair<std::string, std::string> split_osid(std::string_view osid) {
  const auto digit = std::find_if(osid.begin(), osid.end(), is_digit);
  return {{osid.begin(), digit}, {digit, osid.end()}};
}

}  // namespace

bool is_outer_package(std::string_view name) {
  return name == host || name == kernel_repo || name.starts_with(fmt::format("{}-", kernel_repo)) || name == old_host ||
         name.starts_with(fmt::format("{}-", old_host));
}

std::string bundle_name_of(const OuterHeader& header) {
  const bool deb = header.format == PackageFormat::deb;
  return deb ? fmt::format("{}_{}_{}", header.name, header.version, header.arch)
             : fmt::format("{}-{}.{}", header.name, header.version, header.arch);
}

std::optional<OuterHeader> outer_header_of_file_name(std::string_view file_name) {
  OuterHeader header;
  if (file_name.ends_with(".deb")) {
    const auto parts = split(file_name.substr(0, file_name.size() - 4), '_');
    if (parts.size() != 3) return std::nullopt;
    header = {PackageFormat::deb, parts[0], parts[1], parts[2]};
  } else if (file_name.ends_with(".rpm")) {
    const auto stem = file_name.substr(0, file_name.size() - 4);
    const auto dot = stem.rfind('.');
    const auto release = stem.substr(0, dot).rfind('-');
    if (dot == std::string_view::npos || release == std::string_view::npos || release == 0) return std::nullopt;
    const auto version = stem.substr(0, release).rfind('-');
    if (version == std::string_view::npos) return std::nullopt;
    header = {PackageFormat::rpm, std::string(stem.substr(0, version)),
              std::string(stem.substr(version + 1, dot - version - 1)), std::string(stem.substr(dot + 1))};
  } else {
    return std::nullopt;
  }
  return is_outer_package(header.name) ? std::optional(std::move(header)) : std::nullopt;
}

OuterIdentity identify_outer(const OuterHeader& header) {
  OuterIdentity identity;
  if (header.name == old_host || header.name.starts_with(fmt::format("{}-", old_host)))
    refuse_old_host(bundle_name_of(header));
  for (const auto& [what, text] : {std::pair{"name", &header.name}, std::pair{"version", &header.version},
                                   std::pair{"architecture", &header.arch}})
    if (!is_field(*text))
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading bundle '{}': its {} is '{}'", shown(header.name), what, shown(*text)));
  identity.name = bundle_name_of(header);
  identity.arch = arch_of(header, identity.name);
  return header.name == host ? identify_host(header, std::move(identity))
                             : identify_kernel_repo(header, std::move(identity));
}

std::string distro_of_osid(std::string_view osid) {
  auto [name, number] = split_osid(osid);
  if (!is_number(number)) return std::string(osid);  // "sles15sp5" has its dots already
  std::size_t major = 0;
  if (name == "rhel" || name == "ol" || name == "centos" || name == "rocky" || name == "almalinux")
    major = number.front() == '1' ? 2 : 1;  // 8, 87, 810, 10, 100
  else if (name == "ubuntu" || name == "openeuler" || name == "debian")
    major = 2;
  else if (name == "alinux")
    major = 1;
  if (major == 0 || number.size() <= major) return std::string(osid);
  return name + number.substr(0, major) + "." + number.substr(major);
}

std::string dotted(std::string_view kernel) {
  return replace_all(replace_all(std::string(kernel), "-", "."), "_", ".");
}

}  // namespace bake::bundle
