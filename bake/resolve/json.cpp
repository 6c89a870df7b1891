#include "bake/resolve/json.hpp"

namespace bake::resolve {

using Json = nlohmann::ordered_json;

std::string_view word(PackageChange::Action action) {
  switch (action) {
    case PackageChange::Action::install:
      return "install";
    case PackageChange::Action::upgrade:
      return "upgrade";
    case PackageChange::Action::remove:
      return "remove";
  }
  return "";
}

std::string_view word(FitKind kind) {
  switch (kind) {
    case FitKind::inbox:
      return "inbox";
    case FitKind::built_for:
      return "built for this kernel";
    case FitKind::weak_updates:
      return "weak-updates";
    case FitKind::needs_build:
      return "needs build";
    case FitKind::user_space_only:
      return "user space only";
    case FitKind::refused:
      return "refused";
  }
  return "";
}

Json to_json(const PackageChange& change) {
  Json json{{"action", word(change.action)}, {"name", change.name}, {"version", change.version}, {"arch", change.arch}};
  if (!change.old_version.empty()) json["old_version"] = change.old_version;
  if (!change.file.empty()) json["file"] = change.file;
  if (change.is_extra()) json["from"] = "extra packages";
  if (change.kernel_bundle) json["from"] = "doca-kernel-repo";
  json["reason"] = change.reason;
  return json;
}

Json to_json(const KernelFit& fit) {
  return {{"verdict", word(fit.kind)},      {"kernel", fit.kernel},   {"built_for", fit.built_kernel},
          {"explanation", fit.explanation}, {"reasons", fit.reasons}, {"remedy", fit.remedy}};
}

Json to_json(const BundleIdentity& bundle) {
  return {{"name", bundle.name}, {"sha256", bundle.id}, {"repository", bundle.repository}};
}

}  // namespace bake::resolve
