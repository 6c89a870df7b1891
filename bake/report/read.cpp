#include "bake/report/read.hpp"

#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/file_kind.hpp"
#include "bake/base/json.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/disk/source.hpp"
#include "bake/report/document.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* accepted =
    "a report needs an image that bake made, with its manifest (OUT.manifest.json) next to it, or a fleet";

Json read_manifest(const fs::path& image) {
  const auto file = sidecar_of(image, Sidecar::manifest);
  if (!fs::exists(file)) {
    const auto kind = kind_of_file(image);  // throws when the image does not exist either
    throw Error(ErrorKind::usage,
                fmt::format("reporting on '{}': {}there is no '{}'", image.string(),
                            kind.empty() ? "" : fmt::format("it is {}, and ", kind), file.string()),
                accepted);
  }
  auto document = read_document(read_text(file, verify::max_document), file.string());
  if (document.kind != Kind::manifest)
    throw Error(ErrorKind::config, fmt::format("reading manifest '{}': it is a plan", file.string()), accepted);
  return std::move(document.json);
}

/// Returns why the manifest may describe another file than `image`; empty when nothing says so. Does not hash the
/// image.
std::string problem_of(const fs::path& image, const Json& manifest) {
  std::error_code out_of_reach;
  if (!fs::exists(image, out_of_reach)) return fmt::format("the image is not there: '{}'", image.filename().string());
  const auto opened = open_image(image);
  const auto footer = footer_at_end(opened.fd, opened.size, image);
  const auto uuid = text_at(manifest, "/product/uuid");
  if (!footer) return "the image has no VHD footer: it is not the file that the manifest describes";
  if (footer->uuid != uuid)
    return fmt::format("the manifest describes another file: the image has the UUID {}, the manifest says {}",
                       footer->uuid, uuid);
  return {};
}

/// Returns the key that a DSSE envelope names; empty when it names none.
std::string signing_key(const fs::path& image) {
  const auto file = sidecar_of(image, Sidecar::signature);
  if (!fs::exists(file)) return {};
  const auto envelope = parse_untrusted_json<Json>(read_text(file, verify::max_document));
  return text_at(envelope, "/signatures/0/keyid");
}

}  // namespace

fs::path image_of(const fs::path& file) {
  const auto suffix = sidecar_of("", Sidecar::manifest).string();
  const auto name = file.string();
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return file;
  return name.substr(0, name.size() - suffix.size());
}

ImageReport read_image(const fs::path& image) {
  ImageReport report;
  report.file = image.filename().string();
  report.manifest = read_manifest(image);
  report.evidence = verify::check_evidence(image, text_at(report.manifest, "/product/sha256"), "");
  report.signing_key = signing_key(image);
  if (auto problem = problem_of(image, report.manifest); !problem.empty())
    report.problems.push_back(std::move(problem));
  return report;
}

}  // namespace bake::report
