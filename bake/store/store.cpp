#include "bake/store/store.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <system_error>
#include <utility>

#include "bake/archive/iso_writer.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/bundle/differences.hpp"
#include "bake/store/derived.hpp"
#include "bake/store/extras.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

// Bundles: what adding and verifying need.

/// Returns what pins `sha256`; the file name does not matter: "command line", "recipe", "matrix", or "" for nothing.
std::string pinned_by(const std::string& sha256, const AddOptions& options) {
  if (!options.pin.empty()) return to_lower(options.pin) == sha256 ? options.pin_source : "";
  return options.known_digest && options.known_digest(sha256) ? "matrix" : "";
}

/// Returns the digest of `archive` and what pins it. Compares the digest with its pin before anything in the archive is
/// parsed. Throws Error{untrusted} when they differ.
std::pair<std::string, std::string> digest_and_pin(const fs::path& archive, const AddOptions& options,
                                                   Progress& progress) {
  const auto name = name_of_path(archive);
  auto expected = to_lower(options.pin);
  auto source = options.pin_source;
  if (expected.empty() && options.known_pin)
    if (const auto known = options.known_pin(name)) {
      expected = to_lower(*known);
      source = "matrix";
    }
  progress.step(fmt::format("digesting {}", name));
  auto sha256 = bundle::digest_of_bundle(archive, options.limits, progress);
  if (!expected.empty() && expected != sha256)
    throw Error(ErrorKind::untrusted,
                fmt::format("verifying bundle '{}': its sha256 is {}, the {} pins {}", name, sha256, source, expected),
                "this is not the pinned file: download it again");
  if (expected.empty()) source = pinned_by(sha256, options);
  return {std::move(sha256), std::move(source)};
}

void check_same_bytes(const fs::path& archive, const std::string& before, const std::string& after) {
  if (before != after)
    throw Error(ErrorKind::untrusted,
                fmt::format("verifying bundle '{}': it changed while it was read", name_of_path(archive)));
}

bundle::Bundle load(const fs::path& directory) {
  const auto file = directory / "bundle.json";
  auto bundle = bundle::bundle_from_json(read_text(file, max_stored_file), file);
  bundle.directory = directory;
  return bundle;
}

/// Throws Error{untrusted} if an index is not the one that was stored with the bundle or the extra packages `name`.
bundle::IndexTexts checked_index(bundle::IndexTexts texts, const std::string& sha256, const std::string& name) {
  const auto found = bundle::digest_of_index(texts);
  if (found == sha256) return texts;
  throw Error(
      ErrorKind::untrusted,
      sha256.empty()
          ? fmt::format("reading the index of '{}': an earlier bake stored it and did not compare it "
                        "with the packages",
                        name)
          : fmt::format("reading the index of '{}': its sha256 is {}, the store added it as {}", name, found, sha256),
      "remove it, then add it again from its source", {{Remedy::Action::remove_bundle, name}});
}

void append(std::vector<Problem>& problems, const std::vector<Problem>& more) {
  problems.insert(problems.end(), more.begin(), more.end());
}

/// Returns true when `now` overrides no check that `before` did not, and still has a pin or a signer where `before` has
/// one.
bool is_no_worse(const bundle::Trust& before, const bundle::Trust& now) {
  return std::all_of(now.overridden.begin(), now.overridden.end(),
                     [&](const auto& flag) { return was_overridden(before, flag); }) &&
         (before.pin.empty() || !now.pin.empty()) && (before.signer.empty() || !now.signer.empty());
}

// Extra packages.

bundle::Extras load_extras(const fs::path& directory) {
  const auto file = directory / "extras.json";
  auto extras = bundle::extras_from_json(read_text(file, max_stored_file), file);
  extras.directory = directory;
  return extras;
}

