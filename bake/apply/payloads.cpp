#include "bake/apply/payloads.hpp"

namespace bake::apply {

std::string payload_mount(std::size_t number) { return "/.bake-payload-" + std::to_string(number); }

Payloads::Payloads(bool bundle, std::size_t more, guest::Guest& guest) : guest_(guest) {
  for (std::size_t number = bundle ? 0 : 1; number <= more; ++number) mounts_.push_back(payload_mount(number));
  for (std::size_t drive = 0; drive < mounts_.size(); ++drive) guest_.mount_payload(drive, mounts_[drive]);
}

void Payloads::unmount() {
  for (const auto& mount : mounts_) {
    guest_.unmount_payload(mount);
    guest_.remove(mount);
  }
}

}  // namespace bake::apply
