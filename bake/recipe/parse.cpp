#include <algorithm>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/base/yaml.hpp"
#include "bake/recipe/document.hpp"
#include "bake/recipe/read.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/signature/module_signature.hpp"
#include "matrix/words.hpp"

namespace bake::recipe {
namespace {

namespace fs = std::filesystem;
using yaml::MapReader;
using yaml::Node;

std::string sha256_of(MapReader& reader) {
  auto digest = to_lower(reader.text_or("sha256", ""));
  if (digest.empty() || is_sha256(digest)) return digest;
  reader.problem("sha256", fmt::format("'sha256' must be 64 hexadecimal digits, not '{}'", digest));
  return {};
}

Base read_base(Input& input, MapReader& recipe) {
  Base base;
  const Node* node = recipe.find("base");
  if (node == nullptr || node->kind == Node::Kind::null) {
    recipe.problem("base", "recipe has no 'base'", "the disk to start from: base: base.vhd");
    return base;
  }
  if (node->kind == Node::Kind::scalar) {
    base.path = resolve_against(input.file, node->scalar);
    return base;
  }
  auto reader = input.map(*node, "base");
  base.path = resolve_against(input.file, reader.required_text("path"));
  base.sha256 = sha256_of(reader);
  reader.finish();
  return base;
}

Os read_os(MapReader& recipe) {
  const auto text = recipe.required_text("os");
  const auto [id, version] = matrix::release_words(text);
  const bool is_code_name = version.empty() && !matrix::is_distribution(id) && id.find(' ') == std::string::npos;
  if (!id.empty() && (!version.empty() || is_code_name)) return {id, version};
  if (!text.empty())
    recipe.problem("os", fmt::format("'os' must name a system and its release, not '{}'", text),
                   "for example: os: ubuntu 20.04");
  return {};
}

void choose(Ofed& ofed, MapReader& reader, const std::string& key, const std::string& word) {
  if (word == "auto") {
    ofed.choice = OfedChoice::automatic;
  } else if (word == "inbox") {
    ofed.choice = OfedChoice::inbox;
  } else if (const auto release = matrix::driver_words(word)) {
    ofed.choice = OfedChoice::version;
    ofed.version = *release;
  } else {
    reader.problem(key, fmt::format("'{}' must be auto, inbox or an OFED release, not '{}'", key, word),
                   "for example: 5.5-1.0.3.2, or with the build of DOCA: doca-3.2.3-019000");
  }
}

Ofed read_ofed(Input& input, MapReader& recipe) {
  Ofed ofed;
  const Node* node = recipe.find("ofed");
  if (node == nullptr || node->kind == Node::Kind::null) return ofed;
  if (node->kind == Node::Kind::scalar) {
    choose(ofed, recipe, "ofed", node->scalar);
    return ofed;
  }
  auto reader = input.map(*node, "ofed");
  choose(ofed, reader, "version", reader.text_or("version", "auto"));
  ofed.sha256 = sha256_of(reader);
  ofed.libs = reader.choice_or("libs", {"mlnx-libs", "upstream-libs"}, "");
  ofed.profile = reader.choice_or("profile", {"ib-minimal", "basic", "hpc", "user-space-only"}, "ib-minimal");
  ofed.packages = reader.texts("packages");
  if (!ofed.packages.empty() && reader.has("profile"))
    reader.problem("profile", "'profile' and 'packages' cannot be used together", "keep one of them");
  reader.finish();
  return ofed;
}

/// Returns the defaults of a profile. "azhpc" is what Azure/azhpc-images does in its images (8e9d055f:
/// components/install_doca.sh, add-udev-rules.sh, install_azure_persistent_rdma_naming.sh,
/// distros/ubuntu24.04/install_utils.sh).
Configure defaults_of(std::string_view profile) {
  Configure configure;
  if (profile != "azhpc") return configure;
  configure.openibd_restart = true;
  configure.rdma_names = RdmaNames::azure;
  configure.load_modules = {"ib_ipoib", "ib_umad"};
  return configure;
}

RdmaNames read_rdma_names(MapReader& reader, RdmaNames fallback) {
  const auto text = reader.choice_or("rdma_names", {"inbox", "kernel", "azure"}, std::string(word(fallback)));
  for (const auto names : {RdmaNames::kernel, RdmaNames::azure})
    if (text == word(names)) return names;
  return RdmaNames::inbox;
}

std::vector<std::string> read_modules(MapReader& reader, std::vector<std::string> fallback) {
  static constexpr std::string_view characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (reader.find("load_modules") == nullptr) return fallback;
  auto modules = reader.texts("load_modules");
  for (const auto& module : modules)
    if (module.empty() || module.find_first_not_of(characters) != std::string::npos)
      reader.problem("load_modules", fmt::format("'{}' in 'load_modules' is not the name of a module", module),
                     "for example: load_modules: [ib_umad]");
  return modules;
}

Configure read_configure(Input& input, MapReader& recipe) {
  const Node* node = recipe.find("configure");
  if (node == nullptr) return {};
  auto reader = input.map(*node, "configure");
  auto configure = defaults_of(reader.choice_or("profile", {"default", "azhpc"}, "default"));
  configure.enable_rdma = reader.flag_or("enable_rdma", configure.enable_rdma);
  configure.hold_kernel = reader.flag_or("hold_kernel", configure.hold_kernel);
  configure.hold_rdma = reader.flag_or("hold_rdma", configure.hold_rdma);
  configure.memlock_unlimited = reader.flag_or("memlock_unlimited", configure.memlock_unlimited);
  configure.cloud_init_network = reader.flag_or("cloud_init_network", configure.cloud_init_network);
  configure.reset_labels = reader.flag_or("reset_labels", configure.reset_labels);
  configure.openibd_restart = reader.flag_or("openibd_restart", configure.openibd_restart);
  configure.rdma_names = read_rdma_names(reader, configure.rdma_names);
  configure.load_modules = read_modules(reader, std::move(configure.load_modules));
  reader.finish();
  return configure;
}

Firstboot read_firstboot(Input& input, MapReader& recipe) {
  Firstboot firstboot;
  const Node* node = recipe.find("firstboot");
  if (node == nullptr) return firstboot;
  auto reader = input.map(*node, "firstboot");
  firstboot.install = reader.flag_or("install", firstboot.install);
  firstboot.wait_seconds = static_cast<unsigned>(reader.number_or("wait", firstboot.wait_seconds, 0, 240));
  for (const auto& [key, flag] :
       {std::pair{"late", &Firstboot::late}, std::pair{"strict_rate", &Firstboot::strict_rate}}) {
    firstboot.*flag = reader.flag_or(key, firstboot.*flag);
    if (firstboot.*flag && !firstboot.install)
      reader.problem(key, fmt::format("'{}: true' needs 'install: true'", key), "remove one of them");
  }
  reader.finish();
  return firstboot;
}

/// KEY=VALUE each: values of letters, digits and commas. Azure also accepts spaces, but az cannot pass them on.
std::vector<std::string> read_features(MapReader& reader) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto only = [](std::string_view text, const std::string& allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
  };
  auto features = reader.texts("features");
  std::vector<std::string> names;
  for (const auto& feature : features) {
    const auto equals = std::min(feature.find('='), feature.size());
    const auto name = std::string_view(feature).substr(0, equals);
    const auto value = std::string_view(feature).substr(std::min(equals + 1, feature.size()));
    if (!only(name, std::string(letters)) || !only(value, std::string(letters) + "0123456789,"))
      reader.problem("features", fmt::format("'{}' in 'features' is not KEY=VALUE", feature),
                     "for example: features: [\"DiskControllerTypes=SCSI,NVMe\"]");
    else if (std::find(names.begin(), names.end(), name) != names.end())
      reader.problem("features", fmt::format("duplicate feature '{}'", name));
    else
      names.emplace_back(name);
  }
  return features;
}

std::optional<SecureBoot> read_secure_boot(Input& input, MapReader& recipe) {
  const Node* node = recipe.find("secure_boot");
  if (node == nullptr || node->kind == Node::Kind::null) return std::nullopt;
  auto reader = input.map(*node, "secure_boot");
  SecureBoot secure_boot;
  secure_boot.sign_with = reader.text_or("sign_with", "");
  if (!secure_boot.sign_with.empty() && !signature::is_key_uri(secure_boot.sign_with))
    secure_boot.sign_with = resolve_against(input.file, secure_boot.sign_with).string();
  // The URI is a part of logs and manifests.
  if (secure_boot.sign_with.find("pin-value=") != std::string::npos)
    reader.problem("sign_with", "'sign_with' contains a PIN", "name a file that has it: pin-source=FILE (RFC 7512)");
  for (const auto& text : reader.texts("certificates"))
    secure_boot.certificates.push_back(resolve_against(input.file, text));
  if (secure_boot.certificates.empty())
    reader.problem("certificates", "'secure_boot' has no 'certificates'",
                   "the certificate of 'sign_with' first: certificates: [site.pem]",
                   {{Remedy::Action::make_module_key}});
  reader.finish();
  return secure_boot;
}

/// Refuses what contradicts `secure_boot` in the gallery: Trusted Launch needs generation 2.
void check_gallery(MapReader& reader, const Recipe& recipe) {
  if (!recipe.secure_boot || !recipe.gallery) return;
  if (recipe.gallery->hyper_v_generation == "V1")
    reader.problem("gallery", "'secure_boot' needs generation 2, but 'gallery' says hyper_v_generation V1");
  for (const auto& feature : recipe.gallery->features)
    if (feature.starts_with("SecurityType=") && feature != "SecurityType=TrustedLaunchSupported" &&
        feature != "SecurityType=TrustedLaunchAndConfidentialVmSupported")
      reader.problem("gallery", fmt::format("'secure_boot' needs Trusted Launch, but 'gallery' says {}", feature),
                     "remove the feature; packer/publish adds SecurityType=TrustedLaunchSupported");
}

std::optional<Gallery> read_gallery(Input& input, MapReader& recipe) {
  const Node* node = recipe.find("gallery");
  if (node == nullptr || node->kind == Node::Kind::null) return std::nullopt;
  auto reader = input.map(*node, "gallery");
  Gallery gallery;
  gallery.resource_group = reader.required_text("resource_group");
  gallery.gallery = reader.required_text("name");
  gallery.definition = reader.required_text("definition");
  gallery.publisher = reader.text_or("publisher", "");
  gallery.offer = reader.text_or("offer", "");
  gallery.sku = reader.text_or("sku", "");
  gallery.location = reader.text_or("location", "");
  gallery.hyper_v_generation = reader.choice_or("hyper_v_generation", {"V1", "V2"}, "");
  gallery.target_regions = reader.texts("target_regions");
  gallery.features = read_features(reader);
  reader.finish();
  return gallery;
}

void check_vm_sizes(MapReader& reader, const std::vector<std::string>& sizes) {
  if (sizes.empty())
    reader.problem("vm_sizes", "recipe has no 'vm_sizes'",
                   "the VM sizes decide the card: vm_sizes: [Standard_HB120rs_v2]");
  auto sorted = sizes;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) reader.problem("vm_sizes", fmt::format("duplicate VM size '{}'", *twice));
}

