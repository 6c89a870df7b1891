# shellcheck shell=bash
# Builds disk images on the host without mounts, loop devices or an appliance. Needs lib/common.sh.

mib=1048576

# make_ext4 DIRECTORY IMAGE MIB UUID LABEL [OPTION…]: an ext4 file system with the content of the directory, its owners and modes;
# OPTIONs are mke2fs's.
make_ext4() {
  rm -f "$2"
  truncate -s "${3}M" "$2"
  mke2fs -q -t ext4 -d "$1" -U "$4" -L "$5" -E "hash_seed=$4,lazy_itable_init=1" "${@:6}" "$2"
}

# make_esp DIRECTORY IMAGE MIB VOLUME_ID: an EFI system partition with the directory's content.
make_esp() {
  rm -f "$2"
  truncate -s "${3}M" "$2"
  mkfs.vfat -n UEFI -i "$4" "$2" >/dev/null
  MTOOLS_SKIP_CHECK=1 mcopy -s -Q -i "$2" "$1"/* ::
}

# place IMAGE DISK SECTOR: copies a partition's content to its place, leaving holes where there are zeros.
place() { dd if="$1" of="$2" bs=$mib seek=$(($3 * 512)) oflag=seek_bytes conv=sparse,notrunc status=none; }

# to_fixed_vhd RAW VHD: appends the 512-byte footer; holes stay holes.
to_fixed_vhd() {
  local partial=$2.partial
  qemu-img convert -q -f raw -O vpc -o subformat=fixed,force_size=on "$1" "$partial"
  mv "$partial" "$2"
}

# write_grubenv FILE LINE…: GRUB's environment block is exactly 1024 bytes, filled with '#'.
write_grubenv() {
  local file=$1
  shift
  mkdir -p "$(dirname "$file")"
  { printf '# GRUB Environment Block\n' && printf '%s\n' "$@" && printf '#%.0s' {1..1024}; } | head -c 1024 >"$file"
}

# make_xfs DIRECTORY IMAGE MIB UUID LABEL: an XFS file system with EL7's features and the directory's content. Directories that
# need a sticky bit are listed in IMAGE.sticky.
make_xfs() {
  rm -f "$2"
  truncate -s "${3}M" "$2"
  python3 "$standins_dir/lib/xfs_proto.py" "$1" >"$2.proto" 2>"$2.sticky" || die "$(tail -n 1 "$2.sticky")"
  mkfs.xfs -q -m "uuid=$4,crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0" -L "$5" -p "$2.proto" "$2"
}
