#include "bake/packages/deb_index.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <functional>
#include <optional>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::bundle {
namespace {

constexpr std::size_t max_fields = 1000;  // real paragraphs have twenty

struct DigestField {
  std::string_view field;
  DigestAlgorithm algorithm;
  std::size_t length;
};
constexpr std::array<DigestField, 4> digest_fields{{{"md5sum", DigestAlgorithm::md5, 32},
                                                    {"sha1", DigestAlgorithm::sha1, 40},
                                                    {"sha256", DigestAlgorithm::sha256, 64},
                                                    {"sha512", DigestAlgorithm::sha512, 128}}};

std::optional<std::uint64_t> number(std::string_view text) {
  text = trim(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string digest_text(std::string_view text, std::size_t length) {
  auto digest = to_lower(trim(text));
  const bool good = digest.size() == length && digest.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? digest : std::string{};
}

/// Visits one paragraph after the other, so that memory grows with the largest paragraph and not with the text.
void for_each_paragraph(std::string_view text, const std::function<void(Paragraph)>& visit) {
  Paragraph current;
  std::string* last = nullptr;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) {
      if (!current.empty()) visit(std::exchange(current, {}));
      last = nullptr;
    } else if (line.front() == ' ' || line.front() == '\t') {
      if (last != nullptr) last->append("\n").append(line);
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos && colon > 0) {
      if (current.size() == max_fields)
        throw Error(ErrorKind::untrusted,
                    fmt::format("reading a package index: a paragraph has more than {} fields", max_fields));
      last = &(current[to_lower(line.substr(0, colon))] = trim(line.substr(colon + 1)));
    }
  }
  if (!current.empty()) visit(std::move(current));
}

}  // namespace

std::vector<Paragraph> parse_paragraphs(std::string_view text) {
  std::vector<Paragraph> paragraphs;
  for_each_paragraph(text, [&](Paragraph paragraph) { paragraphs.push_back(std::move(paragraph)); });
  return paragraphs;
}

std::vector<IndexedPackage> parse_packages(std::string_view text, std::string_view name) {
  std::vector<IndexedPackage> packages;
  for_each_paragraph(text, [&](const Paragraph& paragraph) {
    check_package_count(packages.size() + 1, name);
    const auto field = [&](std::string_view key) {
      const auto found = paragraph.find(key);
      if (found == paragraph.end() || found->second.empty())
        throw Error(ErrorKind::untrusted,
                    fmt::format("reading index '{}': package {} has no {}", name, packages.size() + 1, key));
      return found->second;
    };
    IndexedPackage package;
    package.name = field("package");
    package.version = field("version");
    package.arch = field("architecture");
    package.file.file = plain_path(field("filename"), name);
    const auto size = number(field("size"));
    if (!size)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading index '{}': the size of '{}' is not a number", name, package.name));
    package.file.size = *size;
    if (const auto found = paragraph.find("installed-size"); found != paragraph.end())
      package.installed_size = std::min(number(found->second).value_or(0), std::uint64_t{1} << 40U) * 1024;
    for (const auto& [key, algorithm, length] : digest_fields)
      if (const auto found = paragraph.find(key); found != paragraph.end())
        if (auto digest = digest_text(found->second, length); !digest.empty())
          package.file.digests.emplace(algorithm, std::move(digest));
    if (package.file.digests.empty())
      throw Error(ErrorKind::untrusted, fmt::format("reading index '{}': '{}' has no digest", name, package.name));
    packages.push_back(std::move(package));
  });
  return packages;
}

const IndexedFile* Release::find(std::string_view file) const {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const IndexedFile& entry) { return entry.file == file; });
  return found == files.end() ? nullptr : &*found;
}

Release parse_release(std::string_view text, std::string_view name) {
  const auto paragraphs = parse_paragraphs(text);
  if (paragraphs.empty()) throw Error(ErrorKind::untrusted, fmt::format("reading index '{}': it is empty", name));
  const auto& fields = paragraphs.front();
  const auto field = [&](std::string_view key) {
    const auto found = fields.find(key);
    return found == fields.end() ? std::string{} : found->second;
  };
  Release release{field("suite"), field("codename"), field("label"), {}};
  std::map<std::string, IndexedFile> files;
  for (const auto& [key, algorithm, length] : digest_fields) {
    for (const auto& line : split_lines(field(key))) {
      const auto words = split_words(line);
      if (words.size() != 3 || words[2] == "Release") continue;
      const auto size = number(words[1]);
      auto digest = digest_text(words[0], length);
      if (!size || digest.empty()) continue;
      auto& file = files[plain_path(words[2], name)];
      file.size = *size;
      file.digests.emplace(algorithm, std::move(digest));
    }
  }
  for (auto& [path, file] : files) {
    file.file = path;
    release.files.push_back(std::move(file));
  }
  return release;
}

std::string packages_paragraph(std::string_view control, const IndexedFile& file) {
  std::string text;
  for (const auto& line : split_lines(control))
    if (!trim(line).empty()) text += line + "\n";
  text += fmt::format("Filename: ./{}\nSize: {}\n", file.file, file.size);
  for (const auto& [algorithm, digest] : file.digests) text += fmt::format("{}: {}\n", name_of(algorithm), digest);
  return text + "\n";
}

}  // namespace bake::bundle