/// Keeps the extra packages that are in the store already, and records their signers if they are new.
bundle::Extras keep(const bundle::Extras& added, bundle::Extras stored, StoreTransaction& transaction) {
  if (added.signer.empty() || added.signer == stored.signer) return stored;
  stored.signer = added.signer;
  stored.weak = added.weak;
  transaction.write("extras.json", bundle::dump(bundle::to_json(stored)));
  transaction.replace("extras.json", fs::path("extras") / stored.id / "extras.json");
  return stored;
}

// Names: the full name of a bundle or of extra packages, or the beginning of its id.

constexpr std::size_t min_id_digits = 4;

/// Returns a hint that names the entry of `names` that `name` probably means: `name` misspells it or is a part of it.
/// Returns "" if there is none.
std::string similar(const std::string& name, const std::vector<std::string>& names) {
  if (auto near = did_you_mean(name, names); !near.empty() || names.empty()) return near;
  const auto part = std::find_if(names.begin(), names.end(), [&](const std::string& whole) {
    return to_lower(whole).find(to_lower(name)) != std::string::npos;
  });
  return part == names.end() ? "" : fmt::format("did you mean '{}'?", *part);
}

Error not_in_store(const Store& store, const std::string& name, const std::vector<std::string>& names) {
  auto hint = similar(name, names);
  std::vector<Remedy> remedies;
  if (hint.empty() && !names.empty()) remedies = {{Remedy::Action::list_bundles}};
  return {ErrorKind::usage,
          fmt::format("looking for bundle '{}': not in the store '{}'{}", name, store.directory().string(),
                      store.absence()),
          std::move(hint), std::move(remedies)};
}

std::string id_of(const bundle::Bundle& bundle) { return bundle.id(); }
std::string id_of(const bundle::Extras& extras) { return extras.id; }

/// Returns the objects of `all` that have this name, or an id that begins with it.
template <typename Object>
std::vector<Object> called(const std::string& name, std::vector<Object> all) {
  std::erase_if(all, [&](const Object& object) {
    return object.name != name && !(name.size() >= min_id_digits && id_of(object).starts_with(to_lower(name)));
  });
  return all;
}

template <typename Object>
void add_names(std::vector<std::string>& names, const std::vector<Object>& all) {
  for (const auto& object : all) names.push_back(object.name);
}

template <typename Object>
void add_ids(std::vector<std::string>& ids, const std::vector<Object>& all) {
  for (const auto& object : all) ids.push_back(id_of(object).substr(0, 12));
}

[[noreturn]] void refuse_several(const std::string& name, std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  throw Error(ErrorKind::usage, fmt::format("looking for bundle '{}': it matches {} entries", name, ids.size()),
              "name one by its id: " + join(ids, ", "));
}

// The key ring: signatures of its keys make bundles trusted.

constexpr std::size_t min_fingerprint_digits = 8;

/// Returns `text` in the form of stored fingerprints: upper case, without spaces and without "0x". Throws Error{usage}
/// when it is too short or not hexadecimal.
std::string digits_of(const std::string& text) {
  std::string digits;
  for (const char c : replace_all(text, " ", "")) digits += c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.erase(0, 2);
  if (digits.size() < min_fingerprint_digits || digits.find_first_not_of("0123456789ABCDEF") != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("withdrawing key '{}': that is not a fingerprint", text),
                "give its 40 hexadecimal digits, or at least the last 8 of them");
  return digits;
}

/// Returns the full fingerprint of the one trusted key whose fingerprint ends with `text`. Throws Error{usage} when
/// none or more than one does.
std::string matching_fingerprint(const std::string& text, const std::vector<TrustedKey>& trusted, const Store& store) {
  const auto digits = digits_of(text);
  std::set<std::string> all;
  std::set<std::string> matches;
  for (const auto& [key, file] : trusted) {
    const auto shown = key.user_id.empty() ? key.fingerprint : fmt::format("{} ({})", key.fingerprint, key.user_id);
    all.insert(shown);
    if (key.fingerprint.ends_with(digits)) matches.insert(key.fingerprint);
  }
  if (matches.size() == 1) return *matches.begin();
  if (matches.empty())
    throw Error(ErrorKind::usage,
                fmt::format("withdrawing key '{}': the store '{}' does not trust it{}", text,
                            store.directory().string(), store.absence()),
                all.empty() ? "it trusts no key" : "it trusts " + join({all.begin(), all.end()}, ", "));
  throw Error(ErrorKind::usage, fmt::format("withdrawing key '{}': it matches {} keys", text, matches.size()),
              "give more of its digits: " + join({matches.begin(), matches.end()}, ", "));
}

