#!/usr/bin/env bash
# el8-guest.sh [OUT]: OUT/rhel-8.3.vhd, a genuine Enterprise Linux 8 userland (rpm 4.14.3, Berkeley DB database, dracut 049, kmod 25,
# systemd 239, grubby) on the disk layout of RHEL's gallery images (lib/rootvg.sh), with the names and two kernels of RHEL 8.3.
# Also OUT/rhel-8.3.facts/, from which bundle.sh makes a bundle that fits its default kernel. The packages come from the
# directory $EL8_RPMS, or else from the one that the test machines keep next to the checkout; without them the script ends with
# exit status 3 and says so.
# The kernels' symvers and two modules of each are genuine where genuine-kabi is next to the packages; the other modules are
# stand-ins. $EL8_TREE may name a directory with usr/lib/modules, usr/sbin/setfiles and etc/selinux of a genuine machine: then
# every module, setfiles and the policy are genuine, and the guest is enforcing and labelled. Prints the path of the VHD.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/disk.sh"
source "$standins_dir/lib/deb_config.sh"
source "$standins_dir/lib/files.sh"
source "$standins_dir/lib/rpm.sh"
source "$standins_dir/lib/el_release.sh"
source "$standins_dir/lib/el_config.sh"
source "$standins_dir/lib/el_boot.sh"
source "$standins_dir/lib/el_packages.sh"
source "$standins_dir/lib/el_userland.sh"
source "$standins_dir/lib/rootvg.sh"
source "$standins_dir/lib/genuine_el.sh"

disk_tag=e18e1803
boot_mib=512
volumes=("rootlv / 512" "usrlv /usr 1536" "varlv /var 512" "homelv /home 320" "tmplv /tmp 320" "crashlv /var/crash 320")
kernels=(4.18.0-240.15.1.el8_3.x86_64 4.18.0-240.1.1.el8_3.x86_64) # the first one boots
modules=${STANDIN_MODULES:-2200}
fill=${STANDIN_PACKAGES:-300}
left_out=()
unlabelled_file=/usr/bin/true # a file of the base that has no SELinux label

# add_kernel KERNEL: the files of a kernel package, genuine as far as there are genuine ones.
add_kernel() {
  local kernel=$1 options=() place module
  [ ! -e "$kabi/symvers/symvers-$kernel.gz" ] || options=(--symvers "$kabi/symvers/symvers-$kernel.gz")
  python3 "$standins_dir/lib/modules.py" kernel "$root" "$kernel" --fill "$modules" "${options[@]}"
  place=$root/lib/modules/$kernel
  if [ -n "$tree" ]; then
    rm -rf "$place/kernel"
    cp -a "$tree/usr/lib/modules/$kernel/." "$place/"
  else
    for module in infiniband/hw/mlx5/mlx5_ib net/hyperv/hv_netvsc; do
      [ ! -e "$kabi/modules/$kernel/${module##*/}.ko.xz" ] ||
        cp "$kabi/modules/$kernel/${module##*/}.ko.xz" "$place/kernel/drivers/$module.ko.xz"
    done
  fi
  chroot "$root" depmod -a "$kernel" 2>/dev/null
}

# install_absent: stand-ins for the packages that the set lacks and that a driver or the userland asks for.
install_absent() {
  local kernel name directory
  for kernel in "${kernels[@]}"; do
    rpm_start
    for name in kernel kernel-core kernel-modules; do
      absent "$name" "${kernel%.x86_64}" "" "Provides: $name-uname-r = $kernel"
    done
    rpm_build "$scratch/absent"
  done
  rpm_start
  absent glibc-minimal-langpack 2.28-164.el8 "" "Provides: glibc-langpack = 2.28-164.el8"
  absent pciutils 3.7.0-1.el8
  absent lsof 4.93.2-1.el8
  absent perl-interpreter 5.26.3-420.el8 "perl /usr/bin/perl" "Epoch: 4"
  absent platform-python 3.6.8-41.el8 "python3 /usr/libexec/platform-python"
  absent libnl3 3.5.0-1.el8 "libnl-3.so.200()(64bit) libnl-route-3.so.200()(64bit) libnl-genl-3.so.200()(64bit)"
  absent numactl-libs 2.0.12-13.el8 "libnuma.so.1()(64bit)"
  absent selinux-policy-targeted 3.14.3-80.el8
  put_program "$scratch/tree/usr/bin/dnf" dnf
  absent dnf 4.7.0-4.el8 yum
  put "$scratch/tree/usr/lib/systemd/system/waagent.service" 0644 <<<$'[Unit]\nDescription=Azure Linux Agent (stand-in)\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target'
  absent WALinuxAgent 2.2.49.2-1.el8
  put_library "$scratch/tree/usr/lib64" libibverbs.so.1
  absent libibverbs 29.0-3.el8 "libibverbs.so.1()(64bit)"
  rpm_build "$scratch/absent"
  install_set "$scratch/absent"
  if [ "$fill" -gt 0 ]; then
    directory=$(fill_packages "$fill")
    install_set "$directory"
  fi
}

