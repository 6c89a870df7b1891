#!/usr/bin/env bash
# el7-guest.sh [OUT [RELEASE]]: OUT/centos-7.9.vhd, the genuine CentOS 7 userland (rpm 4.11.3, Berkeley DB database, dracut 033,
# weak-modules) on the disk layout of RHEL's gallery images (lib/rootvg.sh). RELEASE, centos or rhel 7.4 to 7.9, makes
# OUT/el7/RELEASE.vhd: the same userland with that release's names and kernel, on an MBR disk with one ext4 partition. The
# packages come from the directory $EL7_RPMS, or else from the one that the test machines keep next to the checkout; without
# them the script ends with exit status 3 and says so.
# Stand-ins: the kernels, and what is absent from that directory (see README.md). As on an Azure image, the kernel that boots
# in CentOS 7.9 is a later one than a bundle's modules are built for; an older one is there too. Prints the path of the VHD.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/disk.sh"
source "$standins_dir/lib/deb_config.sh"
source "$standins_dir/lib/files.sh"
source "$standins_dir/lib/rpm.sh"
source "$standins_dir/lib/el_release.sh"
source "$standins_dir/lib/el_config.sh"
source "$standins_dir/lib/el_boot.sh"
source "$standins_dir/lib/el_userland.sh"
source "$standins_dir/lib/rootvg.sh"
source "$standins_dir/lib/genuine_el.sh"

disk_mib=2048 # of the guests with one partition
disk_tag=e17e1709
boot_mib=512
volumes=("rootlv / 512" "usrlv /usr 1280" "varlv /var 512" "homelv /home 320" "tmplv /tmp 320" "optlv /opt 320")
modules=${STANDIN_MODULES:-300}

# Packages of the set that ask for versions which the set does not have.
left_out=(systemd-python libgudev1 elfutils-0)

# install_absent: makes the database consistent, and gives dracut the few programs of systemd that it insists on. There is
# no systemctl.
install_absent() {
  local program
  rpm_start
  for program in usr/bin/udevadm usr/lib/systemd/systemd-udevd; do
    printf '#!/bin/sh\n# stand-in\necho 219\n' | put "$scratch/tree/$program" 0755
  done
  for program in reboot poweroff halt; do put_program "$scratch/tree/usr/sbin/$program" "$program"; done
  put "$scratch/tree/etc/udev/udev.conf" 0644 <<<"# stand-in"
  absent systemd 219-78.el7_9.3 "" "Provides: systemd-units = 219-78.el7_9.3" "Provides: udev = 219"
  absent glibc-common 2.17-317.el7
  absent python-libs 2.7.5-89.el7 "libpython2.7.so.1.0()(64bit)"
  absent binutils 2.27-44.base.el7 /usr/bin/nm
  absent vim-minimal 7.4.629-8.el7_9 /usr/bin/vi
  absent groff-base 1.22.2-8.el7
  absent bc 1.06.95-13.el7
  absent yum-plugin-fastestmirror 1.1.31-54.el7_8
  absent lsof 4.87-6.el7
  absent perl 5.16.3-299.el7_9 /usr/bin/perl "Epoch: 4"
  absent WALinuxAgent 2.2.46-1.el7
  absent kernel "${kernels[0]%.x86_64}" "" "Provides: kernel-uname-r = ${kernels[0]}"
  rpm_build "$scratch/absent"
  install_set "$scratch/absent"
}

# rename_release: what the release files of another release than the packages' own say.
rename_release() {
  rm -f "$root"/etc/{centos,redhat,system}-release
  write_el_identity "$root"
}