/// Adds a file of the store's key ring. An unreadable file is an error: without its keys some signatures would not be
/// checked.
void add_from_ring(signature::KeyRing& ring, const fs::path& file) {
  try {
    ring.add_file(file);
  } catch (const Error& error) {
    throw Error(error.kind(), error.message(), "it is in the store's key ring; remove it from there or repair it");
  }
}

std::set<std::string> fingerprints_of(const std::vector<signature::PublicKey>& keys) {
  std::set<std::string> all;
  for (const auto& key : keys) all.insert(key.fingerprint);
  return all;
}

/// Returns what the owner of a key revoked according to `stored`, but not according to `given`: the fingerprint of the
/// key or of a subkey; empty if there is none.
std::string undone_revocation(const signature::PublicKey& stored, const signature::PublicKey& given) {
  if (given.revoked) return {};
  if (stored.revoked) return stored.fingerprint;
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  const auto lost = std::find_if(stored.revoked_subkeys.begin(), stored.revoked_subkeys.end(), [&](const auto& subkey) {
    return has(given.subkeys, subkey) && !has(given.revoked_subkeys, subkey);
  });
  return lost == stored.revoked_subkeys.end() ? std::string() : *lost;
}

/// Throws Error{untrusted} if the file with `keys` is older than a revocation in the ring, which it would replace.
void refuse_older(const std::vector<signature::PublicKey>& keys, const std::vector<TrustedKey>& trusted,
                  const fs::path& file) {
  for (const auto& key : keys)
    for (const auto& [stored, place] : trusted)
      if (stored.fingerprint == key.fingerprint)
        if (const auto lost = undone_revocation(stored, key); !lost.empty())
          throw Error(ErrorKind::untrusted,
                      fmt::format("trusting the keys of '{}': key {} is revoked in '{}', but not in this file",
                                  file.string(), lost, place.string()),
                      "get the current key file from the owner of the key");
}

/// Returns the name of the ring's file for `keys`. A renewed key replaces its earlier file, unless that file has more
/// keys.
std::string file_name_for(const std::vector<signature::PublicKey>& keys, const std::string& content,
                          const fs::path& home) {
  auto name = keys.front().fingerprint + ".gpg";
  if (!fs::exists(home / name)) return name;
  signature::KeyRing stored;
  add_from_ring(stored, home / name);
  const auto before = fingerprints_of(stored.keys());
  const auto now = fingerprints_of(keys);
  if (std::includes(now.begin(), now.end(), before.begin(), before.end())) return name;
  return fmt::format("{}-{}.gpg", keys.front().fingerprint, digest_of(content).substr(0, 12));
}

/// Returns whether the payload of `archive`, read again, is the stored one.
bool has_payload(const fs::path& archive, const bundle::Bundle& bundle, const archive::EntryLimits& limits,
                 Progress& progress) {
  const TemporaryDirectory scratch;
  const auto payload = scratch.path() / "payload.iso";
  const auto staged = bundle::stage_bundle(archive, payload, limits, progress);
  return staged.archive_sha256 == bundle.id() && digest_of_file(payload) == bundle.payload_sha256;
}

}  // namespace

