#include "bake/base/file_kind.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  std::string_view kind;
  bool compressed = false;
};

constexpr std::array magics{
    Magic{"\x1f\x8b"sv, "a gzip file", true},
    Magic{"\xfd\x37zXZ\0"sv, "an xz file", true},
    Magic{"\x28\xb5\x2f\xfd"sv, "a zstd file", true},
    Magic{"BZh"sv, "a bzip2 file", true},
    Magic{"PK\x03\x04"sv, "a zip file", true},
    Magic{"\xed\xab\xee\xdb"sv, "an rpm package"},
    Magic{"!<arch>\n"sv, "a deb package or another ar archive"},
    Magic{"-----BEGIN PGP PUBLIC KEY BLOCK-----"sv, "an OpenPGP public key"},
    Magic{"-----BEGIN PGP PRIVATE KEY BLOCK-----"sv, "an OpenPGP private key"},
    Magic{"-----BEGIN PGP "sv, "an OpenPGP signature or message"},
    Magic{"-----BEGIN PRIVATE KEY-----"sv, "a private key"},
    Magic{"-----BEGIN PUBLIC KEY-----"sv, "a public key"},
    Magic{"-----BEGIN "sv, "a PEM file"},
};

const Magic* find_magic(std::string_view head) {
  const auto* found =
      std::find_if(magics.begin(), magics.end(), [&](const Magic& magic) { return head.starts_with(magic.bytes); });
  return found == magics.end() ? nullptr : found;
}

/// Returns the value of the key `schema` of YAML text, or an empty text.
std::string_view schema_of(std::string_view text) {
  constexpr std::string_view key = "schema:";
  for (;;) {
    const auto line = text.substr(0, text.find('\n'));
    if (line.starts_with(key)) return trim(line.substr(key.size(), line.find('#') - key.size()));
    if (line.size() == text.size()) return {};
    text.remove_prefix(line.size() + 1);
  }
}

}  // namespace

std::string kind_of_bytes(std::string_view head) {
  if (const auto* magic = find_magic(head)) return std::string(magic->kind);
  constexpr std::size_t tar_magic = 257;
  if (head.size() > tar_magic && head.substr(tar_magic).starts_with("ustar")) return "a tar archive";
  constexpr std::size_t max_schema = 40;
  const auto schema = schema_of(head.substr(0, head.find('\0')));
  if (!schema.empty() && schema.size() <= max_schema)
    return fmt::format("a YAML file with schema {}", printable(schema));
  return {};
}

bool is_compressed(std::string_view head) {
  const auto* magic = find_magic(head);
  return magic != nullptr && magic->compressed;
}

std::string kind_of_file(const std::filesystem::path& file) {
  const auto fd = open_file(file, O_RDONLY);
  require_not_directory(fd, file);
  std::string head(kind_bytes, '\0');
  head.resize(read_at(fd, std::as_writable_bytes(std::span(head)), 0, file));
  return kind_of_bytes(head);
}

}  // namespace bake