/// Returns true when the file is a fleet. Its other problems are then not reported.
bool is_fleet(Input& input, MapReader& reader) {
  const Node* schema = reader.find("schema");
  if (schema == nullptr || schema->scalar != fleet_schema) return false;
  reader.problem("schema", "it is a fleet, not a recipe", "", {{Remedy::Action::bake_fleet, input.file.string()}});
  return true;
}

void check_schema(MapReader& reader) {
  const auto schema = reader.required_text("schema");
  if (!schema.empty() && schema != recipe_schema)
    reader.problem("schema", fmt::format("unknown schema '{}'", schema), "this bake reads bake/v1");
}

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

void check_name(MapReader& reader, const std::string& name) {
  if (name.find_first_not_of(name_characters) != std::string::npos || (!name.empty() && name.front() == '.'))
    reader.problem("name", fmt::format("'name' may contain letters, digits, '.', '_' and '-', not '{}'", name),
                   "it becomes part of file names");
}

constexpr std::string_view release_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-";

/// Reads `kernel`: a release, which must be the default of the image, or {release: X}, which becomes the default.
void read_kernel(Input& input, MapReader& reader, Recipe& recipe) {
  const Node* node = reader.find("kernel");
  if (node == nullptr || node->kind != Node::Kind::map) {
    recipe.kernel = reader.text_or("kernel", "");
    if (recipe.kernel == "default") recipe.kernel.clear();
    return;
  }
  auto kernel = input.map(*node, "kernel");
  recipe.kernel = kernel.required_text("release");
  recipe.change_kernel = true;
  // The release becomes a part of paths, package names and commands.
  if (recipe.kernel.find_first_not_of(release_characters) != std::string::npos || recipe.kernel.starts_with('-'))
    kernel.problem("release", fmt::format("'release' must be a kernel release, not '{}'", recipe.kernel),
                   "for example: 5.15.0-1089-azure");
  kernel.finish();
}

