#!/usr/bin/env bash
# build-tools.sh [OUT]: OUT/build-tools, a directory with the genuine Debian packages that a DEB guest lacks to compile modules
# for its kernel with DKMS: dkms, gcc, make, libc6-dev, the kernel's headers and all that they depend on. Prints its path.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/deb_rootfs.sh"

# fetch_for STATUS DIRECTORY PACKAGE…: downloads the packages and the dependencies that a system with this dpkg database lacks.
fetch_for() {
  local status=$1 directory=$2
  shift 2
  mkdir -p "$directory/partial"
  run_quietly "$scratch/apt.log" apt-get -y --download-only --no-install-recommends -o Dir::State::status="$status" \
    -o Dir::Cache::archives="$directory" -o APT::Sandbox::User=root -o Debug::NoLocking=1 install "$@"
  rm -rf "$directory/partial" "$directory/lock"
}

main() {
  local rootfs key kernel
  out=$(readlink -m "${1:-$default_out}")
  as_root "$self" "$out"
  lock_out "$out" build-tools
  rootfs=$(debian_rootfs deb "$out")
  kernel=$(tar -tf "$rootfs" --wildcards './boot/vmlinuz-*' | sed 's/.*vmlinuz-//')
  key=$(content_key build-tools.sh "$kernel")
  if ! is_cached "$out/build-tools" "$key"; then
    make_scratch "$out"
    tar -C "$scratch" -xf "$rootfs" ./var/lib/dpkg/status
    log "downloading the packages that a build for $kernel needs (without its headers on the mirror: remove $out/cache)"
    rm -rf "$out/build-tools"
    # the last ones are for the development packages of the profile basic
    fetch_for "$scratch/var/lib/dpkg/status" "$scratch/debs" dkms gcc make libc6-dev "linux-headers-$kernel" libnl-3-dev \
      libnl-route-3-dev
    mv "$scratch/debs" "$out/build-tools"
    hand_over "$out/build-tools"
    mark_cached "$out/build-tools" "$key"
  fi
  printf '%s\n' "$out/build-tools"
}

main "$@"
