# shellcheck shell=bash
# The stand-in packages of an EL guest's rpm database: names, versions and provides of the genuine ones, hardly any file.
# Needs lib/rpm.sh, lib/el_release.sh, lib/files.sh (put, put_library), $scratch.

# owns NAME VERSION-RELEASE ["PROVIDES…" [LINE…]]: a package of the distribution; PROVIDES are separated by blanks.
owns() {
  local name=$1 evr=$2 provided lines=()
  for provided in ${3:-}; do lines+=("Provides: $provided"); done
  rpm_add "$name" "$evr.el$el_major" x86_64 "Vendor: $el_name" "${lines[@]}" "${@:4}"
}

# add_base_packages: what the userland provides and the vendor's packages ask for.
add_base_packages() {
  local libc="libc.so.6()(64bit) libc.so.6(GLIBC_2.2.5)(64bit) libc.so.6(GLIBC_2.14)(64bit) libpthread.so.0()(64bit) rtld(GNU_HASH)"
  owns setup 2.8.71-10
  owns filesystem 3.2-25
  owns basesystem 10.0-7
  owns glibc 2.17-292 "$libc"
  owns bash 4.2.46-33 "/bin/sh /bin/bash"
  owns coreutils 8.22-24
  owns grep 2.20-3
  owns sed 4.2.2-5
  owns gawk 4.0.2-4
  owns findutils 4.5.11-6
  owns systemd 219-67 "systemd-units /usr/bin/systemctl"
  owns kmod 20-25 "module-init-tools /sbin/depmod /sbin/weak-modules"
  owns dracut 033-564
  owns pciutils 3.5.1-3
  owns pciutils-libs 3.5.1-3 "libpci.so.3()(64bit)"
  owns lsof 4.87-6
  owns procps-ng 3.3.10-26 procps
  owns net-tools 2.0-0.25.20131004git
  owns iproute 4.11.0-25
  owns libnl3 3.2.28-4 "libnl-3.so.200()(64bit) libnl-route-3.so.200()(64bit) libnl-genl-3.so.200()(64bit)"
  owns numactl-libs 2.0.12-3 "libnuma.so.1()(64bit)"
  owns zlib 1.2.7-18 "libz.so.1()(64bit)"
  owns libgcc 4.8.5-39 "libgcc_s.so.1()(64bit)"
  owns libstdc++ 4.8.5-39 "libstdc++.so.6()(64bit)"
  owns perl 5.16.3-294 "/usr/bin/perl" "Epoch: 4"
  owns xfsprogs 4.5.0-20
  owns lvm2 2.02.185-2 "" "Epoch: 7"
  owns policycoreutils 2.5-33 "/sbin/setfiles"
  owns selinux-policy-targeted 3.13.1-252
  owns openssh-server 7.4p1-21
  owns grub2 2.02-0.80 "" "Epoch: 1"
  owns rpm 4.11.3-40
  if [ "$el_major" = 7 ]; then
    owns python 2.7.5-86 "/usr/bin/python"
    put_program "$scratch/tree/usr/bin/yum" yum
    owns yum 3.4.3-163
  else
    owns platform-python 3.6.8-23 "/usr/libexec/platform-python"
    owns python36 3.6.8-2 "python3 /usr/bin/python3"
    put_program "$scratch/tree/usr/bin/dnf" dnf
    ln -s dnf "$scratch/tree/usr/bin/yum"
    owns dnf 4.2.17-6 yum
  fi
  rpm_add "${el_release_package% *}" "${el_release_package#* }" x86_64 "Vendor: $el_name" "Provides: system-release"
  owns WALinuxAgent 2.2.38-1
  # somebody's own package: no vendor, no epoch, no distribution tag, files below /opt
  put_program "$scratch/tree/opt/site/bin/site-report" site-report
  put "$scratch/tree/opt/site/share/index.html" 0644 <<<"<p>stand-in</p>"
  rpm_add site-tools 1.0-1 noarch
}

