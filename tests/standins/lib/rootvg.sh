# shellcheck shell=bash
# The disk layout of RHEL's gallery images on Azure: GPT, ESP (1), /boot on XFS (2), BIOS boot (3), and a volume group rootvg
# (4) whose logical volumes are XFS file systems: rootlv, usrlv, varlv, homelv, tmplv and, by release, optlv or crashlv.
# Needs lib/common.sh, lib/disk.sh, $scratch. Only the appliance has a device mapper; it is started once for each disk.
#
# The caller sets:
#   volumes    an array of "NAME MOUNT_POINT MIB", the root first; each size is a multiple of 4 (MiB)
#   disk_tag   8 hexadecimal digits; every identifier of the disk follows from them
#   boot_mib   size of /boot

esp_mib=100
pe_mib=4 # an extent of LVM

boot_uuid() { printf '%s-0b00-4000-8000-0000%s\n' "$disk_tag" "$disk_tag"; }
esp_source() { printf 'UUID=%s-%s\n' "${disk_tag:0:4}" "${disk_tag:4}"; }
volume_uuid() { printf '%s-%04x-4000-8000-0000%s\n' "$disk_tag" "$1" "$disk_tag"; }

# write_rootvg_fstab ROOT: the root comes after what is below it, as on Azure's images.
write_rootvg_fstab() {
  local volume name point size
  {
    for volume in "${volumes[@]:1}" "${volumes[0]}"; do
      read -r name point size <<<"$volume"
      echo "/dev/mapper/rootvg-$name $point xfs defaults 0 0"
    done
    echo "UUID=$(boot_uuid) /boot xfs defaults 0 0"
    echo "$(esp_source) /boot/efi vfat defaults,uid=0,gid=0,umask=0077,shortname=winnt 0 0"
  } >"$1/etc/fstab"
}

# split_off ROOT PLACE TARGET: moves the content of a directory to TARGET and leaves an empty mount point of the same mode.
split_off() {
  local mode
  mkdir -p "$1$2"
  mode=$(stat -c %a "$1$2")
  mv "$1$2" "$3"
  mkdir -m "$mode" "$1$2"
}

# build_volumes ROOT: one image file for /boot, the ESP and each logical volume; $scratch/sticky lists the directories that
# need a sticky bit, with their path in the guest.
build_volumes() {
  local root=$1 number name point size directory
  mkdir -p "$root/boot/efi" "$scratch/esp/EFI/$el_id" "$scratch/esp/EFI/BOOT" "$scratch/parts"
  echo "stand-in for the boot loader" | tee "$scratch/esp/EFI/BOOT/BOOTX64.EFI" >"$scratch/esp/EFI/$el_id/shimx64.efi"
  # shellcheck disable=SC2016  # GRUB expands it
  printf 'search --no-floppy --fs-uuid --set=dev %s\nset prefix=($dev)/grub2\nexport $prefix\nconfigfile $prefix/grub.cfg\n' \
    "$(boot_uuid)" >"$scratch/esp/EFI/$el_id/grub.cfg"
  make_esp "$scratch/esp" "$scratch/esp.img" "$esp_mib" "$disk_tag"
  split_off "$root" /boot "$scratch/parts/boot"
  make_xfs "$scratch/parts/boot" "$scratch/boot.img" "$boot_mib" "$(boot_uuid)" boot
  for ((number = ${#volumes[@]} - 1; number >= 0; number--)); do
    read -r name point size <<<"${volumes[number]}"
    directory=$root
    if [ "$point" != / ]; then
      directory=$scratch/parts/$name
      split_off "$root" "$point" "$directory"
    fi
    make_xfs "$directory" "$scratch/$name.img" "$size" "$(volume_uuid "$number")" "${name%lv}"
    sed "s|^/|${point%/}/|" "$scratch/$name.img.sticky" >>"$scratch/sticky"
    rm -rf --one-file-system "$directory"
  done
}

# make_rootvg_disk VHD [COMMAND…]: the file systems go where the extents of their logical volumes will be; then the appliance
# makes the volumes around them without touching their blocks. COMMANDs are guestfish's, given with every file system mounted.
make_rootvg_disk() {
  local vhd=$1 disk=$scratch/disk.raw boot_start bios_start volume_start extent=0 extents=0 volume name point size uuid
  local commands=() mounts=()
  shift
  for volume in "${volumes[@]}"; do
    read -r name point size <<<"$volume"
    extents=$((extents + size / pe_mib))
  done
  boot_start=$(((1 + esp_mib) * 2048))
  bios_start=$((boot_start + boot_mib * 2048))
  volume_start=$((bios_start + 2 * 2048))
  uuid=${disk_tag^^}-0000-4000-8000-0000000000
  # 1 MiB before the extents is LVM's own; 1 MiB at the end is for the second partition table.
  truncate -s "$((volume_start / 2048 + 1 + extents * pe_mib + 1))M" "$disk"
  sfdisk -q "$disk" <<-END
	label: gpt
	label-id: ${uuid}77
	1: start=2048, size=$((esp_mib * 2048)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=${uuid}01
	2: start=$boot_start, size=$((boot_mib * 2048)), type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=${uuid}02
	3: start=$bios_start, size=4096, type=21686148-6449-6E6F-744E-656564454649, uuid=${uuid}03
	4: start=$volume_start, size=$(((1 + extents * pe_mib) * 2048)), type=E6D6D379-F507-44C2-A23C-238F2A3DF928, uuid=${uuid}04
	END
  place "$scratch/esp.img" "$disk" 2048
  place "$scratch/boot.img" "$disk" "$boot_start"
  for volume in "${volumes[@]}"; do
    read -r name point size <<<"$volume"
    place "$scratch/$name.img" "$disk" $((volume_start + 2048 + extent * pe_mib * 2048))
    rm "$scratch/$name.img"
    # From the first free extent on: the volume group has one physical volume. It is not named here: a command of the
    # appliance's own shell may know the disk by another name than guestfish (libguestfs, device name translation). A volume
    # in another place than its content does not mount below.
    commands+=("debug sh \"lvm lvcreate --yes --zero n --wipesignatures n --alloc contiguous --extents $((size / pe_mib)) --name $name rootvg\"")
    mounts+=("mount /dev/rootvg/$name $point")
    extent=$((extent + size / pe_mib))
  done
  log "making the volume group in the appliance"
  {
    printf '%s\n' run 'pvcreate /dev/sda4' 'vgcreate rootvg /dev/sda4' "${commands[@]}" "${mounts[@]}" 'mount /dev/sda2 /boot'
    sed 's/^/chmod 01777 /' "$scratch/sticky"
    printf '%s\n' "$@" umount-all
  } >"$scratch/guestfish.commands"
  run_quietly "$scratch/guestfish.log" guestfish --format=raw -a "$disk" -f "$scratch/guestfish.commands"
  to_fixed_vhd "$disk" "$vhd"
}
