#include "bake/job/secure_boot.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"

namespace bake::job {

std::vector<signature::Certificate> read_certificates(const recipe::Recipe& recipe) {
  constexpr std::size_t max_certificate = std::size_t{64} << 10U;
  std::vector<signature::Certificate> certificates;
  if (!recipe.secure_boot) return certificates;
  for (const auto& file : recipe.secure_boot->certificates) {
    auto certificate = signature::read_certificate(read_text(file, max_certificate), file.string());
    if (std::find(certificates.begin(), certificates.end(), certificate) != certificates.end())
      throw Error(ErrorKind::config, fmt::format("reading certificate '{}': the recipe names it twice", file.string()));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

std::optional<signature::ModuleSigner> open_signer(const recipe::Recipe& recipe) {
  if (!recipe.secure_boot || recipe.secure_boot->sign_with.empty()) return std::nullopt;
  return signature::ModuleSigner(recipe.secure_boot->sign_with, read_certificates(recipe).at(0));
}

std::optional<plan::ModuleTrust> read_module_trust(const recipe::Recipe& recipe, const guest::Facts& facts,
                                                   const std::string& kernel, const matrix::Matrix& matrix) {
  if (!recipe.secure_boot) return std::nullopt;
  plan::ModuleTrust trust{read_certificates(recipe), !recipe.secure_boot->sign_with.empty()};
  if (const auto* row = matrix.find_secure_boot(facts.os.id, facts.os.version, kernel)) trust.kernel = *row;
  return trust;
}

}  // namespace bake::job
