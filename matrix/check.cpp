#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "bake/base/text.hpp"
#include "matrix/loading.hpp"
#include "matrix/rules.hpp"

namespace bake::matrix {
namespace {

class Checker {
 public:
  explicit Checker(const Matrix::Rows& rows) : rows_(rows) {
    for (const auto& release : rows.ofed_releases) releases_.push_back(release.version);
    for (const auto& size : rows.vm_sizes) add_once(families_, size.family);
  }

  std::vector<Problem> run() {
    systems();
    releases();
    bundles();
    sizes_and_devices();
    for (const auto& rule : rows_.rules) one_rule(rule);
    overlapping_rules();
    return std::move(problems_);
  }

  std::vector<Problem> run_manifest() {
    manifest();
    return std::move(problems_);
  }

 private:
  template <typename Row>
  void problem(const Row& row, std::string message, std::string hint = {}) {
    problems_.push_back({row.provenance.where, std::move(message), std::move(hint)});
  }

  template <typename Row>
  void release_exists(const Row& row, const std::string& version) {
    if (!contains(releases_, version))
      problem(row, fmt::format("names driver release '{}', which has no row in ofed_releases", version),
              did_you_mean(version, releases_));
  }

  void systems() {
    std::vector<std::string> inbox_keys;
    for (const auto& inbox : rows_.inbox_drivers) inbox_keys.push_back(inbox.key);
    std::map<std::string, const OsRow*> names;
    for (const auto& os : rows_.operating_systems) {
      if (!os.inbox_key.empty() && os.inbox.empty())
        problem(os, fmt::format("names inbox driver '{}', which has no row in inbox_drivers", os.inbox_key),
                did_you_mean(os.inbox_key, inbox_keys));
      for (const auto& alias : os.aliases) {
        const auto [other, fresh] = names.emplace(os.id + " " + to_lower(alias), &os);
        if (!fresh && other->second != &os)
          problem(os, fmt::format("alias '{}' already means {}", alias, other->second->name));
      }
    }
  }

  /// Reports releases that claim a card although a rule refuses this combination everywhere.
  void releases() {
    for (const auto& release : rows_.ofed_releases) {
      for (const auto& rule : rows_.rules) {
        if (rule.effect != Effect::refuse || rule.generations.empty() || !rule.families.empty() || !rule.os.empty())
          continue;
        for (const auto& generation : rule.generations) {
          const OsRow any_os;
          SizeRow card;
          card.generation = generation;
          if (contains(release.generations, generation) &&
              match_rule(rule, {any_os, card, &release, ""}) == RuleMatch::yes)
            problem(release, fmt::format("claims to drive {}, but rule '{}' refuses it", generation, rule.id));
        }
      }
    }
  }

  void bundles() {
    std::map<std::string, const BundleRow*> digests;
    for (const auto& bundle : rows_.bundles) {
      release_exists(bundle, bundle.ofed);
      const bool fits = std::any_of(rows_.operating_systems.begin(), rows_.operating_systems.end(),
                                    [&](const OsRow& os) { return distro_fits(bundle.distro, os.distro); });
      if (!fits && !bundle.recognised_only)
        problem(bundle, fmt::format("bundle for '{}', which is not a distro in operating_systems", bundle.distro),
                "add the release, or mark the row recognised_only");
      if (bundle.sha256.empty()) continue;
      const auto [other, fresh] = digests.emplace(bundle.sha256, &bundle);
      if (!fresh) problem(bundle, fmt::format("has the sha256 of {}", other->second->file));
    }
  }

  void sizes_and_devices() {
    for (const auto& size : rows_.vm_sizes)
      if (size.transport == "networkdirect" && !size.generation.empty())
        problem(size, "a NetworkDirect size has no 'generation': a Linux driver cannot bind its card");
    for (const auto& device : rows_.pci_devices)
      if ((device.generation == "CX3-Pro") != (device.driver == "mlx4"))
        problem(device, fmt::format("{} is not driven by {}", device.generation, device.driver));
  }

