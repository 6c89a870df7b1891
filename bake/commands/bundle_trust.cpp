#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <set>

#include "bake/base/error.hpp"
#include "bake/bundle/vendor_keys.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/matrix_rows.hpp"
#include "bake/store/store.hpp"

namespace bake::cli {
namespace {

using store::Store;

struct TrustArguments {
  std::string key_file;
  bool list = false;
  std::string withdrawn;
};

/// The lines below a key: what else its owner signs with, and whether the owner withdrew it.
std::string details_of(const signature::PublicKey& key) {
  std::string lines;
  for (const auto& subkey : key.subkeys) lines += fmt::format("  signs with subkey {}\n", subkey);
  if (const auto known = bundle::known_vendor_key(key.fingerprint); !known.empty())
    lines += fmt::format("  known as: {}\n", known);
  if (key.revoked) lines += "  revoked by its owner: bake refuses its signatures\n";
  return lines;
}

Json to_json(const signature::PublicKey& key) {
  Json json{{"fingerprint", key.fingerprint}, {"user_id", key.user_id}};
  if (!key.subkeys.empty()) json["subkeys"] = key.subkeys;
  if (key.revoked) json["revoked"] = true;
  if (const auto known = bundle::known_vendor_key(key.fingerprint); !known.empty()) json["known_as"] = known;
  return json;
}

void trust(Context& context, const std::string& key_file) {
  Store store(context.store);
  std::set<std::string> before;
  for (const auto& [key, file] : store.trusted_keys()) before.insert(key.fingerprint);
  auto json = Json::array();
  for (const auto& key : store.trust(key_file)) {
    const bool already = before.contains(key.fingerprint);
    json.push_back(to_json(key));
    json.back()["already_trusted"] = already;
    if (!context.json)
      context.out << fmt::format("{} {}  {}\n{}", already ? "already trusted" : "trusted", key.fingerprint, key.user_id,
                                 details_of(key));
  }
  if (context.json) context.print({{"trusted", json}});
}

void list(Context& context) {
  const Store store(context.store);
  const auto trusted = store.trusted_keys();
  auto json = Json::array();
  std::vector<std::vector<std::string>> table{{"fingerprint", "user id", "file"}};
  for (const auto& [key, file] : trusted) {
    json.push_back(to_json(key));
    json.back()["file"] = file.string();
    table.push_back({key.fingerprint, key.user_id, file.string()});
  }
  if (context.json)
    context.print({{"store", store.directory().string()}, {"keys", json}});
  else if (trusted.empty())
    context.out << fmt::format("the store '{}' trusts no key{}\n", store.directory().string(), store.absence());
  else
    context.out << as_columns(table);
  if (context.json) return;
  for (const auto& [key, file] : trusted)
    if (const auto details = details_of(key); !details.empty())
      context.out << fmt::format("{}\n{}", key.fingerprint, details);
}

void withdraw(Context& context, const std::string& fingerprint) {
  auto json = Json::array();
  for (const auto& key : Store(context.store).withdraw(fingerprint)) {
    json.push_back({{"fingerprint", key.fingerprint}, {"user_id", key.user_id}});
    if (!context.json) context.out << fmt::format("withdrawn {}  {}\n", key.fingerprint, key.user_id);
  }
  if (context.json) context.print({{"withdrawn", json}});
}

void run(Context& context, const TrustArguments& arguments) {
  if (arguments.list) context.require_store();
  if (arguments.list) return list(context);
  if (!arguments.withdrawn.empty()) return withdraw(context, arguments.withdrawn);
  if (arguments.key_file.empty())
    throw Error(ErrorKind::usage, "trusting keys: name one key file, or use --list or --remove FINGERPRINT");
  trust(context, arguments.key_file);
}

}  // namespace

void add_bundle_trust(CLI::App& bundle, Context& context) {
  auto* command = bundle.add_subcommand("trust", "public keys that vouch for bundles: add, list or withdraw them");
  const auto arguments = std::make_shared<TrustArguments>();
  auto* file = command->add_option("keyfile", arguments->key_file, "OpenPGP public keys to add, armoured or binary");
  auto* list = command->add_flag("--list", arguments->list, "show the keys that the store trusts")->excludes(file);
  command
      ->add_option("--remove", arguments->withdrawn,
                   "stop trusting this key: its fingerprint, or the last 8 or more digits of it")
      ->type_name("FINGERPRINT")
      ->excludes(file, list);
  command->callback([arguments, &context] { run(context, *arguments); });
}

}  // namespace bake::cli
