# shellcheck shell=bash
# Genuine Debian packages with their dependencies. Needs lib/common.sh, lib/deb_rootfs.sh, $out and $scratch.

# guest_status: prints the path of the dpkg database of the DEB guest's userland, below $scratch.
guest_status() {
  tar -C "$scratch" -xf "$(debian_rootfs deb "$out")" ./var/lib/dpkg/status
  printf '%s\n' "$scratch/var/lib/dpkg/status"
}

# guest_kernel: prints the release of the kernel of that userland.
guest_kernel() {
  tar -tf "$(debian_rootfs deb "$out")" --wildcards './boot/vmlinuz-*' | sed 's/.*vmlinuz-//'
}

# fetch_for STATUS DIRECTORY PACKAGE…: downloads the packages and the dependencies that a system with this dpkg database lacks.
fetch_for() {
  local status=$1 directory=$2
  shift 2
  mkdir -p "$directory/partial"
  run_quietly "$scratch/apt.log" apt-get -y --download-only --no-install-recommends -o Dir::State::status="$status" \
    -o Dir::Cache::archives="$directory" -o APT::Sandbox::User=root -o Debug::NoLocking=1 install "$@"
  rm -rf "$directory/partial" "$directory/lock"
}