AddResult Store::add(const fs::path& archive, const AddOptions& options, Progress& progress) {
  const auto [sha256, pin] = digest_and_pin(archive, options, progress);
  if (fs::exists(directory_ / "bundles" / sha256 / "bundle.json"))
    return add_again(load(directory_ / "bundles" / sha256), archive, pin, options, progress);
  const auto needed = bundle::size_of_bundle(archive);
  if (const auto free = free_bytes_at(directory_); free < needed)
    throw Error(ErrorKind::environment,
                fmt::format("adding bundle '{}': the store has {} free and needs {}", name_of_path(archive),
                            human_size(free), human_size(needed)),
                "choose another place for the store with --store DIR or $BAKE_STORE");

  StoreTransaction transaction(directory_, progress);
  const auto ring = key_ring(options.keyrings);
  progress.step(fmt::format("reading {}", name_of_path(archive)));
  const auto payload = transaction.scratch() / "payload.iso";
  const auto staged = bundle::stage_bundle(archive, payload, options.limits, progress);
  check_same_bytes(archive, sha256, staged.archive_sha256);
  auto examination = bundle::examine(staged, ring, options.policy.insecure_no_index, progress);
  examination.report.pin = pin;
  auto decision = bundle::decide_trust(examination.report, examination.bundle, !ring.empty(), options.policy);
  if (!decision.problems.empty()) bundle::refuse("bundle", examination.bundle.name, std::move(decision.problems));
  for (const auto& warning : decision.warnings) progress.warn(warning);

  progress.step("storing");
  auto& bundle = examination.bundle;
  bundle.trust = std::move(decision.trust);
  bundle.payload_sha256 = digest_of_file(payload);
  bundle.payload_size = fs::file_size(payload);
  for (const auto& [flavour, texts] : examination.texts) {
    transaction.write(fs::path("index") / flavour / "packages", texts.packages);
    transaction.write(fs::path("index") / flavour / "filelists", texts.filelists);
  }
  transaction.write("bundle.json", bundle::dump(bundle::to_json(bundle)));
  if (fs::exists(directory_ / "bundles" / sha256)) return {load(directory_ / "bundles" / sha256), true, {}, false};
  bundle.directory = transaction.publish("bundles", sha256);
  return {std::move(bundle), false, std::move(decision.warnings), false};
}

AddResult Store::add_again(bundle::Bundle bundle, const fs::path& archive, const std::string& pin,
                           const AddOptions& options, Progress& progress) {
  if (was_overridden(bundle.trust, "--insecure-no-index") && !options.policy.insecure_no_index)
    throw Error(
        ErrorKind::untrusted,
        fmt::format("trusting bundle '{}': it was added with --insecure-no-index, so the store does not have its index",
                    bundle.name),
        "remove it, then add it again", {{Remedy::Action::remove_bundle, bundle.name}});
  const auto ring = key_ring(options.keyrings);
  // Nothing signed covers the content of a DOCA-Host package, so the archive must show that the payload is its content.
  const bool compared = bundle.doca && has_payload(archive, bundle, options.limits, progress);
  auto decision = derive_again(bundle, ring, options.policy, pin, progress, compared).decision;
  // Without a signature now, the recorded signer stays.
  if (!decision.trust.signer.empty()) append(decision.problems, bundle::differences(bundle.trust, decision.trust));
  if (!decision.problems.empty()) bundle::refuse("bundle", bundle.name, std::move(decision.problems));

  auto& now = decision.trust;
  if (ring.empty()) {  // no signature was checked now, so the recorded one stays
    now.signer = bundle.trust.signer;
    std::set<std::string> weak(now.weak.begin(), now.weak.end());
    weak.insert(bundle.trust.weak.begin(), bundle.trust.weak.end());
    now.weak.assign(weak.begin(), weak.end());
  }
  if (!is_no_worse(bundle.trust, now)) return {std::move(bundle), true, {}, false};
  for (const auto& warning : decision.warnings) progress.warn(warning);
  const bool update = bundle::to_json(now) != bundle::to_json(bundle.trust);
  if (update) {
    bundle.trust = std::move(now);
    StoreTransaction transaction(directory_, progress);
    transaction.write("bundle.json", bundle::dump(bundle::to_json(bundle)));
    transaction.replace("bundle.json", fs::path("bundles") / bundle.id() / "bundle.json");
  }
  return {std::move(bundle), true, std::move(decision.warnings), update};
}

