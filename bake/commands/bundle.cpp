#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/bundle/module_sources.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/store/checksum_file.hpp"
#include "bake/store/store.hpp"
#include "matrix/matrix.hpp"
#include "matrix/words.hpp"

namespace bake::cli {
namespace {

using bundle::Bundle;
using bundle::Extras;
using store::Store;

/// The options of one bundle command.
struct BundleArguments {
  std::string subject;  ///< archive or name
  std::vector<std::string> names;
  std::string extra, extra_name, extra_distro;
  store::AddOptions add;
};

std::size_t package_count(const Bundle& bundle) {
  std::size_t count = 0;
  for (const auto& repository : bundle.repositories) count += repository.packages.size();
  return count;
}

std::string trust_in_words(const bundle::Trust& trust, const char* pinned = "pinned") {
  std::vector<std::string> words;
  if (!trust.pin.empty()) words.push_back(fmt::format("{} ({})", pinned, trust.pin));
  if (!trust.signer.empty()) words.push_back("signed by " + trust.signer);
  if (!trust.weak.empty()) words.push_back("weak: " + join(trust.weak, ", "));
  if (!trust.overridden.empty()) words.push_back("overridden: " + join(trust.overridden, " "));
  return join(words, "; ");
}

/// Which release a bundle is, and where its kernel modules come from.
Json release_json(const Bundle& bundle) {
  Json json{{"family", family_of(bundle)}, {"ofed_version", ofed_of(bundle)}, {"module_sources", Json::array()}};
  if (bundle.doca) {
    json["doca_version"] = bundle.doca->version;
    json["doca_build"] = bundle.doca->build;
  }
  for (const auto& source : module_sources(bundle)) {
    Json entry{{"from", source.from}};
    if (!source.kernel.empty()) entry["kernel"] = source.kernel;
    json["module_sources"].push_back(std::move(entry));
  }
  return json;
}

Json summary(const Bundle& bundle) {
  Json json{{"id", bundle.id()}};
  json.update(bundle::identity_json(bundle));
  json["packages"] = package_count(bundle);
  json["payload_size"] = bundle.payload_size;
  json["trust"] = bundle::to_json(bundle.trust);
  json.update(release_json(bundle));
  return json;
}

/// Says which driver is in a DOCA-Host package, and where its modules come from.
std::string doca_in_words(const Bundle& bundle) {
  static const std::map<std::string, std::string> words{
      {"kmp", "modules built for "}, {"prebuilt", "modules for only "}, {"dkms", "modules by DKMS"}};
  std::vector<std::string> sources;
  for (const auto& source : module_sources(bundle)) sources.push_back(words.at(source.from) + source.kernel);
  return fmt::format("OFED {}, {}", ofed_of(bundle), sources.empty() ? "no kernel modules" : join(sources, ", "));
}

Json summary(const Extras& extras) {
  return {{"id", extras.id},
          {"name", extras.name},
          {"distro", extras.distro},
          {"packages", extras.repository.packages.size()},
          {"payload_size", extras.payload_size},
          {"trust", {{"signer", extras.signer}, {"weak", extras.weak}}}};
}

void print_row(Context& context, const Bundle& bundle) {
  context.out << fmt::format("{}  {}  {} packages  {}  {}{}\n", bundle.id().substr(0, 12), bundle.name,
                             package_count(bundle), human_size(bundle.payload_size),
                             bundle.doca ? doca_in_words(bundle) + "  " : "", trust_in_words(bundle.trust));
}

void print_row(Context& context, const Extras& extras) {
  context.out << fmt::format("{}  {} (extra packages for {})  {} packages  {}{}\n", extras.id.substr(0, 12),
                             extras.name, extras.distro.empty() ? "every release" : extras.distro,
                             extras.repository.packages.size(), human_size(extras.payload_size),
                             extras.signer.empty() ? "" : "  signed by " + extras.signer);
}

/// Returns the release of --for by the name that bundles use: "rhel7.7", also for "centos7.7" and "CentOS 7.7.1908".
std::string release_of(const Context& context, const std::string& text) {
  if (text.empty()) return text;
  const auto matrix = matrix::Matrix::load(context.matrix_overlays);
  std::vector<std::string> known;
  for (const auto& os : matrix.operating_systems()) {
    if (os.distro == to_lower(text)) return os.distro;
    known.insert(known.end(), {os.distro, os.id + os.version});
  }
  const auto [id, version] = matrix::release_words(text);
  if (const auto* os = matrix.find_os(id, version)) return os->distro;
  throw Error(ErrorKind::usage, fmt::format("reading --for '{}': the matrix knows no such release", text),
              did_you_mean(text, known));
}

void add_extras(Context& context, const BundleArguments& arguments) {
  const auto directory = std::filesystem::path(arguments.extra);
  const auto name = arguments.extra_name.empty() ? name_of_path(directory) : arguments.extra_name;
  const auto extras = Store(context.store)
                          .add_extras(directory, name, release_of(context, arguments.extra_distro), context.progress(),
                                      arguments.add.keyrings);
  if (context.json)
    context.print(summary(extras));
  else
    print_row(context, extras);
}

/// Pins archives whose digest is published: the matrix pins an archive by its file name, and finds a renamed archive by
/// its digest.
void pin_by_matrix(const Context& context, store::AddOptions& options) {
  options.pin_source = "command line";
  const auto matrix = matrix::Matrix::load(context.matrix_overlays);
  options.known_pin = [matrix](const std::string& file_name) {
    auto sha256 = matrix.known_sha256(file_name);
    return sha256.empty() ? std::nullopt : std::optional(std::move(sha256));
  };
  options.known_digest = [matrix](const std::string& sha256) {
    return matrix.find_bundle_by_sha256(sha256) != nullptr;
  };
}

/// Throws Error{usage} for a URL, with the command that fetches it.
void refuse_url(const std::string& subject) {
  const auto scheme = subject.find("://");
  if (scheme == std::string::npos || scheme == 0) return;
  const auto path = subject.substr(0, subject.find_first_of("?#"));
  throw Error(ErrorKind::usage, fmt::format("reading bundle '{}': bake never downloads", subject),
              "fetch it with another program, then add the file",
              {{Remedy::Action::download, subject}, {Remedy::Action::add_bundle, path.substr(path.rfind('/') + 1)}});
}

/// Returns the names that the line of an archive, or of the archives of a stored bundle, can have in a checksum file.
std::vector<std::string> names_of(const std::string& subject) {
  const auto name = name_of_path(subject);
  // The digest of an archive is not that of a directory.
  if (std::filesystem::is_directory(subject)) return {name};
  return {name, name + ".tgz", name + ".iso", name + ".deb", name + ".rpm"};
}

/// Replaces the checksum file in --sha256 with the digest that it states for one of `names`.
void read_pin(store::AddOptions& options, const std::vector<std::string>& names) {
  if (options.pin.empty() || is_sha256(options.pin)) return;
  if (!std::filesystem::is_regular_file(options.pin))
    throw Error(ErrorKind::usage,
                fmt::format("reading --sha256 '{}': neither 64 hexadecimal digits nor a file", options.pin));
  options.pin = store::digest_in_checksum_file(options.pin, names);
}

void add(Context& context, BundleArguments& arguments) {
  if (arguments.subject.empty() == arguments.extra.empty())
    throw Error(ErrorKind::usage, "adding a bundle: name one archive, or a directory of packages with --extra");
  if (!arguments.extra.empty()) return add_extras(context, arguments);
  refuse_url(arguments.subject);
  read_pin(arguments.add, names_of(arguments.subject));
  pin_by_matrix(context, arguments.add);
  const auto result = Store(context.store).add(arguments.subject, arguments.add, context.progress());
  if (context.json) {
    auto json = summary(result.bundle);
    json["already_there"] = result.already_there;
    json["trust_updated"] = result.trust_updated;
    return context.print(json);
  }
  if (result.already_there)
    context.out << (result.trust_updated ? "already in the store, now with more trust: " : "already in the store: ");
  print_row(context, result.bundle);
}

void list(Context& context) {
  context.require_store();
  const Store store(context.store);
  const auto bundles = store.list();
  const auto extras = store.all_extras();
  if (context.json) {
    Json json{{"store", store.directory().string()}, {"bundles", Json::array()}, {"extras", Json::array()}};
    for (const auto& bundle : bundles) json["bundles"].push_back(summary(bundle));
    for (const auto& extra : extras) json["extras"].push_back(summary(extra));
    return context.print(json);
  }
  for (const auto& bundle : bundles) print_row(context, bundle);
  for (const auto& extra : extras) print_row(context, extra);
  if (bundles.empty() && extras.empty())
    context.out << fmt::format("the store '{}' is empty{}\n", store.directory().string(), store.absence());
}

void print_packages(Context& context, const bundle::Repository& repository) {
  for (const auto& package : repository.packages) {
    context.out << fmt::format("  {} {} {}", package.name, package.version, package.arch);
    if (!package.built_kernel.empty())
      context.out << fmt::format("  {} modules for {}", package.modules.size(), package.built_kernel);
    if (package.dkms_source) context.out << "  DKMS sources";
    context.out << '\n';
  }
}

void show(Context& context, const BundleArguments& arguments) {
  const auto meant = Store(context.store).get_any(arguments.subject);
  if (const auto* extras = std::get_if<Extras>(&meant)) {
    if (context.json) return context.print(bundle::to_json(*extras));
    print_row(context, *extras);
    return print_packages(context, extras->repository);
  }
  const auto& bundle = std::get<Bundle>(meant);
  if (context.json) {
    auto json = bundle::to_json(bundle);
    json.update(release_json(bundle));
    return context.print(json);
  }
  print_row(context, bundle);
  for (const auto& repository : bundle.repositories) {
    context.out << fmt::format("\n{} ({}{})\n", repository.directory, repository.flavour,
                               repository.indexed ? "" : ", without an index");
    print_packages(context, repository);
  }
}

std::string pin_in_words(const store::Verification& result) {
  const auto& pin = result.report.pin;
  if (pin.empty()) return "not pinned";
  if (!result.stored) return fmt::format("pinned ({})", pin);
  return fmt::format("recorded pin ({}), which cannot be compared with the payload", pin);
}

void print_report(Context& context, const store::Verification& result) {
  const auto& report = result.report;
  context.out << fmt::format("{}\n  {} sha256 {}, {}\n", result.bundle.name, report.from_directory ? "tree" : "archive",
                             report.archive_sha256, pin_in_words(result));
  for (const auto& index : report.indexes)
    context.out << fmt::format("  {}: signature {}{}\n", index.file, name_of(index.signature.state),
                               index.signature.fingerprint.empty() ? "" : " by " + index.signature.fingerprint);
  std::map<bundle::PackageVerdict, std::size_t> counts;
  for (const auto& package : report.packages) {
    ++counts[package.verdict];
    if (package.verdict != bundle::PackageVerdict::ok || context.verbose)
      context.out << fmt::format("  {}: {}{}\n", package.file, name_of(package.verdict),
                                 package.detail.empty() ? "" : " (" + package.detail + ")");
  }
  std::vector<std::string> words;
  words.reserve(counts.size());
  for (const auto& [verdict, count] : counts) words.push_back(fmt::format("{} {}", count, name_of(verdict)));
  context.out << fmt::format("  packages: {}\n", join(words, ", "));
  for (const auto& problem : result.decision.problems)
    context.out << fmt::format("  refused: {}: {}{}\n", problem.where, problem.message, advice(context, problem));
  context.out << fmt::format(
      "  {}\n", result.decision.problems.empty()
                    ? "trusted: " + trust_in_words(result.decision.trust, result.stored ? "recorded pin" : "pinned")
                    : "not trusted");
}

/// Whether `subject` is an archive or a directory, and not the name of a stored bundle. A directory in the current
/// directory often has the name of the stored bundle; the stored one is meant then.
bool is_archive(const std::string& subject, const Store& store) {
  if (subject.find('/') != std::string::npos || std::filesystem::is_regular_file(subject)) return true;
  if (!std::filesystem::is_directory(subject)) return false;
  const auto bundles = store.list();
  return std::none_of(bundles.begin(), bundles.end(), [&](const Bundle& bundle) { return bundle.name == subject; });
}

void verify(Context& context, const BundleArguments& arguments) {
  Store store(context.store);
  auto options = arguments.add;
  refuse_url(arguments.subject);
  read_pin(options, names_of(arguments.subject));
  pin_by_matrix(context, options);
  const bool is_file = is_archive(arguments.subject, store);
  const auto result = is_file ? store.verify_archive(arguments.subject, options, context.progress())
                              : store.verify(store.get(arguments.subject), options, context.progress());
  const auto& problems = result.decision.problems;
  if (context.json) {
    auto json = bundle::to_json(result.report);
    json["name"] = result.bundle.name;
    json["trust"] = bundle::to_json(result.decision.trust);
    json["problems"] = Json::array();
    for (const auto& problem : problems) json["problems"].push_back(to_json(context, problem));
    json["warnings"] = result.decision.warnings;
    json["trusted"] = problems.empty();
    json["pin_compared"] = !result.stored && !result.report.pin.empty();
    context.print(json);
  } else {
    print_report(context, result);
  }
  if (problems.empty()) return;
  // The result is printed; only the exit code tells a program that the bundle is not trusted.
  context.err << fmt::format("bake: error: verifying bundle '{}': {} problem{}\n", result.bundle.name, problems.size(),
                             problems.size() == 1 ? "" : "s");
  context.status = static_cast<int>(ErrorKind::untrusted);
}

void remove(Context& context, const BundleArguments& arguments) {
  auto removed = Json::array();
  for (const auto& name : arguments.names) {
    const auto full = Store(context.store).remove(name);
    removed.push_back(full);
    if (!context.json) context.out << fmt::format("removed {}\n", full);
  }
  if (context.json) context.print({{"removed", removed}});
}

void add_trust_options(CLI::App& command, BundleArguments& arguments) {
  auto& policy = arguments.add.policy;
  command.add_option("--sha256", arguments.add.pin,
                     "the archive must have this sha256: 64 digits, or a file that sha256sum wrote");
  command
      .add_option("--keyring", arguments.add.keyrings,
                  "OpenPGP public keys that may vouch, in addition to the store's keys")
      ->check(CLI::ExistingFile);
  command.add_flag("--allow-rebuilt", policy.allow_rebuilt, "accept an -ext bundle, which is not signed");
  command.add_flag("!--refuse-weak", policy.allow_weak, "refuse DSA, SHA1, MD5 and short keys instead of listing them");
  command.add_flag("--insecure-no-pin", policy.insecure_no_pin,
                   "accept a bundle without a pin and without a signature");
  command.add_flag("--insecure-no-signature", policy.insecure_no_signature, "do not require a signature");
  command.add_flag("--insecure-no-index", policy.insecure_no_index, "do not compare packages with the bundle's index");
}

}  // namespace

void add_bundle(CLI::App& app, Context& context) {
  auto* bundle = app.add_subcommand("bundle", "the store of OFED bundles");
  bundle->require_subcommand(1);
  const auto arguments = std::make_shared<BundleArguments>();
  const auto command = [&](const char* name, const char* help, auto run) {
    auto* made = bundle->add_subcommand(name, help);
    made->callback([arguments, &context, run] { run(context, *arguments); });
    return made;
  };

  auto* adding = command("add", "verify an archive and keep it", add);
  adding->add_option("archive", arguments->subject,
                     "MLNX_OFED_LINUX-….tgz, .iso or its directory, or a doca-host .deb or .rpm");
  auto* extra = adding->add_option("--extra", arguments->extra, "a directory of base-system packages that images lack");
  adding->add_option("--name", arguments->extra_name, "name of the extra packages (default: the directory's)")
      ->needs(extra);
  adding->add_option("--for", arguments->extra_distro, "release the extra packages are for: rhel7.7, ubuntu20.04")
      ->needs(extra);
  add_trust_options(*adding, *arguments);
  // Extra packages have no index and no published digest, so only --keyring applies to them.
  for (const auto* option : {"--sha256", "--allow-rebuilt", "--refuse-weak", "--insecure-no-pin",
                             "--insecure-no-signature", "--insecure-no-index"})
    extra->excludes(adding->get_option(option));

  command("list", "list the store", [](Context& inner, BundleArguments& /*unused*/) { list(inner); });
  command("show", "one bundle, or extra packages, with the packages in it", show)
      ->add_option("bundle", arguments->subject, "name or id")
      ->required();
  auto* verifying = command("verify", "check an archive, or a stored bundle again", verify);
  verifying->add_option("bundle", arguments->subject, "archive, directory, name or id")->required();
  add_trust_options(*verifying, *arguments);
  command("remove", "remove bundles or extra packages from the store", remove)
      ->add_option("bundle", arguments->names, "names or ids")
      ->required();
  add_bundle_trust(*bundle, context);
  add_bundle_wanted(*bundle, context);
}

}  // namespace bake::cli
