#!/usr/bin/env bash
# bundle.sh VERSION-DISTRO [OUT [KERNEL…]]: a realistic stand-in of MLNX_OFED_LINUX-VERSION-DISTRO-x86_64.tgz, signed with a
# throw-away key (OUT/keys). Modules are built for each KERNEL: by default the stand-in guest's own where there is one
# (ubuntu20.04), else the release's first kernel; "none" leaves a DEB bundle with DKMS sources only.
# Writes OUT/bundles/<name>.tgz and .tgz.sha256 and prints the path of the archive. With kernels named, the directory is
# OUT/bundles/<kernels joined by +>.
# $STANDIN_IMAGE_FACTS names a directory with what a genuine image has (tests/genuine/image.py): symvers and vermagic of the
# one KERNEL, and "present", the names that its packages have and provide. The bundle then asks for nothing else.
self=$(readlink -f "${BASH_SOURCE[0]}")
source "$(dirname "$self")/lib/common.sh"
source "$standins_dir/lib/signing.sh"
source "$standins_dir/lib/reversion.sh"
source "$standins_dir/lib/bundle_names.sh"
source "$standins_dir/lib/files.sh"
source "$standins_dir/lib/bundle_payload.sh"
source "$standins_dir/lib/bundle_deb.sh"
source "$standins_dir/lib/rpm.sh"
source "$standins_dir/lib/bundle_rpm.sh"

# is_absent NAME: the image for which the bundle is made has no package that has or provides the name.
is_absent() { [ -n "${STANDIN_IMAGE_FACTS:-}" ] && ! grep -qxF -- "$1" "$STANDIN_IMAGE_FACTS/present"; }

# vendor_modules DIRECTORY KERNEL: the modules of the bundle.
vendor_modules() {
  python3 "$standins_dir/lib/modules.py" vendor "$1" "$2" "$version" ${STANDIN_IMAGE_FACTS:+--image "$STANDIN_IMAGE_FACTS"}
}

# loosen TREE: the DEB package below TREE asks only for what the image has.
loosen() {
  [ -z "${STANDIN_IMAGE_FACTS:-}" ] || python3 "$standins_dir/lib/deb_relations.py" "$1/DEBIAN/control" "$STANDIN_IMAGE_FACTS/present"
}

# link_all DIRECTORY RELATIVE TARGET SUFFIX: relative links in TARGET to the packages of DIRECTORY.
link_all() {
  local file
  for file in "$1"/*."$4"; do ln -s "$2/$(basename "$file")" "$3/"; done
}

# default_kernel: the kernel of the stand-in guest for this release.
default_kernel() {
  if [ "$distro" = ubuntu20.04 ] && [ -e "$out/ubuntu-20.04.kernel" ]; then
    cat "$out/ubuntu-20.04.kernel"
  else
    ga_kernel "$distro"
  fi
}

pack() {
  tar -C "$scratch" --owner=0 --group=0 --numeric-owner --sort=name --mtime="@$SOURCE_DATE_EPOCH" --use-compress-program='gzip -1' \
    -cf "$archive.partial" "$top"
  mv "$archive.partial" "$archive"
  (cd "$(dirname "$archive")" && sha256sum "$(basename "$archive")" >"$archive.sha256")
  hand_over "$(dirname "$archive")" "$archive.sha256"
}

main() {
  local kernels key directory facts_key
  [ $# -ge 1 ] || die "usage: bundle.sh VERSION-DISTRO [OUT [KERNEL…]]"
  parse_bundle "$1"
  out=$(readlink -m "${2:-$default_out}")
  as_root env STANDIN_IMAGE_FACTS="${STANDIN_IMAGE_FACTS:-}" "$self" "$1" "$out" "${@:3}"
  kernels=("${@:3}")
  directory=$out/bundles${3:+/$(IFS=+ && echo "${*:3}")}
  if [ ${#kernels[@]} = 0 ]; then
    kernels[0]=$(default_kernel)
  fi
  [ "${kernels[0]}" != none ] || kernels=()
  archive=$directory/$top.tgz
  facts_key=
  if [ -n "${STANDIN_IMAGE_FACTS:-}" ]; then
    facts_key=$(cat "$STANDIN_IMAGE_FACTS"/{symvers,vermagic,present} | sha256sum)
  fi
  key=$(content_key bundle.sh lib/common.sh lib/signing.sh lib/reversion.sh lib/files.sh lib/bundle_names.sh \
    lib/bundle_payload.sh \
    lib/bundle_deb.sh lib/deb_index.py lib/deb_relations.py lib/rpm.sh lib/bundle_rpm.sh lib/modules.py "$1" "${kernels[@]}" "$facts_key")
  lock_out "$out" "bundle-$1"
  mkdir -p "$directory"
  if ! is_cached "$archive" "$key"; then
    log "building $archive"
    make_scratch "$out"
    use_signing_key "$out"
    mkdir "$scratch/$top"
    put_bundle_top "$scratch/$top" "$out/keys/RPM-GPG-KEY-Mellanox"
    "build_${packaging}s" "$scratch/$top" "${kernels[@]}"
    pack
    mark_cached "$archive" "$key"
  fi
  printf '%s\n' "$archive"
}

main "$@"