Verification Store::verify_archive(const fs::path& archive, const AddOptions& options, Progress& progress) {
  const auto [sha256, pin] = digest_and_pin(archive, options, progress);
  const TemporaryDirectory scratch;
  const auto ring = key_ring(options.keyrings);
  progress.step(fmt::format("reading {}", name_of_path(archive)));
  const auto staged = bundle::stage_bundle(archive, scratch.path() / "payload.iso", options.limits, progress);
  check_same_bytes(archive, sha256, staged.archive_sha256);
  auto examination = bundle::examine(staged, ring, options.policy.insecure_no_index, progress);
  examination.report.pin = pin;
  auto decision = bundle::decide_trust(examination.report, examination.bundle, !ring.empty(), options.policy);
  return {std::move(examination.bundle), std::move(examination.report), std::move(decision), std::nullopt};
}

Verification Store::verify(const bundle::Bundle& bundle, const AddOptions& options, Progress& progress) {
  auto result =
      derive_again(bundle, key_ring(options.keyrings), options.policy, pinned_by(bundle.id(), options), progress);
  append(result.decision.problems, bundle::differences(bundle.trust, result.decision.trust));
  append(result.decision.problems, recorded_overrides(bundle.trust, options.policy));
  if (!options.pin.empty() && to_lower(options.pin) != bundle.id())
    result.decision.problems.push_back({bundle.name,
                                        fmt::format("its archive's sha256 is {}, the {} pins {}", bundle.id(),
                                                    options.pin_source, to_lower(options.pin)),
                                        ""});
  return result;
}

std::optional<bundle::Trust> Store::judge_again(const bundle::Bundle& bundle, Progress& progress) const {
  std::set<std::string> trusted;
  for (const auto& key : trusted_keys()) trusted.insert(key.key.fingerprint);
  const auto signers = split_words(replace_all(bundle.trust.signer, ",", " "));
  const bool has_keys = !signers.empty() && std::all_of(signers.begin(), signers.end(),
                                                        [&](const auto& signer) { return trusted.contains(signer); });
  bundle::TrustPolicy policy;
  policy.allow_rebuilt = was_overridden(bundle.trust, "--allow-rebuilt");
  const bool only_recorded = !signers.empty() && !has_keys;
  policy.insecure_no_pin = only_recorded || was_overridden(bundle.trust, "--insecure-no-pin");
  policy.insecure_no_signature = !has_keys;
  auto decision = derive_again(bundle, key_ring(), policy, {}, progress).decision;
  if (has_keys) append(decision.problems, bundle::differences(bundle.trust, decision.trust));
  if (!decision.problems.empty()) bundle::refuse("bundle", bundle.name, std::move(decision.problems));
  if (!has_keys) return std::nullopt;
  decision.trust.overridden = bundle.trust.overridden;
  return std::move(decision.trust);
}

std::vector<bundle::Bundle> Store::list() const {
  std::vector<bundle::Bundle> bundles;
  for (const auto& entry : entries_of(directory_ / "bundles"))
    if (is_sha256(entry.filename().string())) bundles.push_back(load(entry));
  std::sort(bundles.begin(), bundles.end(), [](const bundle::Bundle& a, const bundle::Bundle& b) {
    const int order = compare_versions(a.version, b.version);
    return order != 0 ? order < 0 : std::tie(a.name, a.id()) < std::tie(b.name, b.id());
  });
  return bundles;
}

