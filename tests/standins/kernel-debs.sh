#!/usr/bin/env bash
# kernel-debs.sh [OUT]: OUT/kernel-debs/RELEASE, a directory with the genuine Debian package of an older kernel than the one of
# the DEB guests, of the same flavour. Prints its path.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/deb_rootfs.sh"
source "$standins_dir/lib/apt_download.sh"

# older_kernel KERNEL: the newest kernel of the mirror that is older: 6.1.0-56-cloud-amd64 for 6.1.0-57-cloud-amd64.
older_kernel() {
  local line=${1%%-*} found
  found=$(apt-cache pkgnames "linux-image-$line-" | sed -n "s/^linux-image-\($line-[0-9]*-cloud-amd64\)\$/\1/p" |
    sort -V | sed "/^$1\$/,\$d" | tail -n 1)
  [ -n "$found" ] || die "the mirror has no older kernel than $1"
  printf '%s\n' "$found"
}

main() {
  local key kernel directory
  out=$(readlink -m "${1:-$default_out}")
  as_root "$self" "$out"
  lock_out "$out" kernel-debs
  kernel=$(older_kernel "$(guest_kernel)")
  directory=$out/kernel-debs/$kernel
  key=$(content_key kernel-debs.sh lib/apt_download.sh "$kernel")
  if ! is_cached "$directory" "$key"; then
    make_scratch "$out"
    log "downloading $kernel"
    rm -rf "$directory"
    mkdir -p "$out/kernel-debs"
    fetch_for "$(guest_status)" "$scratch/debs" "linux-image-$kernel"
    mv "$scratch/debs" "$directory"
    hand_over "$out/kernel-debs"
    mark_cached "$directory" "$key"
  fi
  printf '%s\n' "$directory"
}

main "$@"
