# shellcheck shell=bash
# A genuine Enterprise Linux userland, installed by its own rpm from packages next to the project. Needs lib/common.sh,
# lib/rpm.sh, $scratch, $out, $packages (their directory).

# find_next_to_project NAME: the directory data/NAME of a directory next to the checkout.
find_next_to_project() {
  local candidate
  for candidate in "$standins_dir"/../../../*/data/"$1"; do
    [ ! -d "$candidate" ] || { printf '%s\n' "$candidate" && return; }
  done
}

# unpack_bootstrap: enough of a tree for its own rpm to run in; rpm then installs everything over it, properly.
unpack_bootstrap() {
  local package device
  mkdir -p "$root"
  for package in "$packages"/filesystem-[0-9]* "$packages"/setup-[0-9]* "$packages"/*.rpm; do
    bsdtar -C "$root" -xpPf "$package" 2>>"$scratch/unpack.log"
  done
  for device in null:3 zero:5 random:8 urandom:9; do
    [ -c "$root/dev/${device%:*}" ] || mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
  done
}

# install_genuine KEY [RPM_OPTION…]: without the packages whose names begin with a word of the array left_out.
install_genuine() {
  local package key=$1
  shift
  mkdir "$root/tmp/set"
  cp "$packages"/*.rpm "$packages/$key" "$root/tmp/set/"
  for package in "${left_out[@]}"; do rm "$root/tmp/set/$package"*.rpm; done
  # shellcheck disable=SC2016  # the inner shell expands it
  run_quietly "$scratch/rpm.log" chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec \
    'key=$1; shift; rm -rf /var/lib/rpm/*; rpm --initdb; rpm --import "/tmp/set/$key"; rpm -i --force --nodeps "$@" /tmp/set/*.rpm; ldconfig' \
    sh "$key" "$@"
  rm -rf "$root/tmp/set"
}

# genuine_rootfs NAME KEY [RPM_OPTION…]: makes OUT/cache/NAME-rootfs.tar once, the genuine packages alone, and prints its path.
genuine_rootfs() {
  local name=$1 tarball=$out/cache/$1-rootfs.tar key root=$scratch/genuine
  key=$(content_key lib/genuine_el.sh lib/common.sh "$(cat "$packages/SHA256SUMS")" "${left_out[*]}" "${@:2}")
  exec 7>"$out/cache/.lock-$name-rootfs"
  flock 7
  if ! is_cached "$tarball" "$key"; then
    (cd "$packages" && sha256sum --quiet -c SHA256SUMS) >&2 || die "the packages in '$packages' are not those of SHA256SUMS"
    unpack_bootstrap
    install_genuine "${@:2}"
    tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -cf "$tarball.partial" .
    mv "$tarball.partial" "$tarball"
    rm -rf --one-file-system "$root"
    mark_cached "$tarball" "$key"
  fi
  exec 7>&-
  printf '%s\n' "$tarball"
}

# absent NAME VERSION-RELEASE "PROVIDES…" [LINE…]: a stand-in for a package that the set lacks.
absent() {
  local name=$1 evr=$2 provided lines=()
  for provided in ${3:-}; do lines+=("Provides: $provided"); done
  rpm_add "$name" "$evr" x86_64 "${lines[@]}" "${@:4}"
}

# install_set DIRECTORY: its packages, by the guest's own rpm; afterwards no dependency is open.
install_set() {
  mkdir "$root/tmp/absent"
  cp "$1"/*.rpm "$root/tmp/absent/"
  run_quietly "$scratch/rpm.log" chroot "$root" sh -ec 'rpm -ivh --nosignature --oldpackage /tmp/absent/*.rpm'
  rm -rf "$root/tmp/absent"
  run_quietly "$scratch/rpm.log" chroot "$root" rpm -Va --nofiles
}