std::optional<bundle::Bundle> Store::find(const std::string& version, const std::string& distro,
                                          const std::string& arch) const {
  std::optional<bundle::Bundle> rebuilt;
  for (auto& bundle : list()) {
    if (bundle.version != version || bundle.distro != distro || bundle.arch != arch) continue;
    if (!bundle.rebuilt) return std::move(bundle);
    rebuilt = std::move(bundle);
  }
  return rebuilt;
}

bundle::IndexTexts Store::index_texts(const bundle::Bundle& bundle, const bundle::Repository& repository) {
  const auto directory = index_directory(bundle, repository.flavour);
  return checked_index(
      {read_text(directory / "packages", max_stored_file), read_text(directory / "filelists", max_stored_file)},
      repository.index_sha256, bundle.name);
}

bundle::Extras Store::add_extras(const fs::path& packages, const std::string& name, const std::string& distro,
                                 Progress& progress, const std::vector<fs::path>& keyrings) {
  bundle::Extras extras;
  extras.name = name;
  const auto files = package_files(packages, extras.format);
  if (extras.format == bundle::PackageFormat::deb && !keyrings.empty())
    throw Error(ErrorKind::usage,
                fmt::format("adding extra packages '{}': a .deb has no signature, so --keyring cannot "
                            "be checked",
                            packages.string()));
  const bool for_debs = distro.starts_with("ubuntu");
  if (!distro.empty() && for_debs != (extras.format == bundle::PackageFormat::deb))
    throw Error(ErrorKind::usage, fmt::format("adding extra packages '{}': {} cannot install {} packages",
                                              packages.string(), distro, for_debs ? "rpm" : "deb"));
  const auto ring = keyrings.empty() ? signature::KeyRing() : key_ring(keyrings);
  StoreTransaction transaction(directory_, progress);
  progress.step(fmt::format("reading {} extra packages", files.size()));
  archive::IsoWriter payload(transaction.scratch() / "payload.iso");
  auto collected = collect_packages(files, extras.format, ring, payload, progress);
  payload.finish();
  if (!keyrings.empty()) require_signed(collected, extras);

  std::string identity = distro + "\n";
  for (const auto& package : collected.repository.packages) identity += package.sha256 + " " + package.file + "\n";
  extras.id = digest_of(identity);
  extras.distro = distro;
  extras.repository = std::move(collected.repository);
  extras.repository.index_sha256 = bundle::digest_of_index({collected.index});
  extras.payload_sha256 = digest_of_file(transaction.scratch() / "payload.iso");
  extras.payload_size = fs::file_size(transaction.scratch() / "payload.iso");
  if (fs::exists(directory_ / "extras" / extras.id))
    return keep(extras, load_extras(directory_ / "extras" / extras.id), transaction);
  transaction.write("index/packages", collected.index);
  transaction.write("extras.json", bundle::dump(bundle::to_json(extras)));
  extras.directory = transaction.publish("extras", extras.id);
  return extras;
}

