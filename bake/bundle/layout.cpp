#include "bake/bundle/layout.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/archive/entry_policy.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::bundle {
namespace {

constexpr std::string_view prefix = "MLNX_OFED_LINUX-";

bool only(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}
constexpr std::string_view digits = "0123456789";
constexpr std::string_view digits_and_dots = "0123456789.";

/// Some releases have "skip-distro-check" in place of a distribution.
bool says_nothing(std::string_view distro) { return distro.empty() || distro == "skip-distro-check"; }

bool has_packages(const std::set<std::string>& paths, const std::string& directory, PackageFormat format) {
  const std::string_view suffix = format == PackageFormat::rpm ? ".rpm" : ".deb";
  for (auto path = paths.lower_bound(directory + "/"); path != paths.end() && path->starts_with(directory + "/");
       ++path)
    if (path->ends_with(suffix) && path->find('/', directory.size() + 1) == std::string::npos) return true;
  return false;
}

[[noreturn]] void refuse_mlnx_en(std::string_view name) {
  throw Error(
      ErrorKind::config,
      fmt::format("reading bundle '{}': recognised: an mlnx-en bundle, the Ethernet-only driver without InfiniBand",
                  printable(name)),
      "use the MLNX_OFED_LINUX bundle of the same version");
}

}  // namespace

std::optional<std::string> index_in(const std::set<std::string>& paths, const std::string& directory,
                                    PackageFormat format) {
  static constexpr std::array<std::string_view, 1> rpm_names{"/repodata/repomd.xml"};
  static constexpr std::array<std::string_view, 5> deb_names{"/Packages", "/Packages.xz", "/Packages.gz",
                                                             "/Packages.bz2", "/Packages.zst"};
  const auto find = [&](const auto& names) -> std::optional<std::string> {
    for (const auto name : names)
      if (paths.contains(directory + std::string(name))) return directory + std::string(name);
    return std::nullopt;
  };
  return format == PackageFormat::rpm ? find(rpm_names) : find(deb_names);
}

std::optional<BundleName> parse_bundle_name(std::string_view directory) {
  if (!directory.starts_with(prefix)) return std::nullopt;
  auto parts = split(directory.substr(prefix.size()), '-');
  BundleName name;
  if (parts.size() > 4 && parts.back() == "ext") {
    name.rebuilt = true;
    parts.pop_back();
  }
  if (parts.size() < 4 || !only(parts[0], digits_and_dots) || !only(parts[1], digits_and_dots)) return std::nullopt;
  name.version = parts[0] + "-" + parts[1];
  std::size_t next = 2;
  for (; next + 2 < parts.size() && only(parts[next], digits); ++next) name.version += "-" + parts[next];
  name.arch = parts.back();
  parts.pop_back();
  name.distro = join({parts.begin() + static_cast<std::ptrdiff_t>(next), parts.end()}, "-");
  if (name.arch.empty() || name.distro.empty()) return std::nullopt;
  return name;
}

void refuse_other_products(std::string_view name, std::string_view first_bytes) {
  const auto lower = to_lower(name);
  const bool rpm = first_bytes.starts_with("\xED\xAB\xEE\xDB");
  const bool deb = first_bytes.starts_with("!<arch>\n");
  if (lower.starts_with("doca-host") || lower.starts_with("doca_host") || lower.starts_with("doca-kernel-repo"))
    throw Error(
        ErrorKind::config,
        fmt::format("reading bundle '{}': named like a DOCA-Host package, but {}", printable(name),
                    rpm || deb ? "its header names another package" : "it is neither a deb nor an rpm"),
        "bake reads doca-host_….deb and doca-host-….rpm as the vendor publishes them, not what is unpacked from "
        "them");
  if (lower.starts_with("mlnx-en-") || lower.starts_with("mlnx_en-")) refuse_mlnx_en(name);
  if (rpm || deb)
    throw Error(
        ErrorKind::config,
        fmt::format("reading bundle '{}': a single {} package, not a bundle", printable(name), rpm ? "rpm" : "deb"),
        "add single packages as extra packages", {{Remedy::Action::add_extras}});
}

BundleName identify(const std::string& top, const std::map<std::string, std::string>& texts,
                    std::vector<Problem>& problems) {
  const auto parsed = parse_bundle_name(top);
  if (!parsed)
    throw Error(ErrorKind::config, fmt::format("reading bundle '{}': not named like an OFED bundle", printable(top)),
                "the vendor's top directory is MLNX_OFED_LINUX-<version>-<distro>-<arch>");
  const auto agree = [&](const std::string& file, const std::string& named, std::string_view what) {
    const auto text = texts.find(file);
    if (text == texts.end()) return;
    const std::string said(trim(text->second));
    if (file == "distro" && says_nothing(said)) return;
    if (said != named)
      problems.push_back(
          {file, fmt::format("says {} '{}', the top directory says '{}'", what, printable(said), named), ""});
  };
  agree(".mlnx", parsed->version, "version");
  agree(".arch", parsed->arch, "architecture");
  agree("distro", parsed->distro, "distribution");
  return *parsed;
}

Layout find_layout(const std::set<std::string>& paths, const std::string& top) {
  const auto has = [&](const std::string& directory) {
    const auto first = paths.lower_bound(directory);
    return first != paths.end() && first->starts_with(directory);
  };
  const bool rpms = has("RPMS/") || has("RPMS_UPSTREAM_LIBS/");
  const bool debs = has("DEBS/") || has("DEBS_UPSTREAM_LIBS/");
  if (!rpms && !debs && (has("RPMS_ETH/") || has("DEBS_ETH/"))) refuse_mlnx_en(top);
  if (rpms == debs)
    throw Error(ErrorKind::config,
                fmt::format("reading bundle '{}': it has {} RPMS {} DEBS", top, rpms ? "both" : "neither",
                            rpms ? "and" : "nor"),
                "this is not the layout of an MLNX_OFED_LINUX bundle");

  Layout layout;
  layout.format = rpms ? PackageFormat::rpm : PackageFormat::deb;
  const std::string base = rpms ? "RPMS" : "DEBS";
  layout.family =
      has(base + "/COMMON/") || has(base + "/MLNX_LIBS/") || has(base + "/UPSTREAM_LIBS/") ? "split" : "flat";
  const std::array<RepositoryPlace, 4> candidates{{{"upstream-libs", base + "/UPSTREAM_LIBS", "", true},
                                                   {"mlnx-libs", base + "/MLNX_LIBS", "", true},
                                                   {"upstream-libs", base + "_UPSTREAM_LIBS", "", true},
                                                   {"flat", base, "", true}}};
  const auto offers = [&](const std::string& flavour) {
    return std::any_of(layout.places.begin(), layout.places.end(),
                       [&](const RepositoryPlace& place) { return place.flavour == flavour; });
  };
  for (auto place : candidates) {
    const auto index = index_in(paths, place.directory, layout.format);
    if (!index) continue;
    place.index = *index;
    place.offered = !offers(place.flavour);
    layout.places.push_back(place);
  }
  if (!layout.places.empty()) return layout;
  for (auto place : candidates) {
    if (!has_packages(paths, place.directory, layout.format)) continue;
    place.offered = !offers(place.flavour);
    layout.places.push_back(place);
  }
  if (layout.places.empty())
    throw Error(ErrorKind::config, fmt::format("reading bundle '{}': no packages below {}", top, base),
                "this is not the layout of an MLNX_OFED_LINUX bundle");
  return layout;
}

}  // namespace bake::bundle