void read(Input& input, MapReader& reader, Recipe& recipe) {
  check_schema(reader);
  recipe.name = reader.text_or("name", input.file.stem().string());
  check_name(reader, recipe.name);
  recipe.base = read_base(input, reader);
  recipe.os = read_os(reader);
  recipe.vm_sizes = reader.texts("vm_sizes");
  check_vm_sizes(reader, recipe.vm_sizes);
  read_kernel(input, reader, recipe);
  recipe.ofed = read_ofed(input, reader);
  recipe.configure = read_configure(input, reader);
  recipe.firstboot = read_firstboot(input, reader);
  recipe.customize = read_customize(input, reader);
  recipe.generalize = reader.flag_or("generalize", false);
  recipe.secure_boot = read_secure_boot(input, reader);
  recipe.gallery = read_gallery(input, reader);
  check_gallery(reader, recipe);
  reader.finish();
}

}  // namespace

fs::path resolve_against(const fs::path& recipe, const std::string& path) {
  if (path.empty()) return {};
  return (recipe.parent_path() / path).lexically_normal();
}

std::string_view word(RdmaNames names) {
  switch (names) {
    case RdmaNames::inbox:
      return "inbox";
    case RdmaNames::kernel:
      return "kernel";
    case RdmaNames::azure:
      return "azure";
  }
  return "inbox";
}

