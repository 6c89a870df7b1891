# shellcheck shell=bash
# The userland of the EL guests: Debian's programs, an rpm database, EL's configuration. Needs the other el_*.sh,
# lib/deb_rootfs.sh, lib/rpm.sh, lib/signing.sh.

el_sources=(lib/common.sh lib/disk.sh lib/deb_rootfs.sh lib/deb_config.sh lib/signing.sh lib/files.sh lib/rpm.sh
  lib/modules.py lib/el_release.sh lib/el_config.sh lib/el_boot.sh lib/el_packages.sh lib/el_userland.sh)

# unpack_el_userland ROOT: an rpm-only userland; nothing of dpkg and apt is left.
unpack_el_userland() {
  local root=$1 tarball
  tarball=$(debian_rootfs rpm "$out")
  mkdir -p "$root"
  tar -C "$root" --numeric-owner --xattrs -xf "$tarball"
  rm -rf "$root"/{var/lib/{dpkg,apt},var/cache/{apt,debconf},etc/{apt,dpkg,debian_version,kernel},usr/lib/{apt,dpkg}} \
    "$root"/usr/{bin,sbin}/{dpkg*,apt*,debconf*,update-alternatives} "$root"/usr/share/{doc,man,locale,perl5/Debconf}
  mkdir -p "$root/etc/rpm" "$root/usr/lib64" "$root/etc/ld.so.conf.d" "$root/usr/libexec"
  echo '%_dbpath /var/lib/rpm' >"$root/etc/rpm/macros"
  echo /usr/lib64 >"$root/etc/ld.so.conf.d/lib64.conf"
  mkdir -p "$root/etc/depmod.d"
  echo 'search updates extra built-in weak-updates' >"$root/etc/depmod.d/dist.conf"
  write_weak_modules "$root/usr/sbin/weak-modules"
  add_grub_editenv "$root"
}

# add_grub_editenv ROOT: Debian's program under EL's name.
add_grub_editenv() {
  fetch_debs "$out/cache/debs" grub-common
  dpkg-deb --fsys-tarfile "$out/cache/debs"/grub-common_*.deb | tar -xO ./usr/bin/grub-editenv >"$1/usr/bin/grub2-editenv"
  chmod 755 "$1/usr/bin/grub2-editenv"
}

# add_el_kernels ROOT FILL KERNEL…: stand-in kernels without an initramfs, each with FILL modules that no driver needs.
add_el_kernels() {
  local root=$1 fill=$2 kernel
  shift 2
  for kernel in "$@"; do
    python3 "$standins_dir/lib/modules.py" kernel "$root" "$kernel" --fill "$fill"
    chroot "$root" depmod -a "$kernel" 2>/dev/null
  done
}

# configure_el ROOT SELINUX_MODE: everything below /etc that does not depend on the disk's layout.
configure_el() {
  local root=$1
  write_el_identity "$root"
  write_el_packaging "$root"
  write_el_selinux "$root" "$2"
  write_waagent_conf "$root/etc/waagent.conf"
  sed -i 's/^# OS.EnableRDMA=y/# OS.EnableRDMA=n/' "$root/etc/waagent.conf"
  write_traces "$root"
  mkdir -p "$root/etc/dracut.conf.d" "$root/usr/lib/systemd/system"
  echo 'add_drivers+=" hv_vmbus hv_netvsc hv_storvsc "' >"$root/etc/dracut.conf.d/azure.conf"
  printf '[Unit]\nDescription=Azure Linux Agent (stand-in)\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' \
    >"$root/usr/lib/systemd/system/waagent.service"
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -s /usr/lib/systemd/system/waagent.service "$root/etc/systemd/system/multi-user.target.wants/"
}

# stub_initramfs ROOT KERNEL…: an archive with nothing of use in it, where time matters more.
stub_initramfs() {
  local root=$1 kernel
  shift
  for kernel in "$@"; do
    (cd "$root/etc" && echo hostname | cpio -o -H newc --quiet | gzip -9n) >"$root/boot/initramfs-$kernel.img"
  done
}
