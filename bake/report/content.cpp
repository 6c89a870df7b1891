#include "bake/report/content.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "bake/base/text.hpp"

namespace bake::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* not_in_plan = "a plan does not have them";
constexpr const char* unknown_origin = "not recorded";  // of a package, in a manifest
constexpr const char* not_in_disk = "bake did not make this disk, or its manifest is not there";

Entry value(std::string name, std::string text) { return {std::move(name), {{"value", std::move(text)}}}; }

/// Returns an entry for each name and the text at its pointer.
std::vector<Entry> values(const Json& json, std::initializer_list<std::pair<const char*, const char*>> names) {
  std::vector<Entry> entries;
  for (const auto& [name, pointer] : names) entries.push_back(value(name, text_at(json, pointer)));
  return entries;
}

std::string joined(const Json& json, const char* pointer) { return join(texts_at(json, pointer), ", "); }

/// Calls `use` with each object of the array at `pointer`.
template <typename Use>
void each_object(const Json& json, const char* pointer, Use use) {
  const auto& list = at(json, pointer);
  if (!list.is_array()) return;
  for (const auto& object : list)
    if (object.is_object()) use(object);
}

/// Calls `use` with each name and text of the object at `pointer`.
template <typename Use>
void each_member(const Json& json, const char* pointer, Use use) {
  const auto& object = at(json, pointer);
  if (!object.is_object()) return;
  for (const auto& [name, text] : object.items())
    if (text.is_string()) use(name, text.template get<std::string>());
}

Content part(const char* name, std::vector<Entry> entries) { return {name, false, 0, "", std::move(entries)}; }
Content list(const char* name, std::vector<Entry> entries) { return {name, true, 0, "", std::move(entries)}; }
Content missing(const char* name, const char* why) { return {name, false, 0, why, {}}; }

Content image(const Document& document) {
  if (document.kind != Kind::manifest) return missing("image", document.kind == Kind::plan ? not_in_plan : not_in_disk);
  auto entries = values(document.json, {{"key", "/key"}, {"bake", "/bake"}, {"matrix", "/matrix/sha256"}});
  // The manifest inside an image does not describe the file.
  if (at(document.json, "/product").is_object())
    for (auto& entry :
         values(document.json, {{"sha256", "/product/sha256"}, {"virtual size", "/product/virtual_size"}}))
      entries.push_back(std::move(entry));
  return part("image", std::move(entries));
}

Content base(const Document& document) {
  if (document.kind != Kind::manifest) return missing("base", document.kind == Kind::plan ? not_in_plan : not_in_disk);
  return part("base", values(document.json, {{"file", "/base/file"},
                                             {"format", "/base/format"},
                                             {"sha256", "/base/sha256"},
                                             {"root file system", "/base/root_uuid"}}));
}

Content recipe(const Document& document) {
  if (document.kind == Kind::disk) return missing("recipe", not_in_disk);
  if (document.kind == Kind::plan)
    return part("recipe", {value("name", text_at(document.json, "/recipe")),
                           value("VM sizes", joined(document.json, "/vm_sizes"))});
  return part("recipe", {value("name", text_at(document.json, "/recipe/name")),
                         value("VM sizes", joined(document.json, "/vm_sizes")),
                         value("sha256", text_at(document.json, "/recipe/sha256"))});
}

Content system(const Document& document) {
  return part("system", values(document.json,
                               {{"distribution", "/os/id"}, {"version", "/os/version"}, {"architecture", "/arch"}}));
}

Content kernel(const Document& document) {
  if (document.kind == Kind::disk)
    return part("kernel",
                values(document.json, {{"release", "/default_kernel"}, {"chosen by", "/default_kernel_how"}}));
  return part("kernel", values(document.json, {{"release", "/kernel/release"},
                                               {"chosen by", "/kernel/decided_by"},
                                               {"previous default", "/kernel/change/previous"},
                                               {"fit", "/fit/verdict"},
                                               {"modules built for", "/fit/built_for"}}));
}

/// "build tools (sha256 …), …"
std::string named_digests(const Json& json, const char* pointer) {
  std::vector<std::string> texts;
  each_object(json, pointer, [&](const Json& object) {
    texts.push_back(fmt::format("{} (sha256 {})", text_at(object, "/name"), text_at(object, "/sha256")));
  });
  return join(texts, ", ");
}