Recipe parse(std::string_view text, const fs::path& file, std::vector<Problem>& problems) {
  Input input{file, {}};
  const auto root = yaml::parse(text, file, input.problems);
  Recipe recipe;
  recipe.file = file;
  if (input.problems.empty()) {
    auto reader = input.map(root, "recipe");
    if (!is_fleet(input, reader)) read(input, reader, recipe);
  }
  problems.insert(problems.end(), input.problems.begin(), input.problems.end());
  return recipe;
}

Recipe parse(std::string_view text, const fs::path& file) {
  std::vector<Problem> problems;
  auto recipe = parse(text, file, problems);
  throw_if_any(ErrorKind::config, fmt::format("reading recipe '{}'", file.string()), problems);
  return recipe;
}

fs::path default_output(const Recipe& recipe, const fs::path& directory) {
  auto output = directory / (recipe.name + ".vhd");
  std::error_code not_there;
  const bool is_base = fs::equivalent(output, recipe.base.path, not_there) ||
                       fs::weakly_canonical(output) == fs::weakly_canonical(recipe.base.path);
  return is_base ? directory / (recipe.name + "-baked.vhd") : output;
}

std::string name_for(std::string_view file_name) {
  std::string name;
  for (std::size_t i = 0; i < file_name.size();) {
    const auto end = std::min(file_name.find_first_not_of(name_characters, i), file_name.size());
    name += file_name.substr(i, end - i);
    i = std::min(file_name.find_first_of(name_characters, end), file_name.size());
    if (i > end) name += '-';
  }
  name.erase(0, std::min(name.find_first_not_of(".-"), name.size()));
  name.erase(name.find_last_not_of('-') + 1);
  return name.empty() ? "image" : name;
}

Recipe load(const fs::path& file) {
  std::vector<Problem> problems;
  const auto text = read_document(file, "recipe", {}, problems);
  throw_if_any(ErrorKind::config, fmt::format("reading recipe '{}'", file.string()), problems);
  return parse(*text, file);
}

}  // namespace bake::recipe
