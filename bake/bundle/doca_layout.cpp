#include "bake/bundle/doca_layout.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/outer_package.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::bundle {
namespace {

constexpr std::size_t max_source_file = std::size_t{1} << 20U;
constexpr std::size_t max_key_file = std::size_t{1} << 20U;
constexpr std::string_view front = "usr/share/doca-host-";

std::vector<SourceEntry> entries_of(const BundleTree& tree, PackageFormat format, const std::string& bundle) {
  static constexpr std::array<std::string_view, 2> repo_places{"etc/yum.repos.d/", "etc/zypp/repos.d/"};
  std::vector<SourceEntry> entries;
  for (const auto& path : tree.paths()) {
    const bool list = path.starts_with("etc/apt/sources.list.d/") && path.ends_with(".list");
    const bool repo = path.ends_with(".repo") && std::any_of(repo_places.begin(), repo_places.end(),
                                                             [&](auto place) { return path.starts_with(place); });
    if (!(format == PackageFormat::deb ? list : repo) || !tree.resolve(path)) continue;
    const auto text = tree.read(path, max_source_file);
    auto found =
        format == PackageFormat::deb ? parse_sources_list(text, path, bundle) : parse_repo_file(text, path, bundle);
    entries.insert(entries.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  return entries;
}

/// The keys that the package has in it, for messages. They never vouch for it.
std::vector<ShippedKey> keys_in(const BundleTree& tree, const SourceEntry& source) {
  std::vector<ShippedKey> keys;
  for (const auto& path : source.keys) {
    if (!tree.resolve(path)) continue;  // the key is to come from elsewhere
    signature::KeyRing ring;
    try {
      ring.add(tree.read(path, max_key_file), path);
    } catch (const Error&) {
      continue;  // without a key in it, the file changes nothing
    }
    for (const auto& key : ring.keys()) keys.push_back({path, key.fingerprint, key.user_id});
  }
  return keys;
}

/// Returns the part of a repository's directory that names its release: "3.2.3-019000-25.10-ubuntu2404", "3.1.0".
std::string stated_release(const std::string& directory) {
  return directory.substr(front.size(), directory.find('/', front.size()) - front.size());
}

void compare_directory(const std::string& stated, const OuterIdentity& identity, std::vector<Problem>& problems) {
  const auto& release = identity.release;
  const auto fields = split(stated, '-');
  const bool same = fields[0] == release.version && (fields.size() < 2 || fields[1] == release.build) &&
                    (fields.size() < 3 || fields[2] == release.release) &&
                    (fields.size() < 4 || distro_of_osid(fields[3]) == identity.distro) && fields.size() <= 4;
  if (!same)
    problems.push_back({identity.name,
                        fmt::format("its repository is for '{}', the package is {}-{} for '{}'", printable(stated),
                                    release.version, release.build, identity.distro),
                        ""});
}

/// Family E: the directory says for which kernel it is, and the name only confirms it.
void read_kernel(const std::string& directory, DocaContent& content, std::vector<Problem>& problems) {
  auto& [release, name, version, distro, arch, dotted_kernel] = content.identity;
  release.kernel = directory.substr(directory.rfind('/') + 1);
  const auto stated = split(stated_release(directory), '-');
  release.version = stated[0];
  if (stated.size() > 1) release.build = stated[1];
  const auto kernel = dotted(release.kernel);
  if (!dotted_kernel.empty() && kernel != dotted_kernel && kernel != dotted_kernel + "." + dotted(arch))
    problems.push_back(
        {name,
         fmt::format("its modules are for kernel '{}', its name says '{}'", printable(release.kernel), dotted_kernel),
         ""});
  // "5.14.0-503.26.1.el9_5.x86_64"; the kernel of an Ubuntu release names no release.
  if (const auto at = release.kernel.find(".el"); at != std::string::npos) {
    const auto word = release.kernel.substr(at + 3, release.kernel.find('.', at + 3) - at - 3);
    const bool plain =
        !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || c == '_'; });
    if (plain) distro = "rhel" + replace_all(word, "_", ".");
  }
}

}  // namespace

bool is_outer_bundle(const std::string& top) {
  return top.starts_with("doca-host") || top.starts_with("doca-kernel-repo");
}

DocaContent read_doca_content(const BundleTree& tree, std::vector<Problem>& problems) {
  DocaContent content;
  const auto header = outer_header_of(tree);
  content.identity = identify_outer(header);
  const auto& name = content.identity.name;
  const bool for_kernel = content.identity.release.family == "E";
  const auto paths = tree.paths();
  content.source = choose_repository(entries_of(tree, header.format, name), paths, for_kernel, name);
  content.keys = keys_in(tree, content.source);
  const auto& directory = content.source.directory;
  if (for_kernel)
    read_kernel(directory, content, problems);
  else
    compare_directory(stated_release(directory), content.identity, problems);
  const auto& distro = content.identity.distro;
  const bool deb_release = distro.starts_with("ubuntu") || distro.starts_with("debian");
  if (!distro.empty() && deb_release != (header.format == PackageFormat::deb))
    problems.push_back({name,
                        fmt::format("it is for '{}', which has no {} packages", distro,
                                    header.format == PackageFormat::deb ? "deb" : "rpm"),
                        ""});
  const auto index = index_in(paths, content.source.index_directory, header.format);
  content.layout = {header.format, "doca", {{"flat", directory, index.value_or(""), true}}};
  return content;
}

}  // namespace bake::bundle
