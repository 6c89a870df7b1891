// The store's key ring: whose signatures vouch for what comes into the store.
#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <system_error>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/store/store.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t min_digits = 8;

/// `text` as fingerprints are stored: without spaces and "0x", in upper case.
std::string digits_of(const std::string& text) {
  std::string digits;
  for (const char c : replace_all(text, " ", "")) digits += c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.erase(0, 2);
  if (digits.size() < min_digits || digits.find_first_not_of("0123456789ABCDEF") != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("withdrawing key '{}': that is no fingerprint", text),
                "its 40 hexadecimal digits, or at least the last 8 of them");
  return digits;
}

/// The one fingerprint that ends with `digits`.
std::string meant(const std::string& text, const std::vector<TrustedKey>& trusted, const Store& store) {
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
  throw Error(ErrorKind::usage, fmt::format("withdrawing key '{}': it means {} keys", text, matches.size()),
              "say more of it: " + join({matches.begin(), matches.end()}, ", "));
}

/// Half a ring is none: without it a signature would go unjudged.
void add_from_ring(signature::KeyRing& ring, const fs::path& file) {
  try {
    ring.add_file(file);
  } catch (const Error& error) {
    throw Error(error.kind(), error.message(), "it lies in the store's key ring; remove it from there or mend it");
  }
}

std::set<std::string> fingerprints_of(const std::vector<signature::PublicKey>& keys) {
  std::set<std::string> all;
  for (const auto& key : keys) all.insert(key.fingerprint);
  return all;
}

/// Where a file with `keys` goes: in the place of an earlier one, as a renewed key must, unless that one holds more.
std::string file_name_for(const std::vector<signature::PublicKey>& keys, const std::string& content,
                          const fs::path& home) {
  auto name = keys.front().fingerprint + ".gpg";
  if (!fs::exists(home / name)) return name;
  signature::KeyRing there;
  add_from_ring(there, home / name);
  const auto before = fingerprints_of(there.keys());
  const auto now = fingerprints_of(keys);
  if (std::includes(now.begin(), now.end(), before.begin(), before.end())) return name;
  return fmt::format("{}-{}.gpg", keys.front().fingerprint, digest_of(content).substr(0, 12));
}

}  // namespace

std::vector<signature::PublicKey> Store::trust(const fs::path& key_file) {
  const auto content = read_text(key_file, std::size_t{16} << 20U);
  signature::KeyRing ring;
  ring.add(content, key_file.string());
  auto keys = ring.keys();
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
  meant(fingerprint, trusted_keys(), *this);  // throws before a store is made of nothing
  SilentProgress silent;
  StoreTransaction transaction(directory_, silent);
  const auto trusted = trusted_keys();
  const auto full = meant(fingerprint, trusted, *this);
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
