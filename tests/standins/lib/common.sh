# shellcheck shell=bash
# Shared by every script of this directory: messages, root, caching, Debian packages.
set -euo pipefail
shopt -s inherit_errexit # or a failure inside $(…) would go on

standins_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # used by the scripts
default_out=$(cd "$standins_dir/../.." && pwd)/build/standins
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1640995200} # 2022-01-01: outputs do not depend on the day
export LC_ALL=C TZ=UTC
# The appliance runs by emulation unless the caller knows that KVM works here.
export LIBGUESTFS_BACKEND="${LIBGUESTFS_BACKEND:-direct}" LIBGUESTFS_BACKEND_SETTINGS="${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}"
umask 022

log() { printf 'standins: %s\n' "$*" >&2; }
die() {
  log "error: $*"
  exit 1
}

# as_root SCRIPT ARGS…: runs the script again through sudo when not root (mmdebstrap, chroot and owners need it).
as_root() {
  [ "$(id -u)" = 0 ] && return 0
  command -v sudo >/dev/null || die "neither root nor sudo"
  exec sudo --preserve-env=http_proxy,https_proxy,no_proxy,SOURCE_DATE_EPOCH,LIBGUESTFS_BACKEND,LIBGUESTFS_BACKEND_SETTINGS "$@"
}

# hand_over PATH…: outputs belong to the person who called sudo.
hand_over() {
  [ -z "${SUDO_UID:-}" ] || chown -R --no-dereference "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$@"
}

# content_key ARG…: a digest of the arguments; those that name a file of this directory count with their content.
content_key() {
  local argument
  for argument in "$@"; do
    if [ -f "$standins_dir/$argument" ]; then
      sha256sum <"$standins_dir/$argument"
    else
      printf '%s\n' "$argument"
    fi
  done | sha256sum | cut -d' ' -f1
}

# is_cached FILE KEY: FILE was made from exactly this content.
is_cached() { [ -e "$1" ] && [ -e "$1.key" ] && [ "$(cat "$1.key")" = "$2" ]; }
mark_cached() {
  printf '%s\n' "$2" >"$1.key"
  hand_over "$1" "$1.key"
}

# lock_out DIR NAME: one builder of NAME at a time; the lock goes with the process.
lock_out() {
  mkdir -p "$1/cache"
  hand_over "$1" "$1/cache"
  exec 9>"$1/cache/.lock-$2"
  flock 9
}

# make_scratch DIR: sets $scratch to a fresh directory that is removed when the script ends.
make_scratch() {
  scratch=$(mktemp -d -p "$1" .scratch.XXXXXX)
  chmod 755 "$scratch"
  trap 'rm -rf --one-file-system "$scratch"' EXIT
}

# run_quietly LOG PROGRAM ARG…: shows the end of the log only when the program fails. The program inherits no descriptor but
# the standard ones: a daemon that it leaves behind would hold our locks, and mmdebstrap (through dash) can only use those
# below ten.
run_quietly() {
  local logfile=$1 descriptor
  shift
  if ! (
    for descriptor in /proc/"$BASHPID"/fd/*; do
      descriptor=${descriptor##*/}
      [ "$descriptor" -le 2 ] || exec {descriptor}>&-
    done
    exec "$@"
  ) >"$logfile" 2>&1; then
    tail -n 40 "$logfile" >&2
    die "failed: $1 ${2:-}"
  fi
}

# debian_sources: sources.list lines of the bookworm mirrors this machine itself uses.
debian_sources() {
  local lines
  # shellcheck disable=SC2016  # apt's own placeholders
  lines=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 ~ /^bookworm/ && $3 == "main" { print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, $3 }' |
    sort -u)
  [ -n "$lines" ] || die "apt knows no bookworm mirror: run tests/install-deps.sh"
  printf '%s\n' "$lines"
}

# fetch_debs DIR PACKAGE…: downloads Debian packages; they are kept, so that the next build needs no network. One script at a
# time: another would take a file that is still growing for the package.
fetch_debs() {
  local directory=$1 package
  shift
  mkdir -p "$directory"
  exec 6>"$directory/.lock"
  flock 6
  for package in "$@"; do
    compgen -G "$directory/${package}_*.deb" >/dev/null && continue
    (cd "$directory" && apt-get -q -o APT::Sandbox::User=root download "$package" >/dev/null) ||
      die "apt-get download $package failed"
  done
  exec 6>&-
}

# build_deb TREE OUTDIR: builds a .deb that every release reads (xz, never zstd) and prints its path.
build_deb() {
  local name version arch file
  name=$(sed -n 's/^Package: //p' "$1/DEBIAN/control")
  version=$(sed -n 's/^Version: //p' "$1/DEBIAN/control")
  arch=$(sed -n 's/^Architecture: //p' "$1/DEBIAN/control")
  file=$2/${name}_${version}_$arch.deb
  dpkg-deb --root-owner-group -Zxz -z1 -b "$1" "$file" >/dev/null
  printf '%s\n' "$file"
}
