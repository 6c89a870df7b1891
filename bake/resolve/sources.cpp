#include "bake/resolve/sources.hpp"

namespace bake::resolve {
namespace {

/// An index without installed sizes: packages unpack to about four times their size.
constexpr std::uint64_t unpacked_factor = 4;

PackageSource source_of(std::size_t payload, const bundle::Repository& repository, bundle::PackageFormat format,
                        const bundle::IndexTexts& text) {
  return {payload, &repository, format, text.packages, text.filelists};
}

}  // namespace

std::vector<PackageSource> extra_sources(const SelectedDriver& driver, const std::vector<bundle::IndexTexts>& texts) {
  std::vector<PackageSource> sources;
  const std::size_t first = driver.bundle ? 1 : 0;
  for (std::size_t i = 0; i < driver.extras.size(); ++i)
    sources.push_back(source_of(i + 1, driver.extras[i].repository, driver.extras[i].format, texts.at(first + i)));
  return sources;
}

std::vector<PackageSource> package_sources(const SelectedDriver& driver, const std::string& kernel,
                                           const std::vector<bundle::IndexTexts>& texts) {
  std::vector<PackageSource> sources;
  if (driver.bundle) sources.push_back(source_of(0, *driver.packages(), driver.bundle->format, texts.at(0)));
  for (auto& source : extra_sources(driver, texts)) sources.push_back(std::move(source));
  const auto first = sources.size();
  for (std::size_t i = 0; i < driver.kernel_bundles.size(); ++i) {
    const auto& bundle = driver.kernel_bundles[i];
    if (bundle.doca.value().kernel != kernel) continue;
    sources.push_back(
        source_of(driver.extras.size() + i + 1, bundle.repositories.at(0), bundle.format, texts.at(first + i)));
    sources.back().kernel_bundle = true;
  }
  return sources;
}

std::map<std::string, std::uint64_t> install_bytes(const SelectedDriver& driver, const Closure& closure) {
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& change : closure.changes)
    if (const auto* package = driver.package_of(change))
      bytes[change.directory] +=
          package->installed_size != 0 ? package->installed_size : package->size * unpacked_factor;
  return bytes;
}

}  // namespace bake::resolve
