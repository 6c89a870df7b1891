#!/usr/bin/env bash
# rpm-guest.sh [OUT]: OUT/centos-7.7.vhd, an rpm-only userland (Debian's programs, its own real rpm and database) whose
# release files say CentOS 7.7, laid out as RHEL's gallery images on Azure (lib/rootvg.sh), with as many modules and packages
# as a genuine image has: $STANDIN_MODULES further modules in each of two kernels, $STANDIN_PACKAGES further packages.
# Prints the path of the VHD.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/disk.sh"
source "$standins_dir/lib/deb_rootfs.sh"
source "$standins_dir/lib/deb_config.sh"
source "$standins_dir/lib/signing.sh"
source "$standins_dir/lib/files.sh"
source "$standins_dir/lib/rpm.sh"
source "$standins_dir/lib/el_release.sh"
source "$standins_dir/lib/el_config.sh"
source "$standins_dir/lib/el_boot.sh"
source "$standins_dir/lib/el_packages.sh"
source "$standins_dir/lib/el_userland.sh"
source "$standins_dir/lib/rootvg.sh"

newer_kernel=3.10.0-1062.9.1.el7.x86_64 # installed too, but not the one that boots
disk_tag=c7777707
boot_mib=512
volumes=("rootlv / 512" "usrlv /usr 1280" "varlv /var 512" "homelv /home 320" "tmplv /tmp 320" "optlv /opt 320")
modules=${STANDIN_MODULES:-600}
packages=${STANDIN_PACKAGES:-400}

# Labels that the guest has before it is baked: a customized type, which relabelling must keep, and a wrong one, which it
# must correct.
labels=("setxattr security.selinux system_u:object_r:httpd_sys_content_t:s0 40 /opt/site/share/index.html"
  "setxattr security.selinux system_u:object_r:default_t:s0 30 /opt/site/bin/site-report")

build_root() {
  local kernel
  unpack_el_userland "$root"
  add_el_kernels "$root" "$modules" "$el_kernel" "$newer_kernel"
  configure_el "$root" enforcing
  for kernel in "$el_kernel" "$newer_kernel"; do
    run_quietly "$scratch/dracut.log" chroot "$root" dracut --force --no-hostonly --no-hostonly-cmdline "/boot/initramfs-$kernel.img" "$kernel"
    chmod 600 "$root/boot/initramfs-$kernel.img"
  done
  install_inventory "$root" "$packages" "$el_kernel" "$newer_kernel"
  chroot "$root" /sbin/ldconfig
  mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
  write_el_boot "$root" "$el_kernel" "" "$(boot_uuid)" hd0,gpt2 \
    "root=/dev/mapper/rootvg-rootlv ro console=tty1 console=ttyS0 earlyprintk=ttyS0 rootdelay=300 scsi_mod.use_blk_mq=y"
  write_rootvg_fstab "$root"
}

main() {
  local key
  out=$(readlink -m "${1:-$default_out}")
  as_root env STANDIN_MODULES="$modules" STANDIN_PACKAGES="$packages" "$self" "$out"
  describe_el centos7.7
  vhd=$out/centos-7.7.vhd
  key=$(content_key rpm-guest.sh lib/xfs_proto.py lib/rootvg.sh "${el_sources[@]}" "$modules" "$packages")
  lock_out "$out" rpm-guest
  if ! is_cached "$vhd" "$key"; then
    log "building $vhd"
    make_scratch "$out"
    use_signing_key "$out"
    root=$scratch/root
    build_root
    build_volumes "$root"
    make_rootvg_disk "$vhd" "${labels[@]}"
    mark_cached "$vhd" "$key"
  fi
  printf '%s\n' "$vhd"
}

main "$@"