# add_inbox_rdma: the distribution's own stack, with one package that needs it and must survive.
add_inbox_rdma() {
  put "$scratch/tree/etc/rdma/rdma.conf" 0644 <<<$'IPOIB_LOAD=yes\nSRP_LOAD=no'
  put "$scratch/tree/usr/lib/systemd/system/rdma.service" 0644 <<<$'[Unit]\nDescription=stand-in for inbox rdma\n[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=sysinit.target'
  owns rdma-core "$el_rdma" "rdma" "Obsoletes: rdma < 8"
  put_library "$scratch/tree/usr/lib64" libibverbs.so.1
  owns libibverbs "$el_rdma" "libibverbs.so.1()(64bit) libmlx5.so.1()(64bit)" "Requires: rdma-core"
  put_library "$scratch/tree/usr/lib64" libibumad.so.3
  owns libibumad "$el_rdma" "libibumad.so.3()(64bit)" "Requires: rdma-core"
  put_program "$scratch/tree/usr/bin/ibstat" "inbox ibstat"
  owns infiniband-diags 2.0.0-2 "" "Requires: libibumad.so.3()(64bit)"
  owns libfabric 1.6.2-3 "libfabric.so.1()(64bit)" "Requires: libibverbs.so.1()(64bit)"
}

# add_kernel_packages KERNEL…: several versions of one name, as EL installs kernels.
add_kernel_packages() {
  local kernel evr name
  for kernel in "$@"; do
    evr=${kernel%.x86_64}
    for name in kernel kernel-core kernel-modules; do
      [ "$el_major" -ge 8 ] || [ $name = kernel ] || continue
      rpm_add_versioned "$name" "$evr" "Vendor: $el_name" "Provides: kernel-uname-r = $kernel" "Provides: $name-uname-r = $kernel"
    done
  done
}

# fill_packages COUNT: prints a directory with COUNT packages without files, which bring the database to the size of a genuine
# one; each asks for another of them, so that a solver has relations to follow. Made once for each COUNT.
fill_packages() {
  local directory=$out/cache/fill-packages-$1-el$el_major key number name
  key=$(content_key lib/common.sh lib/rpm.sh lib/el_packages.sh "$1" "$el_major")
  exec 7>"$out/cache/.lock-fill-packages"
  flock 7
  if ! is_cached "$directory" "$key"; then
    rm -rf "$directory"
    rpm_start
    # written at once: rpm_add starts a dozen programs for each package
    for ((number = 1; number <= $1; number++)); do
      name=texlive-fill-$number
      printf '%%package -n %s\nVersion: 2012\nRelease: %s.20130427.el%s\nSummary: stand-in\nVendor: stand-in\nBuildArch: noarch\n' \
        "$name" "$number" "$el_major"
      [ "$number" = 1 ] || printf 'Requires: texlive-fill-%s >= 2012\n' $((number / 2))
      printf '%%description -n %s\nstand-in\n%%files -n %s\n' "$name" "$name"
    done >>"$scratch/rpm/set.spec"
    rpm_build "$directory"
    mark_cached "$directory" "$key"
  fi
  exec 7>&-
  printf '%s\n' "$directory"
}

# rpm_add_versioned NAME EVR LINE…: a set has one package of a name, so each further version is a separate set.
rpm_add_versioned() {
  rpm_start
  rpm_add "$1" "$2" x86_64 "${@:3}"
  rpm_build "$scratch/inventory"
}

# install_inventory ROOT FILL KERNEL…: makes ROOT's rpm database, by its own rpm; FILL is a number of further packages.
install_inventory() {
  local root=$1 fill=$2 directory
  shift 2
  rpm_start
  add_base_packages
  add_inbox_rdma
  rpm_build "$scratch/inventory"
  add_kernel_packages "$@"
  mkdir "$root/tmp/inventory"
  cp "$scratch"/inventory/*.rpm "$root/tmp/inventory/"
  if [ "$fill" -gt 0 ]; then
    directory=$(fill_packages "$fill")
    cp "$directory"/*.rpm "$root/tmp/inventory/"
  fi
  cp "$out/keys/RPM-GPG-KEY-distribution" "$root/tmp/inventory/"
  run_quietly "$scratch/inventory.log" chroot "$root" sh -ec \
    'rpm --initdb; rpm --import /tmp/inventory/RPM-GPG-KEY-distribution; rpm -ivh --nosignature --oldpackage /tmp/inventory/*.rpm'
  rm -rf "$root/tmp/inventory" "$root"/var/lib/rpm/__db.*
}