std::vector<bundle::Extras> Store::all_extras() const {
  std::vector<bundle::Extras> all;
  for (const auto& entry : entries_of(directory_ / "extras"))
    if (is_sha256(entry.filename().string())) all.push_back(load_extras(entry));
  std::sort(all.begin(), all.end(), [](const bundle::Extras& a, const bundle::Extras& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  return all;
}

std::vector<bundle::Extras> Store::extras(const std::string& distro) const {
  auto all = all_extras();
  std::erase_if(all, [&](const bundle::Extras& extras) { return !extras.distro.empty() && extras.distro != distro; });
  return all;
}

bundle::IndexTexts Store::index_texts(const bundle::Extras& extras) {
  return checked_index({read_text(extras.directory / "index/packages", max_stored_file)},
                       extras.repository.index_sha256, extras.name);
}

std::string Store::absence() const {
  std::error_code error;
  const auto status = fs::status(directory_, error);
  if (fs::exists(status)) return "";
  return ": " + (fs::status_known(status) ? "there is no such directory" : error.message());
}

bundle::Bundle Store::get(const std::string& name) const {
  const auto all = list();
  auto matches = called(name, all);
  if (matches.size() == 1) return std::move(matches.front());
  std::vector<std::string> names;
  add_ids(names, matches);
  if (!matches.empty()) refuse_several(name, std::move(names));
  add_names(names, all);
  auto error = not_in_store(*this, name, names);
  if (called(name, all_extras()).empty()) throw error;
  throw Error(error.kind(), error.message(), "there are extra packages with that name",
              {{Remedy::Action::show_bundle, name}});
}

std::variant<bundle::Bundle, bundle::Extras> Store::get_any(const std::string& name) const {
  const auto all = list();
  const auto more = all_extras();
  auto bundles = called(name, all);
  auto extras = called(name, more);
  std::vector<std::string> names;
  if (bundles.size() + extras.size() > 1) {
    add_ids(names, bundles);
    add_ids(names, extras);
    refuse_several(name, std::move(names));
  }
  if (!bundles.empty()) return std::move(bundles.front());
  if (!extras.empty()) return std::move(extras.front());
  add_names(names, all);
  add_names(names, more);
  throw not_in_store(*this, name, names);
}

std::string Store::remove(const std::string& name) {
  std::error_code unreadable;
  // A transaction would create a store that does not exist.
  if (!fs::exists(directory_, unreadable)) throw not_in_store(*this, name, {});
  SilentProgress silent;
  StoreTransaction transaction(directory_, silent);
  const auto found = get_any(name);
  if (const auto* extras = std::get_if<bundle::Extras>(&found)) {
    transaction.remove("extras", extras->id);
    return extras->name;
  }
  const auto& bundle = std::get<bundle::Bundle>(found);
  transaction.remove("bundles", bundle.id());
  return bundle.name;
}

std::vector<signature::PublicKey> Store::trust(const fs::path& key_file) {
  const auto content = read_text(key_file, std::size_t{16} << 20U);
  signature::KeyRing ring;
  ring.add(content, key_file.string());
  auto keys = ring.keys();
  refuse_older(keys, trusted_keys(), key_file);
  const auto home = directory_ / "keyring";
  std::error_code error;
  fs::create_directories(home, error);
  if (error) throw Error(ErrorKind::failed, fmt::format("making directory '{}': {}", home.string(), error.message()));
  write_text_atomically(home / file_name_for(keys, content, home), content);
  return keys;
}

signature::KeyRing Store::key_ring(const std::vector<fs::path>& more) const {
  signature::KeyRing ring;
  for (const auto& file : entries_of(directory_ / "keyring")) add_from_ring(ring, file);
  for (const auto& file : more) ring.add_file(file);
  return ring;
}

std::vector<TrustedKey> Store::trusted_keys() const {
  std::vector<TrustedKey> trusted;
  for (const auto& file : entries_of(directory_ / "keyring")) {
    signature::KeyRing ring;
    add_from_ring(ring, file);
    for (auto& key : ring.keys()) trusted.push_back({std::move(key), file});
  }
  return trusted;
}

std::vector<signature::PublicKey> Store::withdraw(const std::string& fingerprint) {
  matching_fingerprint(fingerprint, trusted_keys(), *this);  // throws before the transaction creates a store
  SilentProgress silent;
  StoreTransaction transaction(directory_, silent);
  const auto trusted = trusted_keys();
  const auto full = matching_fingerprint(fingerprint, trusted, *this);
  std::set<fs::path> files;
  for (const auto& [key, file] : trusted)
    if (key.fingerprint == full) files.insert(file);
  for (const auto& file : files) transaction.remove("keyring", file.filename().string());
  std::set<std::string> left;
  for (const auto& [key, file] : trusted_keys()) left.insert(key.fingerprint);
  std::vector<signature::PublicKey> withdrawn;
  for (const auto& [key, file] : trusted)
    if (left.insert(key.fingerprint).second) withdrawn.push_back(key);
  return withdrawn;
}

}  // namespace bake::store
