#include "bake/store/built_modules.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>

#include "bake/archive/archive.hpp"
#include "bake/archive/iso_writer.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

using bundle::BuiltModules;

constexpr const char* kind = "modules";
constexpr std::size_t min_id_digits = 4;
/// For the headers of the archive around its entries.
constexpr std::uint64_t archive_overhead = std::uint64_t{1} << 20U;

Error refusal(const fs::path& file, const std::string& why, std::string hint = {}) {
  return {ErrorKind::untrusted, fmt::format("adding built modules '{}': {}", file.string(), why), std::move(hint)};
}

void check_pin(const fs::path& file, const std::string& pin, const std::string& sha256) {
  if (pin.empty())
    throw refusal(file, "nothing vouches for it", "pass --sha256 with the digest that the export printed");
  if (to_lower(pin) != sha256)
    throw refusal(file, fmt::format("its sha256 is {}, the command line pins {}", sha256, to_lower(pin)));
}

/// Copies one archive into the payload and compares it with the description.
void copy_archive(archive::ArchiveReader& reader, const bundle::ModuleArchive& expected, const fs::path& file,
                  archive::IsoWriter& payload) {
  const auto entry = reader.next();
  if (!entry || entry->path != expected.file || entry->type != archive::EntryType::file)
    throw refusal(file, fmt::format("'{}' is missing or not in its place", expected.file));
  if (entry->size != expected.size)
    throw refusal(file, fmt::format("'{}' has another size than the description says", expected.file));
  payload.add_file(expected.file, false);
  Hasher hasher;
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (const auto count = reader.read(buffer)) {
    const auto data = std::span(buffer).first(count);
    hasher.update(data);
    payload.write(data);
  }
  if (hasher.hex() != expected.sha256)
    throw refusal(file, fmt::format("'{}' differs from the description", expected.file));
}

archive::ByteSource source_of(const fs::path& file) {
  auto fd = std::make_shared<FileDescriptor>(open_file(file, O_RDONLY));
  return [fd, file](std::span<std::byte> buffer) { return read_some(*fd, buffer, file); };
}

/// Returns whether the first entry is a description. A file of another kind has none.
bool begins_with_description(const fs::path& file) {
  try {
    archive::ArchiveReader reader(source_of(file), archive::ArchiveKind::tar, file.filename().string());
    const auto first = reader.next();
    return first && first->path == bundle::modules_entry;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::untrusted && error.kind() != ErrorKind::config) throw;
    return false;
  }
}

/// Reads `copy`; messages name `file`.
BuiltModules unpack(const fs::path& copy, const fs::path& file, archive::IsoWriter& payload) {
  if (!begins_with_description(copy))
    throw Error(ErrorKind::config,
                fmt::format("adding built modules '{}': it is not an export of built modules", file.string()),
                "make one from a finished image", {{Remedy::Action::export_modules}});
  archive::ArchiveReader reader(source_of(copy), archive::ArchiveKind::tar, file.filename().string(),
                                bundle::max_modules_size + archive_overhead);
  reader.next();
  auto modules = bundle::built_modules_from(reader.read_all(bundle::max_modules_json), file.filename().string());
  for (const auto& archive : modules.archives) copy_archive(reader, archive, file, payload);
  if (reader.next()) throw refusal(file, "it has more entries than the description names");
  payload.finish();
  return modules;
}

BuiltModules load(const fs::path& directory) {
  const auto file = directory / bundle::modules_entry;
  auto modules = bundle::built_modules_from(read_text(file, bundle::max_modules_json), file.string());
  modules.directory = directory;
  return modules;
}

}  // namespace

BuiltModules add_modules(const Store& store, const fs::path& file, const std::string& pin, Progress& progress) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    throw Error(ErrorKind::usage, fmt::format("adding built modules '{}': {}", file.string(),
                                              fs::exists(file, error) ? "it is not a file" : "there is no such file"));
  progress.step(fmt::format("digesting {}", file.filename().string()));
  check_pin(file, pin, digest_of_file(file, progress));
  StoreTransaction transaction(store.directory(), progress);
  progress.step(fmt::format("reading {}", file.filename().string()));
  // A copy, so that the bytes that are read are those that the pin vouches for.
  const auto copy = transaction.scratch() / "copy";
  fs::copy_file(file, copy);
  const auto sha256 = digest_of_file(copy);
  check_pin(file, pin, sha256);
  if (fs::exists(store.directory() / kind / sha256)) return load(store.directory() / kind / sha256);
  const auto payload = transaction.scratch() / "payload.iso";
  archive::IsoWriter writer(payload);
  auto modules = unpack(copy, file, writer);
  fs::remove(copy);
  modules.id = sha256;
  modules.pin = "command line";
  modules.payload_sha256 = digest_of_file(payload);
  modules.payload_size = fs::file_size(payload);
  transaction.write(bundle::modules_entry, bundle::to_json(modules, true).dump(1) + "\n");
  modules.directory = transaction.publish(kind, sha256);
  return modules;
}

std::vector<BuiltModules> all_modules(const Store& store) {
  std::vector<BuiltModules> all;
  for (const auto& entry : entries_of(store.directory() / kind))
    if (is_sha256(entry.filename().string())) all.push_back(load(entry));
  std::sort(all.begin(), all.end(), [](const BuiltModules& a, const BuiltModules& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  return all;
}

std::string remove_modules(const Store& store, const std::string& id) {
  auto all = all_modules(store);
  std::erase_if(all, [&](const BuiltModules& each) { return !each.id.starts_with(to_lower(id)); });
  if (id.size() < min_id_digits || all.size() != 1)
    throw Error(ErrorKind::usage,
                id.size() >= min_id_digits && all.size() > 1
                    ? fmt::format("looking for built modules '{}': {} have an id that begins with it", printable(id),
                                  all.size())
                    : fmt::format("looking for built modules '{}': none have an id that begins with it", printable(id)),
                fmt::format("write {} digits of the id or more", min_id_digits), {{Remedy::Action::list_modules}});
  SilentProgress silent;
  StoreTransaction transaction(store.directory(), silent);
  transaction.remove(kind, all.front().id);
  return all.front().name;
}

}  // namespace bake::store
