#include "bake/job/content_key.hpp"

#include <array>
#include <fmt/format.h>

#include "bake/assets/assets.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/job/customize.hpp"
#include "bake/job/secure_boot.hpp"

namespace bake::job {
namespace {

/// The parts in the order in which they are compared and hashed, with their names for JSON and for people.
struct Part {
  std::string KeyParts::*value;
  const char* name;
  const char* words;
};
constexpr std::array<Part, 5> parts{{{&KeyParts::base, "base", "the base"},
                                     {&KeyParts::recipe, "recipe", "the recipe"},
                                     {&KeyParts::driver, "driver", "the driver bundle"},
                                     {&KeyParts::matrix, "matrix", "the matrix"},
                                     {&KeyParts::bake, "bake", "bake itself"}}};

/// Returns the digest of the recipe's meaning, without its formatting and its paths. The base has its own part of the
/// key; the gallery is only for publishing.
std::string recipe_digest(recipe::Recipe recipe) {
  recipe.base = {};
  // The content of files counts, not where they are.
  std::string customize;
  if (!recipe.customize.empty()) customize = plan::to_json(read_customization(recipe)).dump();
  for (auto& file : recipe.customize.files) file.source.clear();
  for (auto& user : recipe.customize.users) user.authorized_keys.clear();
  recipe.customize.run.clear();
  recipe.customize.first_boot.clear();
  std::string certificates;
  for (const auto& certificate : read_certificates(recipe)) certificates += certificate.sha256 + "\n";
  if (recipe.secure_boot) {
    recipe.secure_boot->certificates.clear();
    if (!recipe.secure_boot->sign_with.empty()) recipe.secure_boot->sign_with = "a key";
  }
  recipe.gallery.reset();
  return digest_of(recipe::write(recipe) + customize + certificates);
}

std::string driver_digest(const resolve::SelectedDriver& driver) {
  std::string text = fmt::format("{} {} {}\n", driver.choice.inbox ? "inbox" : driver.choice.ofed, driver.choice.distro,
                                 join(driver.choice.packages, ","));
  const auto add = [&](const bundle::Bundle& bundle, const bundle::Repository& packages) {
    text += fmt::format("{} {} {} pin:{} signer:{} overridden:{}\n", bundle.id(), bundle.payload_sha256,
                        packages.directory, bundle.trust.pin, bundle.trust.signer, join(bundle.trust.overridden, ","));
  };
  if (driver.bundle) add(*driver.bundle, *driver.packages());
  for (const auto& bundle : driver.kernel_bundles) add(bundle, bundle.repositories.at(0));
  for (const auto& extra : driver.extras)
    text += fmt::format("{} {} signer:{}\n", extra.id, extra.payload_sha256, extra.signer);
  return digest_of(text);
}

}  // namespace

KeyParts key_parts(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver,
                   const Environment& environment) {
  return {"", recipe_digest(recipe), driver_digest(driver), environment.matrix.digest(),
          std::string(BAKE_VERSION) + " " + assets::firstboot_digest()};
}

std::string key_of(const KeyParts& key) {
  std::string text;
  for (const auto& part : parts) text += std::string(part.name) + " " + key.*part.value + "\n";
  return digest_of(text);
}

std::string first_difference(const KeyParts& before, const KeyParts& now) {
  for (const auto& part : parts)
    if (before.*part.value != now.*part.value) return part.words;
  return {};
}

nlohmann::ordered_json to_json(const KeyParts& key) {
  nlohmann::ordered_json json;
  for (const auto& part : parts) json[part.name] = key.*part.value;
  return json;
}

KeyParts key_parts_from(const nlohmann::json& json) {
  KeyParts key;
  for (const auto& part : parts) key.*part.value = json.at(part.name);
  return key;
}

}  // namespace bake::job