  void one_rule(const RuleRow& rule) {
    for (const auto& version : rule.ofed) release_exists(rule, version);
    for (const auto& family : rule.families)
      if (!contains(families_, family))
        problem(rule, fmt::format("names VM family '{}', which no size belongs to", family),
                did_you_mean(family, families_));
    if (empty_range(rule.ofed_at_least, rule.ofed_below) || empty_range(rule.kernel_at_least, rule.kernel_below) ||
        empty_range(rule.agent_at_least, rule.agent_below) ||
        empty_range(rule.cloud_init_at_least, rule.cloud_init_below))
      problem(rule, "can never match: its lower bound is not below its upper bound");
    // Rules about packages may state the release, too.
    const bool driver_conditions = !rule.generations.empty() || !rule.families.empty() || !rule.driver.empty() ||
                                   !rule.ofed.empty() || !rule.ofed_at_least.empty() || !rule.ofed_below.empty() ||
                                   !rule.kernel_at_least.empty() || !rule.kernel_below.empty() ||
                                   !rule.kernel_contains.empty();
    if (!driver_conditions && rule.os.empty() && !rule.is_package_rule())
      problem(rule, "has no condition, so it would match everything");
    if (driver_conditions && rule.is_package_rule())
      problem(rule, "mixes conditions on waagent or cloud-init with conditions on drivers");
    if ((rule.enable_rdma || rule.udev_renames_interfaces || rule.cloud_init_network) && !rule.is_package_rule())
      problem(rule, "states a condition on the guest, but names no version of waagent or cloud-init");
    if (rule.driver == "inbox" && !(rule.ofed.empty() && rule.ofed_at_least.empty() && rule.ofed_below.empty()))
      problem(rule, "states driver releases, but the inbox driver has none");
  }

  static bool empty_range(const std::string& at_least, const std::string& below) {
    return !at_least.empty() && !below.empty() && compare_versions(at_least, below) >= 0;
  }

  /// Reports rules that state the same kinds of conditions when one candidate can meet both.
  void overlapping_rules() {
    for (std::size_t i = 0; i < rows_.rules.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (overlap(rows_.rules[i], rows_.rules[j]))
          problem(
              rows_.rules[i],
              fmt::format("rule '{}' overlaps rule '{}': both can match at once", rows_.rules[i].id, rows_.rules[j].id),
              "make their conditions exclude each other, or join them");
  }

  static bool overlap(const RuleRow& a, const RuleRow& b) {
    if (a.driver != b.driver || a.kernel_contains != b.kernel_contains || a.enable_rdma != b.enable_rdma ||
        a.udev_renames_interfaces != b.udev_renames_interfaces || a.cloud_init_network != b.cloud_init_network)
      return false;
    for (const auto bound : bounds)
      if ((a.*bound).empty() != (b.*bound).empty()) return false;
    return lists_meet(a.generations, b.generations) && lists_meet(a.families, b.families) && lists_meet(a.os, b.os) &&
           lists_meet(a.ofed, b.ofed) && !apart(a, b) && !apart(b, a);
  }
  /// Returns whether a version range of `a` begins where that of `b` has ended.
  static bool apart(const RuleRow& a, const RuleRow& b) {
    return empty_range(a.ofed_at_least, b.ofed_below) || empty_range(a.kernel_at_least, b.kernel_below) ||
           empty_range(a.agent_at_least, b.agent_below) || empty_range(a.cloud_init_at_least, b.cloud_init_below);
  }
  static constexpr std::string RuleRow::*bounds[] = {
      &RuleRow::ofed_at_least,  &RuleRow::ofed_below,  &RuleRow::kernel_at_least,     &RuleRow::kernel_below,
      &RuleRow::agent_at_least, &RuleRow::agent_below, &RuleRow::cloud_init_at_least, &RuleRow::cloud_init_below};
  static bool lists_meet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    if (a.empty() && b.empty()) return true;
    return std::any_of(a.begin(), a.end(), [&](const std::string& item) { return contains(b, item); });
  }

  void manifest() {
    std::map<std::string, const ManifestRow*> first;
    for (const auto& row : rows_.extension_manifest) {
      ManifestRow plain = row;
      plain.repeat = 0;
      const auto [other, fresh] = first.emplace(key_of(plain), &row);
      if (!fresh && other->second->link != row.link)
        problem(row, fmt::format("gives {} a second archive, '{}'", key_of(plain), row.link));
      if (row.os != "Linux") continue;
      const auto name = parse_bundle_name(row.link);
      if (name.ofed.empty()) {
        problem(row, fmt::format("link '{}' does not name an MLNX_OFED_LINUX archive", row.link));
        continue;
      }
      const auto minor = name.distro.find_first_of("0123456789");
      if (minor != std::string::npos && name.distro.substr(minor) != row.version)
        problem(row, fmt::format("is for {} {}, but its archive is for {}", row.distro, row.version, name.distro));
      for (const auto& release : rows_.ofed_releases)
        if (release.version == name.ofed && !row.type.empty() && !contains(release.generations, row.type))
          problem(row, fmt::format("gives {} the driver release {}, which does not drive it", row.type, name.ofed));
    }
  }

  const Matrix::Rows& rows_;
  std::vector<std::string> releases_;
  std::vector<std::string> families_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> check_rows(const Matrix::Rows& rows) { return Checker(rows).run(); }

std::vector<Problem> check_manifest(const Matrix::Rows& rows) { return Checker(rows).run_manifest(); }

}  // namespace bake::matrix
