# shellcheck shell=bash
# The Debian userland that both guest families start from. Needs lib/common.sh.
# shellcheck disable=SC2034  # debian_rootfs reads the lists by name

# What Ubuntu's Azure image has and the vendor's packages ask for; everything genuine Debian 12.
deb_guest_packages=(
  systemd systemd-sysv udev kmod initramfs-tools lz4 zstd linux-image-cloud-amd64 grub2-common
  waagent openssh-server iproute2 net-tools e2fsprogs xz-utils login procps pciutils lsof
  libnl-3-200 libnl-route-3-200 perl python3-minimal ca-certificates lsb-base adduser
)

# The RPM guest: Debian's own rpm and dracut on Debian's libraries; dpkg is taken out afterwards.
rpm_guest_packages=(
  systemd systemd-sysv udev kmod dracut-core rpm cpio xz-utils gzip zstd
  policycoreutils iproute2 net-tools login procps pciutils lsof e2fsprogs xfsprogs
  openssh-server perl-base python3-minimal
)

# debian_rootfs FAMILY OUT: makes OUT/cache/FAMILY-rootfs.tar once and prints its path.
debian_rootfs() {
  local family=$1 out=$2 tarball key include logfile
  local -n packages="${family}_guest_packages"
  tarball=$out/cache/$family-rootfs.tar
  key=$(content_key lib/deb_rootfs.sh "$family")
  exec 7>"$out/cache/.lock-$family-rootfs"
  flock 7
  if ! is_cached "$tarball" "$key"; then
    log "building the Debian userland of the $family guest"
    include=$(IFS=, && echo "${packages[*]}")
    logfile=$out/cache/mmdebstrap-$family.log
    # shellcheck disable=SC2016  # "$1" is mmdebstrap's
    debian_sources | run_quietly "$logfile" mmdebstrap --mode=root --variant=minbase --include="$include" \
      --aptopt='APT::Install-Recommends "false"' \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
      --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" && printf "MODULES=list\nCOMPRESS=lz4\n" >"$1/etc/initramfs-tools/conf.d/image" && printf "%s\n" ext4 sd_mod ata_piix ahci virtio_pci virtio_blk virtio_scsi hv_vmbus hv_storvsc hv_netvsc >>"$1/etc/initramfs-tools/modules"' \
      --customize-hook='rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/apt/apt.conf.d/99mmdebstrap' \
      bookworm "$tarball.partial.tar" - 7>&- 9>&- # apt hands its hooks a descriptor; dash knows only those below 10
    mv "$tarball.partial.tar" "$tarball"
    mark_cached "$tarball" "$key"
  fi
  exec 7>&-
  printf '%s\n' "$tarball"
}
