#!/usr/bin/env bash
# Installs what building and testing needs on a fresh Debian 12, and only what is missing: a second run calls no apt.
# Works as root or through sudo. The log of apt goes to a file that is shown when apt fails.
#   tests/install-deps.sh [--bench]    with --bench also what only tests/bench/micro.sh needs
set -euo pipefail

build_packages=(
  g++ cmake ninja-build pkg-config ccache git ca-certificates
  libguestfs-dev libguestfs-tools libguestfs-xfs guestfs-tools supermin linux-image-amd64
  qemu-system-x86 qemu-utils
  libarchive-dev libssl-dev libyaml-cpp-dev libfmt-dev libcli11-dev nlohmann-json3-dev
  libsolv-dev libsolvext-dev libelf-dev librnp-dev musl-tools
)
test_packages=(
  libgtest-dev libgmock-dev clang-format clang-tidy shellcheck lintian
  mmdebstrap dpkg-dev rpm createrepo-c gnupg libarchive-tools
  e2fsprogs xfsprogs dosfstools mtools fdisk cpio bzip2 xz-utils zstd lz4 kmod
  busybox-static strace systemd python3 util-linux waagent gdisk xorriso file procps binutils openssl
  cryptsetup-bin btrfs-progs lvm2 faketime
  packer azure-cli python3-jmespath python3-yaml python3-jsonschema
  slurm-wlm munge chromium
)
bench_packages=(libbenchmark-dev)

is_installed() {
  local status
  status=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) || return 1
  [ "$status" = installed ]
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --preserve-env=DEBIAN_FRONTEND,http_proxy,https_proxy,no_proxy "$@"
  else
    echo "install-deps: neither root nor sudo: cannot install packages" >&2
    exit 1
  fi
}

run_logged() {
  if ! as_root "$@" >>"$log" 2>&1; then
    echo "install-deps: failed: $*" >&2
    tail -n 30 "$log" >&2
    exit 1
  fi
}

packages=("${build_packages[@]}" "${test_packages[@]}")
case "$*" in
  "") ;;
  --bench) packages+=("${bench_packages[@]}") ;;
  *)
    echo "install-deps: usage: tests/install-deps.sh [--bench]" >&2
    exit 2
    ;;
esac

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  echo "install-deps: everything is installed"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp -t install-deps.XXXXXX)
echo "install-deps: installing ${#missing[@]} packages: ${missing[*]}"
run_logged apt-get -q update
run_logged apt-get -q -y --no-install-recommends install "${missing[@]}"
rm -f "$log"
echo "install-deps: done"
