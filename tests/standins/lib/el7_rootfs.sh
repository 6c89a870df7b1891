# shellcheck shell=bash
# The genuine CentOS 7 userland, unpacked from its packages and entered into a Berkeley DB by its own rpm 4.11.
# Needs lib/common.sh.

# el7_packages DIRECTORY: the packages to install. rdma-core obsoletes rdma, so that CentOS 7.9 never has both.
el7_packages() { find "$1" -maxdepth 1 -name '*.rpm' ! -name 'rdma-[0-9]*' | sort; }

# check_el7_packages DIRECTORY LOG: every file is as its SHA256SUMS says.
check_el7_packages() { (cd "$1" && run_quietly "$2" sha256sum --quiet -c SHA256SUMS); }

# in_guest ROOT COMMAND…: the guest's own programs, with no environment of the host.
in_guest() {
  local root=$1
  shift
  chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"
}

# make_dev_nodes ROOT: what rpm needs; the NSS of rpm 4.11 reads /dev/urandom.
make_dev_nodes() {
  mknod -m 666 "$1/dev/null" c 1 3
  mknod -m 666 "$1/dev/zero" c 1 5
  mknod -m 666 "$1/dev/random" c 1 8
  mknod -m 666 "$1/dev/urandom" c 1 9
}

# unpack_el7 PACKAGES ROOT: filesystem first, since the others go through its links (/lib64 and so on); then setup.
unpack_el7() {
  local packages=$1 root=$2 package
  mkdir "$root"
  for package in "$packages"/filesystem-[0-9]*.rpm "$packages"/setup-[0-9]*.rpm $(el7_packages "$packages"); do
    bsdtar -xpPf "$package" -C "$root" || die "cannot unpack $package"
  done
}

# add_el7_accounts ROOT: what the packages' scriptlets would have added and their files belong to.
add_el7_accounts() {
  in_guest "$1" groupadd -r -g 22 utmp
  in_guest "$1" groupadd -r -g 35 utempter
  in_guest "$1" groupadd -r -g 998 ssh_keys
  in_guest "$1" useradd -r -u 81 -U -M -d / -s /sbin/nologin dbus
  in_guest "$1" useradd -r -u 74 -U -M -d /var/empty/sshd -s /sbin/nologin sshd
}

# el7_rpm_install ROOT LOG OPTIONS FILE…: the guest's rpm installs the files; OPTIONS are words.
el7_rpm_install() {
  local root=$1 logfile=$2 options=$3
  shift 3
  mkdir "$root/tmp/rpms"
  cp "$@" "$root/tmp/rpms/"
  # shellcheck disable=SC2086  # words
  run_quietly "$logfile" in_guest "$root" sh -c "exec rpm -ivh $options /tmp/rpms/*.rpm"
  rm -rf "$root/tmp/rpms"
}

# el7_rootfs PACKAGES ROOT LOG: a directory with the userland and its package database.
el7_rootfs() {
  local packages=$1 root=$2 logfile=$3 key=RPM-GPG-KEY-CentOS-7
  local -a files
  check_el7_packages "$packages" "$logfile"
  unpack_el7 "$packages" "$root"
  make_dev_nodes "$root"
  in_guest "$root" ldconfig
  add_el7_accounts "$root"
  in_guest "$root" rpm --initdb
  in_guest "$root" rpm --import "/etc/pki/rpm-gpg/$key"
  mapfile -t files < <(el7_packages "$packages")
  el7_rpm_install "$root" "$logfile" "--force --nodeps --noscripts" "${files[@]}"
  rm -f "$root"/etc/{passwd,shadow,group,gshadow}.rpmnew # rpm saw the accounts above
}