# configure: what a machine of Azure's gallery has below /etc.
configure() {
  rm -f "$root"/etc/{redhat,system}-release
  write_el_identity "$root"
  write_el_packaging "$root"
  if [ -n "$tree" ]; then
    cp "$tree/usr/sbin/setfiles" "$root/usr/sbin/setfiles"
    mkdir -p "$root/etc/selinux"
    cp -a "$tree/etc/selinux/." "$root/etc/selinux/"
    printf 'SELINUX=enforcing\nSELINUXTYPE=targeted\n' >"$root/etc/selinux/config"
  else
    write_el_selinux "$root" permissive
  fi
  write_waagent_conf "$root/etc/waagent.conf"
  write_traces "$root"
  write_provisioning "$root"
  mkdir -p "$root/etc/dracut.conf.d" "$root/etc/systemd/system/multi-user.target.wants"
  echo 'add_drivers+=" hv_vmbus hv_netvsc hv_storvsc nvme "' >"$root/etc/dracut.conf.d/azure.conf"
  ln -sfn /usr/lib/systemd/system/waagent.service "$root/etc/systemd/system/multi-user.target.wants/waagent.service"
}

# label_all: the commands of guestfish that label every file, as on an installed machine, except unlabelled_file.
label_all() {
  local volume name point size points=/boot
  for volume in "${volumes[@]}"; do
    read -r name point size <<<"$volume"
    points+=" $point"
  done
  label_commands=(
    "sh \"setfiles -m -e /proc -e /sys -e /dev -e /run /etc/selinux/targeted/contexts/files/file_contexts $points\""
    "lremovexattr security.selinux $unlabelled_file"
  )
}

# write_facts: what bundle.sh asks of an image (tests/genuine/image.py reads the same out of a disk).
write_facts() {
  local facts=$out/rhel-8.3.facts kernel=${kernels[0]}
  mkdir -p "$facts"
  zcat "$root/lib/modules/$kernel/symvers.gz" >"$facts/symvers"
  modinfo -F vermagic "$(find "$root/lib/modules/$kernel/kernel" -name 'hv_vmbus.ko.xz')" >"$facts/vermagic"
  chroot "$root" sh -c "rpm -qa --qf '%{NAME}\n'; rpm -qa --provides" | cut -d' ' -f1 | sort -u >"$facts/present"
  hand_over "$facts"
}

build_root() {
  local tarball kernel
  tarball=$(genuine_rootfs el8 RPM-GPG-KEY-redhat-release)
  mkdir "$root"
  tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -xf "$tarball"
  for kernel in "${kernels[@]}"; do add_kernel "$kernel"; done
  install_absent
  configure
  for kernel in "${kernels[@]}"; do
    run_quietly "$scratch/dracut.log" chroot "$root" env PATH=/usr/sbin:/usr/bin dracut --force --no-hostonly --no-hostonly-cmdline \
      "/boot/initramfs-$kernel.img" "$kernel"
    chmod 600 "$root/boot/initramfs-$kernel.img"
  done
  write_el_boot "$root" "${kernels[0]}" "" "$(boot_uuid)" hd0,gpt2 \
    "root=/dev/mapper/rootvg-rootlv ro console=tty1 console=ttyS0 earlyprintk=ttyS0 rootdelay=300"
  write_rootvg_fstab "$root"
  write_facts
  rm -rf "${root:?}"/dev/* "$root"/var/lib/rpm/__db.* "$root"/tmp/* "$root"/var/tmp/*
}

main() {
  local key
  packages=${EL8_RPMS:-$(find_next_to_project el8-rpms)}
  [ -e "$packages/SHA256SUMS" ] || {
    log "NO GENUINE EL8 GUEST: the Enterprise Linux 8 packages are not here; name their directory in EL8_RPMS"
    exit 3
  }
  tree=${EL8_TREE:-} kabi=$packages/../genuine-kabi
  out=$(readlink -m "${1:-$default_out}")
  label_commands=()
  [ -z "$tree" ] || label_all
  as_root env EL8_RPMS="$packages" EL8_TREE="$tree" STANDIN_MODULES="$modules" STANDIN_PACKAGES="$fill" "$self" "$out"
  describe_el rhel8.3
  vhd=$out/rhel-8.3.vhd
  key=$(content_key el8-guest.sh lib/genuine_el.sh lib/rootvg.sh lib/xfs_proto.py "${el_sources[@]}" "$(cat "$packages/SHA256SUMS")" \
    "$modules" "$fill" "$tree")
  lock_out "$out" el8
  if ! is_cached "$vhd" "$key"; then
    log "building $vhd from $packages"
    make_scratch "$out"
    root=$scratch/root
    build_root
    build_volumes "$root"
    make_rootvg_disk "$vhd" "${label_commands[@]}"
    mark_cached "$vhd" "$key"
  fi
  printf '%s\n' "$vhd"
}

main "$@"
