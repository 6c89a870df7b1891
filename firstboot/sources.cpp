#include "firstboot/sources.hpp"

namespace firstboot {
namespace {

constexpr size_t kvp_key_size = 512;
constexpr size_t kvp_value_size = 2048;
constexpr unsigned max_wait = 240;  // the agent kills an enable command after 300 s
constexpr unsigned max_pairs = 64;

View unquote(View text) {
  if (text.size >= 2 && (text[0] == '"' || text[0] == '\'') && text[text.size - 1] == text[0])
    return {text.data + 1, text.size - 2};
  return text;
}

bool is_word(View text, View other_characters) {
  if (text.empty()) return false;
  for (const char c : text) {
    const char lower = to_lower(c);
    const bool plain = is_digit(c) || (lower >= 'a' && lower <= 'z');
    if (!plain && !contains(other_characters, c)) return false;
  }
  return true;
}

/// Returns "7.7" from "CentOS Linux release 7.7.1908 (Core)".
View major_minor(View redhat_release) {
  const ptrdiff_t at = find(redhat_release, "release ");
  if (at < 0) return {};
  const View text = skip(redhat_release, static_cast<size_t>(at) + 8);
  size_t length = 0;
  for (unsigned dots = 0; length < text.size; ++length) {
    if (text[length] == '.') ++dots;
    if (dots == 2 || (text[length] != '.' && !is_digit(text[length]))) break;
  }
  return first(text, length);
}

/// Returns "8" from "8.10".
View major_version(View version) {
  const ptrdiff_t end = find(version, ".");
  return end < 0 ? version : first(version, static_cast<size_t>(end));
}

View until_zero(View text) {
  size_t length = 0;
  while (length < text.size && text[length] != '\0') ++length;
  return first(text, length);
}

}  // namespace

bool find_value(View text, View key, Text& out) {
  bool found = false;
  for (View line; next_line(text, line);) {
    line = trim(line);
    if (!starts_with(line, key) || line.size <= key.size || line[key.size] != '=') continue;
    out.clear();
    out << unquote(trim(skip(line, key.size + 1)));
    found = !out.truncated();
  }
  if (!found) out.clear();
  return found;
}

bool parse_release(View os_release, View redhat_release, Release& out) {
  if (!find_value(os_release, "ID", out.id) || !find_value(os_release, "VERSION_ID", out.version)) return false;
  if (find(out.version, ".") < 0) {
    const View exact = major_minor(redhat_release);
    if (starts_with(exact, out.version) && exact.size > out.version.size()) out.version.assign(exact);
  }
  return is_word(out.id, "._-") && is_word(out.version, "._-");
}

bool is_minor_update(View baked, const Release& release) {
  const View id = release.id;
  if (id == "ubuntu" || !starts_with(baked, id) || baked.size <= id.size || baked[id.size] != '-') return false;
  const View major = major_version(skip(baked, id.size + 1));
  return !major.empty() && major == major_version(release.version);
}

BakedFacts parse_baked_facts(View conf) {
  BakedFacts facts;
  Buffer<16> wait;
  find_value(conf, "OS", facts.os);
  find_value(conf, "OFED", facts.ofed);
  find_value(conf, "MODULE", facts.module);
  find_value(conf, "MODULE_VERSION", facts.module_version);
  if (!is_word(facts.ofed, "._-")) facts.ofed.clear();
  if (!is_word(facts.module, "_-")) facts.module.clear();
  Buffer<8> strict_rate;
  facts.strict_rate = find_value(conf, "STRICT_RATE", strict_rate) && strict_rate.view() == "1";
  if (find_value(conf, "WAIT", wait)) parse_number(wait, max_wait, facts.wait);
  return facts;
}

bool kvp_value(View pool, View key, Text& out) {
  constexpr size_t record_size = kvp_key_size + kvp_value_size;
  for (; pool.size >= record_size; pool = skip(pool, record_size)) {
    if (!(until_zero(first(pool, kvp_key_size)) == key)) continue;
    out.clear();
    out << until_zero(first(skip(pool, kvp_key_size), kvp_value_size));
    return !out.truncated();
  }
  return false;
}

unsigned ipoib_pairs(View value) {
  if (!starts_with(value, "NUMPAIRS:")) return 0;
  value = skip(value, 9);
  const ptrdiff_t end = find(value, "|");
  unsigned pairs = 0;
  if (end < 0 || !parse_number(first(value, static_cast<size_t>(end)), max_pairs, pairs)) return 0;
  return pairs;
}

bool rdma_address(View shared_config, Text& out) {
  const View attribute = "rdmaIPv4Address=\"";
  const ptrdiff_t at = find(shared_config, attribute);
  if (at < 0) return false;
  const View text = skip(shared_config, static_cast<size_t>(at) + attribute.size);
  const ptrdiff_t end = find(text, "\"");
  if (end <= 0) return false;
  const View address = first(text, static_cast<size_t>(end));
  for (const char c : address)
    if (!is_digit(c) && c != '.') return false;
  out.clear();
  out << address;
  return !out.truncated();
}

bool is_vm_size(View text) { return text.size <= 64 && is_word(text, "_-"); }

void normalise_vm_size(View size, Text& out) {
  Buffer<80> lower;
  for (const char c : size) lower << to_lower(c);
  if (ends_with(lower, "_promo")) lower.shorten(lower.size() - 6);
  out.clear();
  out << lower;
}

bool name_implies_rdma(View size) {
  const ptrdiff_t start = find(size, "_");
  if (start < 0) return false;
  const View rest = skip(size, static_cast<size_t>(start) + 1);
  const ptrdiff_t end = find(rest, "_");
  return find(end < 0 ? rest : first(rest, static_cast<size_t>(end)), "r") >= 0;
}

bool is_vm_id(View text) {
  if (text.empty() || text.size > 36) return false;
  for (const char c : text) {
    const char lower = to_lower(c);
    if (!is_digit(c) && c != '-' && (lower < 'a' || lower > 'f')) return false;
  }
  return true;
}

}  // namespace firstboot
