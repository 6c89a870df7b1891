#!/usr/bin/env bash
# Installs Debian packages on a fresh Debian 12, and only what is missing: a second run calls no apt. Works as root or through
# sudo. Says what it installs and how far it is; the log of apt goes to a file that is shown if apt fails.
#   tests/install-deps.sh             what building, baking and the tests need
#   tests/install-deps.sh --build     only what building and baking need
#   tests/install-deps.sh --demo      also what the stand-ins of images/demo.sh need
#   tests/install-deps.sh --bench     what the tests need, and what only tests/bench/micro.sh needs
set -euo pipefail

build_packages=(
  g++ cmake ninja-build pkg-config ccache git ca-certificates
  libguestfs-dev libguestfs-xfs supermin linux-image-amd64 qemu-system-x86 qemu-utils
  dpkg-dev libarchive-dev libssl-dev libyaml-cpp-dev libfmt-dev libcli11-dev nlohmann-json3-dev
  libsolv-dev libsolvext-dev libelf-dev librnp-dev musl-tools
)
standin_packages=(
  guestfish mmdebstrap rpm createrepo-c gnupg libarchive-tools
  e2fsprogs xfsprogs dosfstools mtools fdisk cpio bzip2 xz-utils zstd lz4 kmod
  python3 util-linux file binutils openssl
)
test_packages=(
  libgtest-dev libgmock-dev clang-format clang-tidy shellcheck lintian buildah
  libguestfs-tools guestfs-tools busybox-static strace systemd waagent gdisk xorriso procps
  cryptsetup-bin btrfs-progs lvm2 faketime ovmf efitools softhsm2
  packer azure-cli python3-jmespath python3-yaml python3-jsonschema
  slurm-wlm munge chromium
  man-db groff-base mandoc zsh fish
)
bench_packages=(libbenchmark-dev)

say() { echo "install-deps: $*"; }

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

fail() {
  echo "install-deps: failed: $*" >&2
  tail -n 30 "$log" >&2
  exit 1
}

# show_progress: reads the output of apt-get with APT::Status-Fd=1. Prints each tenth of the download and of the installation,
# and writes the rest to the log.
show_progress() {
  local line shown='' now
  while IFS= read -r line; do
    if [[ $line =~ ^(dl|pm)status:.*:([0-9]+)\.[0-9]+: ]]; then
      now="${BASH_REMATCH[1]} $((BASH_REMATCH[2] / 10 * 10))"
      if [ "$now" != "$shown" ]; then
        case $now in
          dl*) say "  downloaded ${now#* } %" ;;
          *) say "  unpacked and set up ${now#* } %" ;;
        esac
        shown=$now
      fi
    else
      printf '%s\n' "$line" >>"$log"
    fi
  done
}

packages=("${build_packages[@]}")
case "$*" in
  --build) ;;
  --demo) packages+=("${standin_packages[@]}") ;;
  "") packages+=("${standin_packages[@]}" "${test_packages[@]}") ;;
  --bench) packages+=("${standin_packages[@]}" "${test_packages[@]}" "${bench_packages[@]}") ;;
  *)
    echo "install-deps: usage: tests/install-deps.sh [--build | --demo | --bench]" >&2
    exit 2
    ;;
esac

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  say "everything is installed"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp -t install-deps.XXXXXX)
install=(apt-get -q -y --no-install-recommends -o APT::Status-Fd=1 install "${missing[@]}")
say "${#missing[@]} packages are missing: ${missing[*]}"
say "reads the package lists"
as_root apt-get -q update >>"$log" 2>&1 || fail "apt-get update"
# Each line names an archive: 'ADDRESS' FILE BYTES DIGEST.
archives=$("${install[@]}" --print-uris 2>>"$log") || fail "${install[*]} --print-uris"
say "$(awk "/^'/"' { n++; bytes += $3 } END { printf "downloads %d archives (%.0f MB) and installs them", n, bytes / 1e6 }' <<<"$archives")"
as_root "${install[@]}" 2>>"$log" | show_progress || fail "${install[*]}"
rm -f "$log"
say "done"
