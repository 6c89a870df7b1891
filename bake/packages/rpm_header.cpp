#include "bake/packages/rpm_header.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "bake/base/error.hpp"

namespace bake::bundle {
namespace {

constexpr std::size_t lead_size = 96;
constexpr std::size_t intro_size = 16;
constexpr std::size_t entry_size = 16;
constexpr std::size_t max_entries = 65536;
constexpr std::size_t max_data = std::size_t{16} << 20U;

// rpmtag.h
constexpr std::uint32_t sig_dsa = 267, sig_rsa = 268, sig_pgp = 1002, sig_gpg = 1005;
constexpr std::uint32_t tag_name = 1000, tag_version = 1001, tag_release = 1002, tag_epoch = 1003, tag_size = 1009;
constexpr std::uint32_t tag_vendor = 1011, tag_arch = 1022, tag_longsize = 5009;
constexpr std::uint32_t tag_dirindexes = 1116, tag_basenames = 1117, tag_dirnames = 1118;
constexpr std::uint32_t tag_payloadsha256 = 5092, tag_payloadsha256algo = 5093;
constexpr std::uint64_t sense_less = 2, sense_greater = 4, sense_equal = 8, sense_prerequisite = 64 | 512 | 1024;
constexpr std::uint64_t pgp_sha256 = 8;

struct Relation {
  std::string_view element;
  std::uint32_t names, flags, versions;
};
constexpr std::array<Relation, 8> relations{{{"provides", 1047, 1112, 1113},
                                             {"requires", 1049, 1048, 1050},
                                             {"conflicts", 1054, 1053, 1055},
                                             {"obsoletes", 1090, 1114, 1115},
                                             {"recommends", 5046, 5048, 5047},
                                             {"suggests", 5049, 5051, 5050},
                                             {"supplements", 5052, 5054, 5053},
                                             {"enhances", 5055, 5057, 5056}}};

[[noreturn]] void damaged(const std::string& name, std::string_view reason) {
  throw Error(ErrorKind::untrusted, fmt::format("reading package '{}': {}", name, reason));
}

std::uint64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Reads exactly `count` bytes behind those in `text`.
void take(const archive::ByteSource& source, std::string& text, std::size_t count, const std::string& name) {
  const auto begin = text.size();
  text.resize(begin + count);
  for (std::size_t done = 0; done < count;) {
    const auto got = source(std::as_writable_bytes(std::span(text)).subspan(begin + done));
    if (got == 0) damaged(name, "it is truncated");
    done += got;
  }
}

std::string take_header(const archive::ByteSource& source, const std::string& name) {
  std::string bytes;
  take(source, bytes, intro_size, name);
  if (!bytes.starts_with("\x8E\xAD\xE8\x01")) damaged(name, "not an rpm package");
  const auto entries = big_endian(bytes, 8, 4);
  const auto data = big_endian(bytes, 12, 4);
  if (entries > max_entries || data > max_data) damaged(name, "its header is too large");
  take(source, bytes, entries * entry_size + data, name);
  return bytes;
}

/// The signature header and the header, in front of the payload.
std::pair<std::string, std::string> take_headers(const archive::ByteSource& source, const std::string& name) {
  std::string lead;
  take(source, lead, lead_size, name);
  if (!lead.starts_with("\xED\xAB\xEE\xDB")) damaged(name, "not an rpm package");
  auto signature = take_header(source, name);
  std::string padding;
  take(source, padding, (8 - signature.size() % 8) % 8, name);
  return {std::move(signature), take_header(source, name)};
}

/// Returns the length of the UTF-8 character at the start of `text`; 0 if the bytes there are not one.
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80) return 0;
  const auto second = length > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  const bool too_long = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool no_character = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return too_long || no_character ? 0 : length;
}

/// Text for XML; "@" too, since it marks what primary_element() fills in. A byte that is not UTF-8 (old packages have
/// file names in Latin-1) becomes the Latin-1 character, because one such byte would make the whole index unreadable.
std::string xml(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    const auto length = utf8_length(text);
    if (length == 0 || std::string_view("&<>\"@").find(text.front()) != std::string_view::npos)
      escaped += fmt::format("&#{};", byte);
    else if (byte >= 0x20)
      escaped += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return escaped;
}

std::string version_attributes(std::string_view version) {
  std::string epoch = "0";
  if (const auto colon = version.find(':'); colon != std::string_view::npos) {
    epoch = version.substr(0, colon);
    version.remove_prefix(colon + 1);
  }
  const auto dash = version.rfind('-');
  auto text = fmt::format(R"( epoch="{}" ver="{}")", xml(epoch), xml(version.substr(0, dash)));
  if (dash != std::string_view::npos) text += fmt::format(R"( rel="{}")", xml(version.substr(dash + 1)));
  return text;
}

std::string_view comparison(std::uint64_t flags) {
  switch (flags & (sense_less | sense_greater | sense_equal)) {
    case sense_less:
      return "LT";
    case sense_greater:
      return "GT";
    case sense_equal:
      return "EQ";
    case sense_less | sense_equal:
      return "LE";
    case sense_greater | sense_equal:
      return "GE";
    default:
      return "";
  }
}

