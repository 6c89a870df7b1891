#include "matrix/json.hpp"

#include <fmt/format.h>

namespace bake::matrix {
namespace {

using nlohmann::ordered_json;

ordered_json with_provenance(ordered_json row, const Provenance& from) {
  row["source"] = from.source;
  row["confidence"] = from.unverified ? "unverified" : "confirmed";
  row["row"] = from.where;
  return row;
}

std::string_view what_bake_does(const SecureBootRow& row) {
  if (row.accepts == "no") return "refuses";
  return row.accepts == "yes" ? "signs" : "signs, with a warning";
}

const char* name_of(Tier tier) {
  switch (tier) {
    case Tier::extension:
      return "extension";
    case Tier::long_term:
      return "long_term";
    case Tier::doca:
      return "doca";
    case Tier::other:
      return "other";
    case Tier::inbox:
      break;
  }
  return "inbox";
}

const char* name_of(KernelSupport support) {
  switch (support) {
    case KernelSupport::supported:
      return "supported";
    case KernelSupport::unknown:
      return "unknown";
    case KernelSupport::unsupported:
      break;
  }
  return "unsupported";
}

}  // namespace

void to_json(ordered_json& json, const OsRow& row) {
  json = with_provenance({{"id", row.id},
                          {"version", row.version},
                          {"name", row.name},
                          {"family", row.family},
                          {"distro", row.distro},
                          {"aliases", row.aliases},
                          {"ga_kernel", row.ga_kernel},
                          {"azure_kernel", row.azure_kernel},
                          {"kernel_pins", row.kernel_pins},
                          {"kernel_devel_url", row.kernel_devel_url},
                          {"inbox", row.inbox_key},
                          {"inbox_packages", row.inbox},
                          {"end_of_life", row.end_of_life},
                          {"extension", row.extension}},
                         row.provenance);
}

void to_json(ordered_json& json, const InboxRow& row) {
  json =
      with_provenance({{"key", row.key}, {"generations", row.generations}, {"packages", row.packages}}, row.provenance);
}

void to_json(ordered_json& json, const OfedRow& row) {
  json = with_provenance({{"version", row.version},
                          {"line", row.line},
                          {"layout", row.layout},
                          {"libs", row.libs},
                          {"embeds", row.embeds},
                          {"generations", row.generations},
                          {"max_kernel", row.max_kernel},
                          {"max_kernel_source", row.max_kernel_source},
                          {"distros", row.distros},
                          {"sha256", row.sha256},
                          {"lts", row.lts}},
                         row.provenance);
}

void to_json(ordered_json& json, const BundleRow& row) {
  json = with_provenance({{"ofed", row.ofed},
                          {"distro", row.distro},
                          {"arch", row.arch},
                          {"file", row.file},
                          {"url", row.url},
                          {"sha256", row.sha256},
                          {"recognised_only", row.recognised_only}},
                         row.provenance);
}

void to_json(ordered_json& json, const SizeRow& row) {
  json = with_provenance({{"name", row.name},
                          {"family", row.family},
                          {"generation", row.generation},
                          {"hcas", row.hcas},
                          {"transport", row.transport},
                          {"speed", row.speed},
                          {"vm_generations", row.vm_generations},
                          {"arch", row.arch},
                          {"retires", row.retires},
                          {"note", row.note}},
                         row.provenance);
}

void to_json(ordered_json& json, const PciRow& row) {
  json = with_provenance({{"device", fmt::format("0x{:04x}", row.device)},
                          {"vendor", "0x15b3"},
                          {"name", row.name},
                          {"generation", row.generation},
                          {"driver", row.driver},
                          {"virtual_function", row.virtual_function}},
                         row.provenance);
}

void to_json(ordered_json& json, const RuleRow& row) {
  json = with_provenance({{"id", row.id},
                          {"effect", row.effect == Effect::refuse ? "refuse" : "warn"},
                          {"message", row.message},
                          {"remedy", row.remedy},
                          {"generations", row.generations},
                          {"families", row.families},
                          {"os", row.os},
                          {"driver", row.driver},
                          {"ofed", row.ofed},
                          {"ofed_at_least", row.ofed_at_least},
                          {"ofed_below", row.ofed_below},
                          {"kernel_at_least", row.kernel_at_least},
                          {"kernel_below", row.kernel_below},
                          {"kernel_contains", row.kernel_contains},
                          {"agent_at_least", row.agent_at_least},
                          {"agent_below", row.agent_below},
                          {"cloud_init_at_least", row.cloud_init_at_least},
                          {"cloud_init_below", row.cloud_init_below},
                          {"enable_rdma", row.enable_rdma},
                          {"udev_renames_interfaces", row.udev_renames_interfaces},
                          {"cloud_init_network", row.cloud_init_network}},
                         row.provenance);
}

void to_json(ordered_json& json, const SecureBootRow& row) {
  json = with_provenance({{"id", row.id},
                          {"os", row.os},
                          {"kernel_at_least", row.kernel_at_least},
                          {"kernel_below", row.kernel_below},
                          {"kernel_contains", row.kernel_contains},
                          {"signature", row.signature},
                          {"keyring", row.keyring},
                          {"accepts", row.accepts},
                          {"bake", what_bake_does(row)},
                          {"note", row.note},
                          {"remedy", row.remedy}},
                         row.provenance);
}

void to_json(ordered_json& json, const ManifestRow& row) {
  json = with_provenance({{"driver", row.driver},
                          {"type", row.type},
                          {"os", row.os},
                          {"distro", row.distro},
                          {"version", row.version},
                          {"link", row.link},
                          {"kernel_devel", row.kernel_devel},
                          {"kernel_devel_url", row.kernel_devel_url},
                          {"comment", row.comment}},
                         row.provenance);
}

void to_json(ordered_json& json, const Choice& choice) {
  json = {{"driver", choice.inbox ? "inbox" : "ofed"},
          {"ofed", choice.ofed},
          {"distro", choice.distro},
          {"file", choice.file_name},
          {"url", choice.url},
          {"sha256", choice.sha256},
          {"module", choice.driver},
          {"libs", choice.libs},
          {"packages", choice.packages},
          {"tier", name_of(choice.tier)},
          {"kernel_support", name_of(choice.kernel_support)},
          {"verified", choice.verified},
          {"reasons", choice.reasons},
          {"warnings", choice.warnings}};
}

void to_json(ordered_json& json, const TopicCount& count) {
  json = {{"topic", count.topic},
          {"rows", count.rows},
          {"unverified", count.unverified},
          {"without_source", count.without_source}};
}

}  // namespace bake::matrix