build_root() {
  local tarball kernel
  tarball=$(genuine_rootfs el7 RPM-GPG-KEY-CentOS-7 --noscripts)
  mkdir "$root"
  tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -xf "$tarball"
  [ "$release" = centos7.9 ] || rename_release
  add_el_kernels "$root" "$([ "$release" = centos7.9 ] && echo "$modules" || echo 0)" "${kernels[@]}"
  install_absent
  for kernel in "${kernels[@]}"; do
    run_quietly "$scratch/dracut.log" chroot "$root" dracut --force --no-hostonly --no-hostonly-cmdline \
      --add-drivers "hv_vmbus hv_netvsc hv_storvsc" "/boot/initramfs-$kernel.img" "$kernel"
  done
  write_waagent_conf "$root/etc/waagent.conf"
  printf '%s\n' "${release/./}" >"$root/etc/hostname"
  write_traces "$root"
  write_provisioning "$root"
  write_el_selinux "$root" permissive
  printf 'installonly_limit=5' >>"$root/etc/yum.conf" # the last line has no newline
  write_layout
  rm -rf "${root:?}"/dev/* "$root"/var/lib/rpm/__db.* "$root"/tmp/* "$root"/var/tmp/*
}

# write_layout: what depends on the disk's layout.
write_layout() {
  local arguments="ro console=tty1 console=ttyS0 earlyprintk=ttyS0 rootdelay=300"
  if [ "$release" = centos7.9 ]; then
    write_el_boot "$root" "${kernels[0]}" "" "$(boot_uuid)" hd0,gpt2 "root=/dev/mapper/rootvg-rootlv $arguments"
    write_rootvg_fstab "$root"
  else
    write_el_boot "$root" "${kernels[0]}" /boot "$root_uuid" hd0,msdos1 "root=UUID=$root_uuid $arguments"
    echo "UUID=$root_uuid / ext4 defaults 1 1" >"$root/etc/fstab"
  fi
}

assemble_disk() {
  local disk=$scratch/disk.raw
  truncate -s "${disk_mib}M" "$disk"
  sfdisk -q "$disk" <<-END
	label: dos
	label-id: 0xe17e1700
	1: start=2048, size=$(((disk_mib - 2) * 2048)), type=83, bootable
	END
  # features that EL7's kernel and e2fsprogs know
  make_ext4 "$root" "$scratch/root.img" $((disk_mib - 2)) "$root_uuid" root -O '^metadata_csum,^64bit'
  place "$scratch/root.img" "$disk" 2048
  to_fixed_vhd "$disk" "$vhd"
}

main() {
  local key digest
  packages=${EL7_RPMS:-$(find_next_to_project el7-rpms)}
  [ -e "$packages/SHA256SUMS" ] || {
    log "NO GENUINE EL7 GUEST: the CentOS 7 packages are not here; name their directory in EL7_RPMS"
    exit 3
  }
  out=$(readlink -m "${1:-$default_out}")
  release=${2:-centos7.9}
  as_root env EL7_RPMS="$packages" STANDIN_MODULES="$modules" "$self" "$out" "$release"
  describe_el "$release"
  [ "$el_major" = 7 ] || die "not an EL7 release: '$release'"
  vhd=$out/centos-7.9.vhd
  kernels=("$el_kernel") # the first one boots
  [ "$release" != centos7.9 ] || kernels=(3.10.0-1160.76.1.el7.x86_64 3.10.0-1160.71.1.el7.x86_64)
  [ -z "${2:-}" ] || [ "$release" = centos7.9 ] || vhd=$out/el7/$release.vhd
  key=$(content_key el7-guest.sh lib/genuine_el.sh lib/rootvg.sh lib/xfs_proto.py "${el_sources[@]}" "$(cat "$packages/SHA256SUMS")" "$release" "$modules")
  digest=$(printf 'el7 %s' "$release" | sha256sum)
  root_uuid=${digest:0:8}-${digest:8:4}-4${digest:13:3}-8${digest:17:3}-${digest:20:12}
  lock_out "$out" "el7-$release"
  mkdir -p "$(dirname "$vhd")"
  if ! is_cached "$vhd" "$key"; then
    log "building $vhd from $packages"
    make_scratch "$out"
    root=$scratch/root
    build_root
    if [ "$release" = centos7.9 ]; then
      build_volumes "$root"
      make_rootvg_disk "$vhd"
    else
      assemble_disk
    fi
    mark_cached "$vhd" "$key"
  fi
  printf '%s\n' "$vhd"
}

main "$@"