std::string relation_element(const RpmHeader& header, const Relation& relation) {
  const auto names = header.texts(relation.names);
  const auto flags = header.numbers(relation.flags);
  const auto versions = header.texts(relation.versions);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with("rpmlib(")) continue;  // the guest's rpm provides these, not a package
    const auto flag = i < flags.size() ? flags[i] : 0;
    text += fmt::format(R"(<rpm:entry name="{}")", xml(names[i]));
    if (const auto sense = comparison(flag); !sense.empty() && i < versions.size())
      text += fmt::format(R"( flags="{}"{})", sense, version_attributes(versions[i]));
    if (relation.element == "requires" && (flag & sense_prerequisite) != 0) text += R"( pre="1")";
    text += "/>";
  }
  return text.empty() ? text : fmt::format("<rpm:{0}>{1}</rpm:{0}>", relation.element, text);
}

std::string file_elements(const RpmHeader& header) {
  const auto names = header.texts(tag_basenames);
  const auto indexes = header.numbers(tag_dirindexes);
  const auto directories = header.texts(tag_dirnames);
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < indexes.size(); ++i)
    if (indexes[i] < directories.size())
      text += fmt::format("<file>{}{}</file>", xml(directories[indexes[i]]), xml(names[i]));
  return text;
}

IndexedPackage describe(const RpmHeader& header, const std::string& name) {
  IndexedPackage package;
  package.name = header.text(tag_name);
  package.arch = header.text(tag_arch);
  const auto epoch = header.numbers(tag_epoch);
  package.version = header.text(tag_version) + "-" + header.text(tag_release);
  if (!epoch.empty() && epoch.front() != 0) package.version = fmt::format("{}:{}", epoch.front(), package.version);
  const auto size = header.numbers(header.has(tag_longsize) ? tag_longsize : tag_size);
  package.installed_size = size.empty() ? 0 : size.front();
  if (package.name.empty() || package.arch.empty() || header.text(tag_version).empty())
    damaged(name, "its header names no package");
  return package;
}

std::string metadata_of(const RpmHeader& header, const IndexedPackage& package) {
  auto text = fmt::format(R"(<package type="rpm"><name>{}</name><arch>{}</arch><version{}/>)", xml(package.name),
                          xml(package.arch), version_attributes(package.version));
  text += R"(<checksum type="sha256" pkgid="YES">@pkgid@</checksum><summary/><description/>)";
  text += fmt::format(R"(<size package="@size@" installed="{}" archive="0"/><location href="@location@"/><format>)",
                      package.installed_size);
  text += fmt::format("<rpm:vendor>{}</rpm:vendor>", xml(header.text(tag_vendor)));
  for (const auto& relation : relations) text += relation_element(header, relation);
  return text + file_elements(header) + "</format></package>\n";
}

/// `second` behind `first`.
archive::ByteSource chain(archive::ByteSource first, archive::ByteSource second) {
  return [first = std::move(first), second = std::move(second)](std::span<std::byte> buffer) {
    const auto count = first(buffer);
    return count != 0 ? count : second(buffer);
  };
}

void drain(const archive::ByteSource& source) {
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (source(buffer) != 0) {
  }
}

/// The SHA-256 of the payload that the header states; empty when it states none.
std::string payload_digest_of(const RpmHeader& header) {
  const auto digests = header.texts(tag_payloadsha256);
  const auto algorithms = header.numbers(tag_payloadsha256algo);
  return digests.empty() || algorithms.empty() || algorithms.front() != pgp_sha256 ? "" : digests.front();
}

/// Decides what the signatures of a package are worth together. As in rpm (lib/rpmvs.cc, rpmvsVerify), header and
/// payload must both be covered, and a digest in a signed header is as strong as the signature.
void judge_signatures(const signature::SignatureResult& over_header, const signature::SignatureResult& over_all,
                      const std::string& stated, const std::string& actual, RpmFacts& facts) {
  const auto use = [&](const signature::SignatureResult& result) { facts.signature = result; };
  if (over_all.state == signature::SignatureState::bad || over_header.state == signature::SignatureState::absent)
    use(over_all);
  else
    use(over_header);
  if (facts.signature.state != signature::SignatureState::good) return;
  if (!stated.empty() && stated != actual) {
    facts.signature.state = signature::SignatureState::bad;
    facts.signature.reason = "the payload differs from the digest in the signed header";
  } else if (stated.empty() && over_all.state != signature::SignatureState::good) {
    facts.signature.state = signature::SignatureState::refused;
    facts.signature.reason = "the signature covers only the header, and the header has no SHA-256 of the payload";
  } else {
    facts.payload_signed = true;
  }
}

}  // namespace

