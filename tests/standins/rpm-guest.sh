#!/usr/bin/env bash
# rpm-guest.sh [OUT]: OUT/centos-7.7.vhd, an rpm-only userland (Debian's programs, its own real rpm and database) whose
# release files say CentOS 7.7, laid out as Azure's generation 2 images: GPT, ESP (1), /boot on XFS (2), BIOS boot (3),
# LVM with an XFS root (4). Logical volumes need a device mapper, so this one starts the libguestfs appliance, once.
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
source "$standins_dir/lib/el_packages.sh"
source "$standins_dir/lib/el_userland.sh"

newer_kernel=3.10.0-1062.9.1.el7.x86_64 # installed too, but not the one that boots
root_uuid=7c77a1e0-1062-4e17-9d7e-c7a1e0710620
boot_uuid=7c77a1e0-1062-4e17-9d7e-c7a1e0710b00
esp_id=C7777707
disk_mib=3072
esp_mib=100
boot_mib=512

# Sectors: ESP, /boot and BIOS boot one after the other from 1 MiB; the physical volume takes the rest.
boot_start=$(((1 + esp_mib) * 2048))
bios_start=$((boot_start + boot_mib * 2048))
volume_start=$((bios_start + 2 * 2048))
root_mib=$(((disk_mib - 1 - volume_start / 2048 - 1) / 4 * 4)) # whole extents of 4 MiB after 1 MiB of LVM's own data

build_root() {
  local kernel
  unpack_el_userland "$root"
  add_el_kernels "$root" "$el_kernel" "$newer_kernel"
  configure_el "$root" enforcing
  for kernel in "$el_kernel" "$newer_kernel"; do
    run_quietly "$scratch/dracut.log" chroot "$root" dracut --force --no-hostonly --no-hostonly-cmdline "/boot/initramfs-$kernel.img" "$kernel"
    chmod 600 "$root/boot/initramfs-$kernel.img"
  done
  install_inventory "$root" "$el_kernel" "$newer_kernel"
  chroot "$root" /sbin/ldconfig
  mkdir -p "$root/boot/efi" "$root/etc/systemd/system/sysinit.target.wants"
  write_el_boot "$root" "$el_kernel" "" \
    "root=/dev/mapper/rootvg-rootlv ro rd.lvm.lv=rootvg/rootlv console=tty1 console=ttyS0 earlyprintk=ttyS0 rootdelay=300 scsi_mod.use_blk_mq=y"
  cat >"$root/etc/fstab" <<-END
	/dev/mapper/rootvg-rootlv / xfs defaults 0 0
	UUID=$boot_uuid /boot xfs defaults 0 0
	UUID=${esp_id:0:4}-${esp_id:4} /boot/efi vfat defaults,uid=0,gid=0,umask=0077,shortname=winnt 0 0
	END
}

build_file_systems() {
  mv "$root/boot" "$scratch/boot"
  mkdir "$root/boot"
  mkdir -p "$scratch/esp/EFI/centos" "$scratch/esp/EFI/BOOT"
  echo "stand-in for the boot loader" | tee "$scratch/esp/EFI/BOOT/BOOTX64.EFI" >"$scratch/esp/EFI/centos/shimx64.efi"
  # shellcheck disable=SC2016  # GRUB expands it
  printf 'search --no-floppy --fs-uuid --set=dev %s\nset prefix=($dev)/grub2\nconfigfile $prefix/grub.cfg\n' "$boot_uuid" \
    >"$scratch/esp/EFI/centos/grub.cfg"
  make_esp "$scratch/esp" "$scratch/esp.img" "$esp_mib" "$esp_id"
  make_xfs "$scratch/boot" "$scratch/boot.img" "$boot_mib" "$boot_uuid" boot
  make_xfs "$root" "$scratch/root.img" "$root_mib" "$root_uuid" root
}

# assemble_disk: the root file system goes where the first extent of the only logical volume will be; then the appliance
# makes the volume around it without touching its blocks, and sets the bits that a prototype cannot express.
assemble_disk() {
  local disk=$scratch/disk.raw
  truncate -s "${disk_mib}M" "$disk"
  sfdisk -q "$disk" <<-END
	label: gpt
	label-id: C7777700-0000-4000-8000-000000000077
	1: start=2048, size=$((esp_mib * 2048)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=C7777700-0000-4000-8000-000000000001
	2: start=$boot_start, size=$((boot_mib * 2048)), type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=C7777700-0000-4000-8000-000000000002
	3: start=$bios_start, size=4096, type=21686148-6449-6E6F-744E-656564454649, uuid=C7777700-0000-4000-8000-000000000003
	4: start=$volume_start, size=$(((root_mib + 1) * 2048)), type=E6D6D379-F507-44C2-A23C-238F2A3DF928, uuid=C7777700-0000-4000-8000-000000000004
	END
  place "$scratch/esp.img" "$disk" 2048
  place "$scratch/boot.img" "$disk" "$boot_start"
  place "$scratch/root.img" "$disk" $((volume_start + 2048))
  log "making the volume group in the appliance"
  # emulated unless told otherwise: a few seconds more, but it works where /dev/kvm opens and then hangs
  export LIBGUESTFS_BACKEND=${LIBGUESTFS_BACKEND:-direct} LIBGUESTFS_BACKEND_SETTINGS=${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}
  {
    printf '%s\n' run 'pvcreate /dev/sda4' 'vgcreate rootvg /dev/sda4' \
      'debug sh "lvm lvcreate --yes --zero n --wipesignatures n --extents 100%FREE --name rootlv rootvg"' \
      'mount /dev/rootvg/rootlv /'
    sed 's/^/chmod 01777 /' "$scratch/root.img.sticky"
    printf '%s\n' umount-all
  } | run_quietly "$scratch/guestfish.log" guestfish --format=raw -a "$disk"
  to_fixed_vhd "$disk" "$vhd"
}

main() {
  local key
  out=$(readlink -m "${1:-$default_out}")
  as_root "$self" "$out"
  describe_el centos7.7
  vhd=$out/centos-7.7.vhd
  key=$(content_key rpm-guest.sh lib/xfs_proto.py "${el_sources[@]}")
  lock_out "$out" rpm-guest
  if ! is_cached "$vhd" "$key"; then
    log "building $vhd"
    make_scratch "$out"
    use_signing_key "$out"
    root=$scratch/root
    build_root
    build_file_systems
    assemble_disk
    mark_cached "$vhd" "$key"
  fi
  printf '%s\n' "$vhd"
}

main "$@"