Content driver(const Document& document) {
  const auto& json = document.json;
  if (document.kind == Kind::disk) return missing("driver", not_in_disk);
  if (document.kind == Kind::plan)
    return part("driver", values(json, {{"release", "/ofed"},
                                        {"profile", "/profile"},
                                        {"bundle", "/bundle/name"},
                                        {"sha256", "/bundle/sha256"},
                                        {"repository", "/bundle/repository"}}));
  auto entries = values(json, {{"release", "/driver/ofed"},
                               {"profile", "/driver/profile"},
                               {"bundle", "/driver/bundle/name"},
                               {"sha256", "/driver/bundle/sha256"},
                               {"repository", "/driver/bundle/repository"},
                               {"signer", "/driver/bundle/trust/signer"},
                               {"pin", "/driver/bundle/trust/pin"},
                               {"compiled modules", "/driver/built_modules/name"},
                               {"kernel bundle", "/driver/kernel_bundle/name"}});
  entries.push_back(value("weak signatures", joined(json, "/driver/bundle/trust/weak")));
  entries.push_back(value("extra packages", named_digests(json, "/driver/extras")));
  return part("driver", std::move(entries));
}

/// Appends what `customize` of the recipe does.
void add_customization(const Json& json, std::vector<Entry>& entries) {
  each_member(json, "/customize/files",
              [&](const auto& path, const auto& state) { entries.push_back(value("own file " + path, state)); });
  each_object(json, "/customize/lines", [&](const Json& line) {
    const auto sha256 = text_at(line, "/sha256");
    // A file can get several lines, and only their digests are known.
    entries.push_back(
        value(fmt::format("line {} in {}", sha256.substr(0, 12), text_at(line, "/path")), "sha256 " + sha256));
  });
  each_member(json, "/customize/sysctl",
              [&](const auto& key, const auto& text) { entries.push_back(value("sysctl " + key, text)); });
  for (const auto& unit : texts_at(json, "/customize/mask")) entries.push_back(value("service " + unit, "masked"));
  each_object(json, "/customize/users", [&](const Json& user) {
    entries.push_back({"user " + text_at(user, "/name"),
                       {{"groups", joined(user, "/groups")},
                        {"shell", text_at(user, "/shell")},
                        {"keys", text_at(user, "/authorized_keys_sha256")}}});
  });
  each_object(json, "/customize/run", [&](const Json& script) {
    entries.push_back(value("script " + text_at(script, "/name"), "sha256 " + text_at(script, "/sha256")));
  });
}

Content settings(const Document& document) {
  if (document.kind == Kind::disk) return missing("settings", not_in_disk);
  const auto& json = document.json;
  std::vector<Entry> entries;
  for (const auto& unit : texts_at(json, "/configure/enable_services"))
    entries.push_back(value("service " + unit, "enabled"));
  for (const auto& unit : texts_at(json, "/configure/disable_services"))
    entries.push_back(value("service " + unit, "disabled"));
  for (const auto& package : texts_at(json, "/configure/hold")) entries.push_back(value("hold " + package, "yes"));
  for (auto& entry : values(json, {{"EnableRDMA", "/configure/enable_rdma"},
                                   {"unlimited locked memory", "/configure/memlock_unlimited"},
                                   {"network file", "/configure/network_config"},
                                   {"initramfs", "/configure/initramfs"},
                                   {"initramfs, why", "/configure/initramfs_reason"},
                                   {"SELinux labels", "/configure/selinux_labels"},
                                   {"generalize", "/configure/generalize"}}))
    entries.push_back(std::move(entry));
  entries.push_back(value("initramfs leaves out", joined(json, "/configure/initramfs_leaves_out")));
  entries.push_back(value("initramfs gets", joined(json, "/configure/initramfs_adds")));
  each_object(json, "/configure/removals", [&](const Json& removal) {
    entries.push_back(value("remove " + text_at(removal, "/what"), joined(removal, "/paths")));
  });
  each_member(json, "/configure/files",
              [&](const auto& path, const auto& what) { entries.push_back(value("file " + path, what)); });
  for (auto& entry : values(json, {{"module signatures: bake signs", "/secure_boot/signs"},
                                   {"module signatures: hash", "/secure_boot/hash"},
                                   {"module signatures: form", "/secure_boot/form"}}))
    entries.push_back(std::move(entry));
  each_object(json, "/secure_boot/certificates", [&](const Json& certificate) {
    entries.push_back(value("certificate " + text_at(certificate, "/subject"), text_at(certificate, "/sha256")));
  });
  add_customization(json, entries);
  return list("settings", std::move(entries));
}

