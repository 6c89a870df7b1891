#!/usr/bin/env bash
# light-guest.sh RELEASE [OUT [KERNEL [BUILTIN]]]: OUT/light/<arguments joined by +>.vhd, a small guest of one release on one
# ext4 partition, made in seconds from the userland that the family's big guest is made of. RELEASE is ubuntu16.04,
# ubuntu18.04 to ubuntu24.04, or centos or rhel 7.4 to 7.9, 8.1, 8.2, or rhel 9.4, 9.6, or almalinux8.10. The kernel is a stand-in (by default the one that Azure's
# images of the release had, or Ubuntu's first); BUILTIN names modules built into it, separated by commas. Prints the path.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/disk.sh"
source "$standins_dir/lib/deb_rootfs.sh"
source "$standins_dir/lib/deb_config.sh"
source "$standins_dir/lib/reversion.sh"
source "$standins_dir/lib/signing.sh"
source "$standins_dir/lib/files.sh"
source "$standins_dir/lib/rpm.sh"
source "$standins_dir/lib/bundle_names.sh"
source "$standins_dir/lib/el_release.sh"
source "$standins_dir/lib/el_config.sh"
source "$standins_dir/lib/el_boot.sh"
source "$standins_dir/lib/el_packages.sh"
source "$standins_dir/lib/el_userland.sh"

disk_mib=1024

# forget_kernel ROOT: takes the genuine kernel out of dpkg's database; its files were not unpacked.
forget_kernel() {
  local status=$1/var/lib/dpkg/status
  awk -v RS= -v ORS='\n\n' '!/^Package: linux-image-/' "$status" >"$status.new"
  mv "$status.new" "$status"
  rm -f "$1"/var/lib/dpkg/info/linux-image-* "$1"/{vmlinuz,initrd.img}{,.old}
}

# add_ubuntu_kernel ROOT KERNEL: a stand-in kernel and the packages that own such a kernel.
add_ubuntu_kernel() {
  local root=$1 kernel=$2 package
  mkdir "$scratch/kernel"
  for package in linux-image linux-modules; do
    mkdir -p "$scratch/package/DEBIAN"
    printf 'Package: %s-%s\nVersion: %s.1\nArchitecture: amd64\nMaintainer: stand-in <stand-in@bake.test>\nDescription: stand-in for %s\n' \
      "$package" "$kernel" "${kernel%-*}" "$package" >"$scratch/package/DEBIAN/control"
    build_deb "$scratch/package" "$scratch/kernel" >/dev/null
    rm -r "$scratch/package"
  done
  install_debs "$root" "$scratch"/kernel/*.deb
  python3 "$standins_dir/lib/modules.py" kernel "$root" "$kernel" --builtin "$builtin"
  chroot "$root" depmod -a "$kernel" 2>/dev/null
  (cd "$root/etc" && echo hostname | cpio -o -H newc --quiet | gzip -9n) >"$root/boot/initrd.img-$kernel"
}

build_ubuntu() {
  local rootfs
  declare -A names=([16.04]="Xenial Xerus" [18.04]="Bionic Beaver" [20.04]="Focal Fossa" [22.04]="Jammy Jellyfish" [24.04]="Noble Numbat")
  rootfs=$(debian_rootfs deb "$out")
  mkdir "$root"
  tar -C "$root" --numeric-owner --xattrs --exclude='./boot/*' --exclude='./lib/modules/*' --exclude='./usr/lib/modules/*' -xf "$rootfs"
  forget_kernel "$root"
  install_inbox_rdma "$root" "${release#ubuntu}"
  add_ubuntu_kernel "$root" "$kernel"
  write_ubuntu_identity "$root" "${release#ubuntu}" "${names[${release#ubuntu}]}"
  write_ubuntu_boot "$root" "$kernel" "$uuid" ""
  write_waagent_conf "$root/etc/waagent.conf"
  write_traces "$root"
}

build_el() {
  unpack_el_userland "$root"
  python3 "$standins_dir/lib/modules.py" kernel "$root" "$kernel" --builtin "$builtin"
  chroot "$root" depmod -a "$kernel" 2>/dev/null
  configure_el "$root" "$([ "$el_id" = centos ] && echo enforcing || echo permissive)"
  stub_initramfs "$root" "$kernel"
  install_inventory "$root" 0 "$kernel"
  chroot "$root" /sbin/ldconfig
  write_el_boot "$root" "$kernel" /boot "$uuid" hd0,msdos1 \
    "root=UUID=$uuid ro console=tty1 console=ttyS0 earlyprintk=ttyS0 rootdelay=300"
  echo "UUID=$uuid / ext4 defaults 1 1" >"$root/etc/fstab"
}

assemble_disk() {
  local disk=$scratch/disk.raw
  truncate -s "${disk_mib}M" "$disk"
  printf 'label: dos\nlabel-id: 0x%s\n1: start=2048, size=%s, type=83, bootable\n' "${uuid:0:8}" $(((disk_mib - 2) * 2048)) |
    sfdisk -q "$disk"
  make_ext4 "$root" "$scratch/root.img" $((disk_mib - 2)) "$uuid" root
  place "$scratch/root.img" "$disk" 2048
  to_fixed_vhd "$disk" "$vhd"
}

main() {
  local key digest
  [ $# -ge 1 ] || die "usage: light-guest.sh RELEASE [OUT [KERNEL [BUILTIN]]]"
  release=$1 builtin=${4:-}
  out=$(readlink -m "${2:-$default_out}")
  as_root "$self" "$release" "$out" "${@:3}"
  if [[ $release = ubuntu* ]]; then
    kernel=$(ga_kernel "$release")
  else
    describe_el "$release"
    kernel=$el_kernel
  fi
  kernel=${3:-$kernel}
  vhd=$out/light/$release${3:++$3}${4:++$4}.vhd
  key=$(content_key light-guest.sh lib/bundle_names.sh lib/reversion.sh "${el_sources[@]}" "$release" "$kernel" "$builtin")
  digest=$(printf '%s' "$release $kernel $builtin" | sha256sum)
  uuid=${digest:0:8}-${digest:8:4}-4${digest:13:3}-8${digest:17:3}-${digest:20:12}
  lock_out "$out" "light-$release"
  mkdir -p "$out/light"
  if ! is_cached "$vhd" "$key"; then
    log "building $vhd"
    make_scratch "$out"
    use_signing_key "$out"
    root=$scratch/root
    if [[ $release = ubuntu* ]]; then build_ubuntu; else build_el; fi
    assemble_disk
    hand_over "$out/light"
    mark_cached "$vhd" "$key"
  fi
  printf '%s\n' "$vhd"
}

main "$@"
