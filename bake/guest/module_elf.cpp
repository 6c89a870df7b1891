#include "bake/guest/module_elf.hpp"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>
#include <memory>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/signature/module_signature.hpp"

namespace bake::guest {
namespace {

constexpr std::string_view crc_prefix = "__crc_";
// struct modversion_info of a 64-bit kernel: unsigned long crc, char name[56] (linux/module.h).
constexpr std::size_t version_entry_size = 64;
constexpr std::size_t max_symbols = 20'000;  // of one module; a whole kernel exports about this number

[[noreturn]] void damaged(const std::string& path, std::string_view reason) {
  throw Error(ErrorKind::untrusted, fmt::format("reading kernel module '{}': {}", path, reason));
}

std::string_view content_of(Elf_Scn* section) {
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const char*>(data->d_buf), data->d_size};
}

std::uint32_t number_at(std::string_view bytes, std::size_t at, bool little_endian) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + (little_endian ? i : 3 - i)])} << (8 * i);
  return value;
}

void read_modinfo(std::string_view text, guest::ModuleFacts& facts) {
  while (!text.empty()) {
    const auto entry = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(text.size(), entry.size() + 1));
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = entry.substr(0, equals);
    const std::string value(entry.substr(equals + 1));
    if (key == "name") facts.name = value;
    if (key == "version") facts.version = value;
    if (key == "vermagic") facts.vermagic = value;
  }
}

void check_symbols(std::size_t count, const std::string& path) {
  if (count > max_symbols) damaged(path, fmt::format("it names more than {} symbols", max_symbols));
}

void read_versions(std::string_view table, bool little_endian, guest::ModuleFacts& facts) {
  check_symbols(table.size() / version_entry_size, facts.path);
  for (; table.size() >= version_entry_size; table.remove_prefix(version_entry_size)) {
    const auto name = table.substr(8, version_entry_size - 8);
    // In a big-endian unsigned long the low half is last.
    const auto crc = number_at(table, little_endian ? 0 : 4, little_endian);
    facts.imports[std::string(name.substr(0, name.find('\0')))] = crc;
  }
  facts.imports.erase("");
}

/// CRCs of exported symbols: absolute symbols (kernels before 5.19, x86) or words in a section that the symbol names.
void read_exports(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, bool little_endian, guest::ModuleFacts& facts) {
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  const auto count = header.sh_size / header.sh_entsize;
  for (std::size_t i = 0; i < count && i < 10'000'000; ++i) {
    GElf_Sym symbol{};
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return;
    const char* text = elf_strptr(elf, header.sh_link, symbol.st_name);
    const std::string_view name = text != nullptr ? text : "";
    if (!name.starts_with(crc_prefix)) continue;
    auto crc = static_cast<std::uint32_t>(symbol.st_value);
    if (symbol.st_shndx != SHN_ABS) {
      Elf_Scn* home = elf_getscn(elf, symbol.st_shndx);
      const auto words = home != nullptr ? content_of(home) : std::string_view{};
      if (words.size() < 4 || symbol.st_value > words.size() - 4) continue;
      crc = number_at(words, symbol.st_value, little_endian);
    }
    facts.exports[std::string(name.substr(crc_prefix.size()))] = crc;
    check_symbols(facts.exports.size(), facts.path);
  }
}

/// Returns the name in the signature, or its key if it has none.
std::string signer_of(std::string_view bytes) try {
  const auto signature = signature::find_signature(bytes);
  if (!signature) return {};
  return printable(signature->signer.empty() ? "key " + signature->key_id : signature->signer);
} catch (const Error&) {
  return "a damaged signature";
}

}  // namespace

bool is_module_path(std::string_view path) {
  static constexpr std::array<std::string_view, 4> suffixes{".ko", ".ko.xz", ".ko.gz", ".ko.zst"};
  for (const auto suffix : suffixes)
    if (path.ends_with(suffix)) return true;
  return false;
}

std::string kernel_of_path(std::string_view path) {
  constexpr std::string_view marker = "lib/modules/";
  const auto at = path.find(marker);
  if (at == std::string_view::npos || (at > 0 && path[at - 1] != '/')) return {};
  const auto rest = path.substr(at + marker.size());
  const auto slash = rest.find('/');
  return slash == std::string_view::npos ? std::string{} : std::string(rest.substr(0, slash));
}

guest::ModuleFacts read_module(std::string_view bytes, const std::string& path) {
  elf_version(EV_CURRENT);
  // libelf does not write to an image opened for reading, although its interface has no const.
  const std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_memory(const_cast<char*>(bytes.data()), bytes.size()), &elf_end);
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getclass(elf.get()) != ELFCLASS64)
    damaged(path, "not a 64-bit ELF object");
  const char* ident = elf_getident(elf.get(), nullptr);
  const bool little_endian = ident[EI_DATA] == ELFDATA2LSB;
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf.get(), &names) != 0) damaged(path, "it has no section names");

  guest::ModuleFacts facts;
  facts.path = path;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header{};
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* text = elf_strptr(elf.get(), names, header.sh_name);
    const std::string_view name = text != nullptr ? text : "";
    if (name == ".modinfo") read_modinfo(content_of(section), facts);
    if (name == "__versions") read_versions(content_of(section), little_endian, facts);
    if (header.sh_type == SHT_SYMTAB) read_exports(elf.get(), section, header, little_endian, facts);
  }
  facts.signer = signer_of(bytes);
  if (facts.name.empty()) {  // modules of kernels before 4.13 do not contain it
    const auto file = path.substr(path.rfind('/') + 1);
    facts.name = file.substr(0, file.find(".ko"));
    for (auto& c : facts.name) c = c == '-' ? '_' : c;
  }
  return facts;
}

}  // namespace bake::guest
