#include "bake/packages/index.hpp"

#include <fmt/format.h>

#include "bake/archive/entry_policy.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::bundle {

std::string_view name_of(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::md5:
      return "MD5";
    case DigestAlgorithm::sha1:
      return "SHA1";
    case DigestAlgorithm::sha256:
      return "SHA256";
    case DigestAlgorithm::sha512:
      return "SHA512";
  }
  return "SHA256";
}

bool is_weak(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::md5 || algorithm == DigestAlgorithm::sha1;
}

void check_package_count(std::size_t count, std::string_view index) {
  constexpr std::size_t max_packages = 10'000;  // a real one lists about a hundred
  if (count > max_packages)
    throw Error(ErrorKind::untrusted,
                fmt::format("reading index '{}': it lists more than {} packages", index, max_packages));
}

std::string plain_path(std::string_view path, std::string_view index) {
  std::vector<std::string> parts;
  bool plain = !path.empty() && path.front() != '/' && printable(path) == path;
  for (const auto& part : split(path, '/')) {
    if (part == "..") plain = false;
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  if (!plain || parts.empty())
    throw Error(ErrorKind::untrusted,
                fmt::format("reading index '{}': it names a file '{}'", index, printable(path.substr(0, 200))),
                "an index names files at or below its own directory");
  return join(parts, "/");
}

}  // namespace bake::bundle
