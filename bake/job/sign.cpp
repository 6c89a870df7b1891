#include "bake/job/sign.hpp"

#include <fmt/format.h>
#include <optional>
#include <set>
#include <vector>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/json.hpp"
#include "bake/base/printable.hpp"
#include "bake/disk/digest.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/evidence/files.hpp"
#include "bake/signature/signing.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

/// The documents without which a signature would say too little.
constexpr std::array needed{Sidecar::manifest, Sidecar::sbom, Sidecar::provenance};

void require_documents(const fs::path& image) {
  for (const auto kind : needed)
    if (const auto file = sidecar_of(image, kind); !fs::exists(file))
      throw Error(ErrorKind::usage,
                  fmt::format("signing '{}': there is no {}", image.string(), file.filename().string()),
                  "a signature is about all documents that the bake wrote next to the image; copy them together");
}

/// The names of the files of which the provenance has a digest.
std::set<std::string> listed_in(const std::string& provenance) {
  std::set<std::string> names;
  const auto json = parse_untrusted_json(provenance);  // check_evidence() found it good
  for (const auto& byproduct : json.at("predicate").at("runDetails").at("byproducts"))
    names.insert(byproduct.at("name").get<std::string>());
  return names;
}

/// Returns what next to the image does not describe it.
std::vector<Problem> mismatches(const fs::path& image, const std::string& sha256) {
  std::vector<Problem> problems;
  const auto file = sidecar_of(image, Sidecar::manifest);
  const auto manifest = verify::read_manifest(read_text(file, verify::max_document), file.string());
  const auto expected = manifest.value("product", nlohmann::json::object()).value("sha256", std::string());
  if (expected != sha256)
    problems.push_back({"digest", fmt::format("sha256 is {}, the manifest says {}", sha256, expected), {}});
  // What this run writes again cannot be wrong: the signature and the list of the digests.
  const std::set<std::string> written_again{"signature", "checksums"};
  bool readable = true;
  for (const auto& check : verify::check_evidence(image, sha256, {}))
    if (check.failed() && !written_again.contains(check.rule)) {
      problems.push_back({check.rule, check.evidence, {}});
      readable = readable && check.rule != "provenance";
    }
  if (!readable) return problems;
  const auto listed = listed_in(read_text(sidecar_of(image, Sidecar::provenance), verify::max_document));
  for (const auto& name : listed)
    if (const auto listed_file = image.parent_path() / name; !fs::exists(listed_file))
      problems.push_back({"provenance", fmt::format("it lists {}, which does not exist", printable(name)), {}});
  return problems;
}

}  // namespace

SignedImage sign_image(const fs::path& image, const std::string& private_pem, Environment& environment) try {
  const auto public_pem = signature::public_half(private_pem);
  require_documents(image);
  environment.progress.step("hash the image");
  BackgroundDigests hashing({image});
  const auto sha256 = hashing.wait().front();
  environment.progress.step("compare the documents");
  if (auto problems = mismatches(image, sha256); !problems.empty()) {
    problems.back().remedies = {{Remedy::Action::verify_image, image.string()},
                                {Remedy::Action::resign_image, image.string()}};
    problems.back().hint = "if you changed the image on purpose, let bake describe it again";
    throw_if_any(ErrorKind::untrusted, fmt::format("signing '{}'", image.string()), problems);
  }
  environment.progress.step("sign the provenance");
  evidence::write_signature(image, sha256, private_pem);
  return {sha256, sidecar_of(image, Sidecar::signature), signature::key_fingerprint(public_pem)};
} catch (const nlohmann::json::exception& error) {
  throw Error(ErrorKind::config, fmt::format("reading the documents of '{}': {}", image.string(), error.what()),
              "another program or another version of bake wrote the manifest");
}

}  // namespace bake::job