/// "0644 0:0 SHA256" → mode, owner, content (bake/guest/guest.hpp, fingerprints); anything else is one value.
Fields file_fields(const std::string& state) {
  const auto owner = state.find(' ');
  const auto content = owner == std::string::npos ? owner : state.find(' ', owner + 1);
  if (content == std::string::npos || !is_digit(state[0])) return {{"content", state}};
  return {{"mode", state.substr(0, owner)},
          {"owner", state.substr(owner + 1, content - owner - 1)},
          {"content", state.substr(content + 1)}};
}

Content files(const Document& document) {
  if (document.kind == Kind::plan) return missing("files", not_in_plan);
  if (document.kind == Kind::disk) return missing("files", not_in_disk);
  if (!at(document.json, "/files/list").is_object()) return missing("files", "the manifest does not list them");
  std::vector<Entry> entries;
  each_member(document.json, "/files/list", [&](const auto& path, const auto& state) {
    entries.push_back({path, file_fields(state)});
  });
  return list("files", std::move(entries));
}

Content checks(const Document& document) {
  if (document.kind == Kind::plan) return missing("checks", not_in_plan);
  if (document.kind == Kind::disk) return missing("checks", not_in_disk);
  if (!at(document.json, "/checks").is_array()) return missing("checks", "the manifest does not list them");
  std::vector<Entry> entries;
  each_object(document.json, "/checks", [&](const Json& check) {
    auto status = text_at(check, "/status");
    if (status == "failed" && text_at(check, "/level") == "advice") status = "advice";
    entries.push_back({text_at(check, "/check"), {{"status", status}, {"evidence", text_at(check, "/evidence")}}});
  });
  auto content = list("checks", std::move(entries));
  content.significant = 1;  // the evidence names digests and dates, which differ in every image
  return content;
}

Entry package(const Json& object, std::string from) {
  if (from == unknown_origin) from.clear();
  return {text_at(object, "/name"),
          {{"version", text_at(object, "/version")}, {"arch", text_at(object, "/arch")}, {"from", std::move(from)}}};
}

void add_changes(const Json& json, const char* pointer, const std::string& bundle, Packages& packages) {
  each_object(json, pointer, [&](const Json& change) {
    auto from = text_at(change, "/from");
    if (text_at(change, "/action") == "remove")
      packages.removed.push_back(text_at(change, "/name"));
    else
      packages.installed.push_back(package(change, from.empty() ? "bundle " + bundle : std::move(from)));
  });
}

}  // namespace

std::optional<Packages> changed_packages_of(const Document& document) {
  if (document.kind == Kind::disk) return std::nullopt;
  Packages packages{PackageScope::changed, {}, {}};
  const auto bundle = text_at(document.json, document.kind == Kind::plan ? "/bundle/name" : "/driver/bundle/name");
  add_changes(document.json, "/kernel/change/changes", bundle, packages);
  add_changes(document.json, "/changes", bundle, packages);
  return packages;
}

Packages packages_of(const Document& document) {
  Packages packages;
  const auto add = [&](const Json& object) { packages.installed.push_back(package(object, text_at(object, "/from"))); };
  if (document.kind == Kind::disk) {
    each_object(document.json, "/packages/installed", add);
    return packages;
  }
  if (!at(document.json, "/packages").is_array()) return *changed_packages_of(document);
  each_object(document.json, "/packages", add);
  return packages;
}

std::vector<Content> contents_of(const Document& document) {
  return {image(document),  base(document),     recipe(document), system(document), kernel(document),
          driver(document), settings(document), files(document),  checks(document)};
}

}  // namespace bake::report
