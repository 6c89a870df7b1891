#!/usr/bin/env bash
# kernel-rpms.sh RELEASE KERNEL [OUT]: OUT/kernel-rpms/KERNEL, a directory with stand-ins of EL's kernel-core and kernel: all files
# below /lib/modules, and a script that calls kernel-install. Prints its path.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/files.sh"
source "$standins_dir/lib/rpm.sh"
source "$standins_dir/lib/el_release.sh"

# add_kernel_core KERNEL: the kernel with its files where EL8 and later have them.
add_kernel_core() {
  local modules=$scratch/tree/lib/modules/$1 file
  python3 "$standins_dir/lib/modules.py" kernel "$scratch/tree" "$1"
  for file in vmlinuz config System.map; do mv "$scratch/tree/boot/$file-$1" "$modules/$file"; done
  rm -rf "$scratch/tree/boot"
  # kernel-install makes an entry with the command line of the running machine
  printf '%%post\n/bin/kernel-install add %s /lib/modules/%s/vmlinuz || exit $?\n' "$1" "$1" >"$scratch/scripts"
  rpm_add kernel-core "${1%.x86_64}" x86_64 "Vendor: $el_name" "Provides: kernel-uname-r = $1"
  rpm_add kernel "${1%.x86_64}" x86_64 "Vendor: $el_name" "Requires: kernel-core = ${1%.x86_64}"
}

main() {
  local key directory
  [ $# -ge 2 ] || die "usage: kernel-rpms.sh RELEASE KERNEL [OUT]"
  describe_el "$1"
  out=$(readlink -m "${3:-$default_out}")
  as_root "$self" "$1" "$2" "$out"
  directory=$out/kernel-rpms/$2
  key=$(content_key kernel-rpms.sh lib/common.sh lib/files.sh lib/rpm.sh lib/modules.py lib/el_release.sh "$1" "$2")
  lock_out "$out" kernel-rpms
  if ! is_cached "$directory" "$key"; then
    make_scratch "$out"
    log "building $2"
    rpm_start
    add_kernel_core "$2"
    rm -rf "$directory"
    mkdir -p "$out/kernel-rpms"
    rpm_build "$scratch/rpms"
    mv "$scratch/rpms" "$directory"
    hand_over "$out/kernel-rpms"
    mark_cached "$directory" "$key"
  fi
  printf '%s\n' "$directory"
}

main "$@"
