#!/usr/bin/env bash
# build-tools.sh [OUT]: OUT/build-tools, a directory with the genuine Debian packages that a DEB guest lacks to compile modules
# for its kernel with DKMS: dkms, gcc, make, libc6-dev, the kernel's headers and all that they depend on. Prints its path.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/deb_rootfs.sh"
source "$standins_dir/lib/apt_download.sh"

main() {
  local key kernel
  out=$(readlink -m "${1:-$default_out}")
  as_root "$self" "$out"
  lock_out "$out" build-tools
  kernel=$(guest_kernel)
  key=$(content_key build-tools.sh lib/apt_download.sh "$kernel")
  if ! is_cached "$out/build-tools" "$key"; then
    make_scratch "$out"
    log "downloading the packages that a build for $kernel needs (without its headers on the mirror: remove $out/cache)"
    rm -rf "$out/build-tools"
    # the last ones are for the development packages of the profile basic
    fetch_for "$(guest_status)" "$scratch/debs" dkms gcc make libc6-dev "linux-headers-$kernel" libnl-3-dev libnl-route-3-dev
    mv "$scratch/debs" "$out/build-tools"
    hand_over "$out/build-tools"
    mark_cached "$out/build-tools" "$key"
  fi
  printf '%s\n' "$out/build-tools"
}

main "$@"