RpmHeader::RpmHeader(std::string_view bytes, const std::string& name) {
  if (bytes.size() < intro_size || !bytes.starts_with("\x8E\xAD\xE8\x01")) damaged(name, "not an rpm header");
  const auto count = big_endian(bytes, 8, 4);
  const auto size = big_endian(bytes, 12, 4);
  if (count > max_entries || size > max_data || bytes.size() < intro_size + count * entry_size + size)
    damaged(name, "its header is out of bounds");
  data_ = bytes.substr(intro_size + count * entry_size, size);
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = intro_size + i * entry_size;
    const Entry entry{static_cast<std::uint32_t>(big_endian(bytes, at + 4, 4)), big_endian(bytes, at + 8, 4),
                      big_endian(bytes, at + 12, 4)};
    if (entry.offset <= data_.size() && entry.count <= data_.size())
      entries_.emplace(static_cast<std::uint32_t>(big_endian(bytes, at, 4)), entry);
  }
}

std::vector<std::string> RpmHeader::texts(std::uint32_t tag) const {
  const auto found = entries_.find(tag);
  if (found == entries_.end() || (found->second.type != 6 && found->second.type != 8 && found->second.type != 9))
    return {};
  std::vector<std::string> result;
  auto rest = std::string_view(data_).substr(found->second.offset);
  for (std::size_t i = 0; i < found->second.count; ++i) {
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) break;
    result.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return result;
}

std::string RpmHeader::text(std::uint32_t tag) const {
  const auto all = texts(tag);
  return all.empty() ? std::string{} : all.front();
}

std::vector<std::uint64_t> RpmHeader::numbers(std::uint32_t tag) const {
  static constexpr std::array<std::size_t, 6> widths{0, 0, 1, 2, 4, 8};
  const auto found = entries_.find(tag);
  if (found == entries_.end() || found->second.type >= widths.size()) return {};
  const auto width = widths.at(found->second.type);
  const auto [type, offset, count] = found->second;
  if (width == 0 || count * width > data_.size() - offset) return {};
  std::vector<std::uint64_t> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(big_endian(data_, offset + i * width, width));
  return result;
}

std::string RpmHeader::bytes(std::uint32_t tag) const {
  const auto found = entries_.find(tag);
  if (found == entries_.end() || found->second.type != 7 || found->second.count > data_.size() - found->second.offset)
    return {};
  return data_.substr(found->second.offset, found->second.count);
}

RpmFacts read_rpm(const archive::ByteSource& package, const signature::KeyRing& ring, const std::string& name) {
  const auto [signature_bytes, header_bytes] = take_headers(package, name);
  const RpmHeader signatures(signature_bytes, name);
  const RpmHeader header(header_bytes, name);

  RpmFacts facts;
  facts.package = describe(header, name);
  facts.metadata = metadata_of(header, facts.package);
  const auto header_signature = signatures.bytes(signatures.has(sig_rsa) ? sig_rsa : sig_dsa);
  const auto whole_signature = signatures.bytes(signatures.has(sig_pgp) ? sig_pgp : sig_gpg);

  Hasher payload;
  const archive::ByteSource hashed_payload = [&](std::span<std::byte> buffer) {
    const auto count = package(buffer);
    payload.update(buffer.first(count));
    return count;
  };
  signature::SignatureResult over_header;
  signature::SignatureResult over_all;
  if (!header_signature.empty()) over_header = signature::check_signature(ring, header_signature, header_bytes);
  if (!whole_signature.empty())
    over_all =
        signature::check_signature(ring, whole_signature, chain(archive::source_of(header_bytes), hashed_payload));
  else
    drain(hashed_payload);
  judge_signatures(over_header, over_all, payload_digest_of(header), payload.hex(), facts);
  return facts;
}

RpmFront read_rpm_front(const archive::ByteSource& package, const std::string& name) {
  RpmFront front;
  const archive::ByteSource kept = [&](std::span<std::byte> buffer) {
    const auto count = package(buffer);
    front.bytes.append(reinterpret_cast<const char*>(buffer.data()), count);
    return count;
  };
  const auto headers = take_headers(kept, name);
  const RpmHeader header(headers.second, name);
  front.package = describe(header, name);
  front.payload_sha256 = payload_digest_of(header);
  return front;
}

void skip_rpm_headers(const archive::ByteSource& package, const std::string& name) { take_headers(package, name); }

std::string primary_element(const RpmFacts& package, const IndexedFile& file) {
  auto element = package.metadata;
  const auto fill = [&](std::string_view mark, const std::string& value) {
    if (const auto at = element.find(mark); at != std::string::npos) element.replace(at, mark.size(), value);
  };
  fill("@pkgid@", file.digests.at(DigestAlgorithm::sha256));
  fill("@size@", std::to_string(file.size));
  fill("@location@", xml(file.file));
  return element;
}

std::string primary_of_elements(std::string_view elements, std::size_t count) {
  return fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{}">
{}</metadata>
)",
                     count, elements);
}

std::string primary_of(const std::vector<RpmFacts>& packages) {
  std::string elements;
  for (const auto& package : packages) elements += primary_element(package, package.package.file);
  return primary_of_elements(elements, packages.size());
}

}  // namespace bake::bundle
