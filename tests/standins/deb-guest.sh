#!/usr/bin/env bash
# deb-guest.sh [OUT [RELEASE]]: OUT/ubuntu-RELEASE.vhd, a real Debian 12 userland whose os-release says Ubuntu 20.04 (or 22.04,
# 24.04), laid out as Azure's Ubuntu images are: GPT, root (1), BIOS boot (14), ESP (15). From 24.04 on, its modules are .ko.zst.
# Also OUT/ubuntu-RELEASE.kernel (the release of the kernel that boots), and .vmlinuz and .initrd for a direct boot. Prints the
# path of the VHD.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/disk.sh"
source "$standins_dir/lib/deb_rootfs.sh"
source "$standins_dir/lib/reversion.sh"
source "$standins_dir/lib/deb_config.sh"

root_uuid=3f2a1c1e-20a4-4c0d-8a52-0ba5ec0de204
esp_id=20A4EF15
disk_mib=2560
esp_mib=106

# compress_modules ROOT KERNEL: as Ubuntu from 24.04 on ships them.
compress_modules() {
  find "$1/lib/modules/$2" -name '*.ko' -exec zstd -q -1 --rm {} +
  chroot "$1" depmod -a "$2"
}

assemble_disk() {
  local disk=$scratch/disk.raw root_start=227328 end
  end=$((disk_mib * 2048 - 34))
  truncate -s "${disk_mib}M" "$disk"
  sfdisk -q "$disk" <<-END
	label: gpt
	label-id: 20A420A4-0000-4000-8000-000000002004
	first-lba: 34
	 1: start=$root_start, size=$(((end - root_start) / 2048 * 2048)), type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=20A420A4-0000-4000-8000-000000000001
	14: start=2048, size=8192, type=21686148-6449-6E6F-744E-656564454649, uuid=20A420A4-0000-4000-8000-000000000014
	15: start=10240, size=$((esp_mib * 2048)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=20A420A4-0000-4000-8000-000000000015
	END
  make_ext4 "$root" "$scratch/root.img" $(((end - root_start) / 2048)) "$root_uuid" cloudimg-rootfs
  make_esp "$scratch/esp" "$scratch/esp.img" "$esp_mib" "$esp_id"
  place "$scratch/root.img" "$disk" "$root_start"
  place "$scratch/esp.img" "$disk" 10240
  to_fixed_vhd "$disk" "$vhd"
}

main() {
  local key kernel rootfs release=${2:-20.04}
  declare -A names=([20.04]="Focal Fossa" [22.04]="Jammy Jellyfish" [24.04]="Noble Numbat")
  [ -n "${names[$release]:-}" ] || die "usage: deb-guest.sh [OUT [20.04|22.04|24.04]]"
  [ "$release" = 20.04 ] || disk_mib=3072 # room for a compiler
  out=$(readlink -m "${1:-$default_out}")
  as_root "$self" "$out" "$release"
  vhd=$out/ubuntu-$release.vhd
  key=$(content_key deb-guest.sh lib/common.sh lib/disk.sh lib/deb_rootfs.sh lib/reversion.sh lib/deb_config.sh "$release")
  lock_out "$out" "deb-guest-$release"
  if ! is_cached "$vhd" "$key"; then
    make_scratch "$out"
    root=$scratch/root
    rootfs=$(debian_rootfs deb "$out")
    log "building $vhd"
    mkdir "$root" && tar -C "$root" --numeric-owner --xattrs -xf "$rootfs"
    kernel=$(ls "$root/lib/modules")
    install_inbox_rdma "$root" "$release"
    [ "$release" != 24.04 ] || compress_modules "$root" "$kernel"
    write_ubuntu_identity "$root" "$release" "${names[$release]}"
    write_ubuntu_boot "$root" "$kernel" "$root_uuid" "UUID=${esp_id:0:4}-${esp_id:4}"
    write_waagent_conf "$root/etc/waagent.conf"
    set_agent_version "$root" "2.12.0.4-0ubuntu0~$release.1"
    write_traces "$root"
    write_provisioning "$root"
    write_ubuntu_esp "$scratch/esp" "$root_uuid"
    assemble_disk
    cp -f "$root/boot/vmlinuz-$kernel" "$out/ubuntu-$release.vmlinuz"
    cp -f "$root/boot/initrd.img-$kernel" "$out/ubuntu-$release.initrd"
    printf '%s\n' "$kernel" >"$out/ubuntu-$release.kernel"
    hand_over "$out/ubuntu-$release".*
    mark_cached "$vhd" "$key"
  fi
  printf '%s\n' "$vhd"
}

main "$@"
