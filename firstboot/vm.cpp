#include "firstboot/vm.hpp"

#include "firstboot/json.hpp"
#include "firstboot/sources.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

// The Azure Linux agent uses 2018-02-01 too. The answer is small and has vmSize and vmId.
constexpr const char* imds_path = "/metadata/instance/compute?api-version=2018-02-01";

char scratch[size_t{256} * 1024];  // for one document at a time

void set_id(View text, Vm& out) {
  if (!out.id.empty() || !is_vm_id(text)) return;
  for (const char c : text) out.id << to_lower(c);
}

bool set_size(View text, const char* source, Vm& out) {
  if (!is_vm_size(text)) return false;
  out.size.assign(text);
  out.source = source;
  return true;
}

void query_imds(const ImdsEndpoint& endpoint, long budget_ms, Vm& out) {
  const View body = imds_get(endpoint, imds_path, budget_ms, scratch, sizeof scratch, out.imds_note);
  if (body.empty()) return;
  Buffer<80> text;
  const View size[] = {"vmSize"};
  const View id[] = {"vmId"};
  if (json_string(body, id, text)) set_id(text, out);
  text.clear();
  if (!json_string(body, size, text) || !set_size(text, "IMDS", out))
    out.imds_note << "answered without a valid vmSize";
}

void read_cloud_init(View root, Vm& out) {
  static constexpr const char* names[] = {"/run/cloud-init/instance-data-sensitive.json",
                                          "/run/cloud-init/instance-data.json"};
  for (const char* name : names) {
    const View document = read_file(below(root, name).c_str(), scratch, sizeof scratch);
    Buffer<80> text;
    const View size[] = {"ds", "meta_data", "imds", "compute", "vmSize"};
    const View id[] = {"ds", "meta_data", "imds", "compute", "vmId"};
    if (!json_string(document, size, text) || !set_size(text, "cloud-init's copy of IMDS", out)) continue;
    text.clear();
    if (json_string(document, id, text)) set_id(text, out);
    return;
  }
}

}  // namespace

void identify_vm(View root, const ImdsEndpoint* endpoint, long budget_ms, Vm& out) {
  out = Vm{};
  if (endpoint != nullptr) {
    query_imds(*endpoint, budget_ms, out);
  } else {
    out.imds_note << "was not queried";
  }
  if (out.size.empty()) read_cloud_init(root, out);
  read_dmi_id(root, out);
}

void read_dmi_id(View root, Vm& out) {
  Buffer<64> uuid;
  if (read_line(below(root, "/sys/class/dmi/id/product_uuid").c_str(), uuid)) set_id(uuid, out);
}

void find_rdma_signs(View root, RdmaSigns& out) {
  out = RdmaSigns{};
  const View config = read_file(below(root, "/var/lib/waagent/SharedConfig.xml").c_str(), scratch, sizeof scratch);
  rdma_address(config, out.shared_config);
  const View pool = read_file(below(root, "/var/lib/hyperv/.kvp_pool_0").c_str(), scratch, sizeof scratch);
  kvp_value(pool, "NdDriverVersion", out.nd_driver);
  Buffer<2049> data;
  if (kvp_value(pool, "IPoIB_Data", data)) {
    out.pairs = ipoib_pairs(data);
    out.ipoib_data << data;
  }
}

}  // namespace firstboot
