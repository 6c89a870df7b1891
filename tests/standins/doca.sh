#!/usr/bin/env bash
# doca.sh OUT FAMILY [ARGUMENT]: stand-ins of DOCA-Host in OUT/bundles, packages that contain a whole repository. Paths and names follow
# public logs, not a genuine package. Also a file .sha256. Prints the path of the package.
#   D1 [BROKEN]  deb for Ubuntu 24.04, signed index, DKMS sources for the kernel's own build system. BROKEN (iser, isert, srp): that
#                package does not compile; the deb goes to OUT/bundles/broken-BROKEN
#   D2           rpm of DOCA 3.1 for EL 9.6 with built modules
#   D3           rpm of DOCA 3.2 for EL 9 with DKMS sources
#   E KERNEL     doca-kernel-repo: built modules of DOCA 3.2 for one kernel of EL 9
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
source "$standins_dir/lib/bundle_doca.sh"
source "$standins_dir/lib/bundle_doca_rpm.sh"

loosen() { :; } # of bundle.sh
is_absent() { false; } # likewise

name_versions() {
  parse_bundle 24.10-0.7.0.0-ubuntu24.04 # the versions of tools that DOCA does not change
  version=25.10-3.1.8.0 module_version=25.10-3.1.8
  v_doca=3.2.3-019000
  full=$v_doca-25.10-ubuntu2404
  v_dkms=25.10.OFED.25.10.3.1.8.1
  v_kernel=$v_dkms-1 v_scripts=$v_kernel internal=OFED-internal-25.10-3.1.8
  v_core=2510.0.11-1 v_mft=4.34.1-10 v_ucx=1.20.0-1.2510122 v_tools=2510.0.16-1
}

index_repository() {
  local repository=$1 digest size file
  (cd "$repository" && dpkg-scanpackages -m pool >Packages 2>"$scratch/scan.log") || die "dpkg-scanpackages failed"
  gzip -9nk "$repository/Packages"
  {
    printf 'Origin: DOCA-HOST\nLabel: DOCA-HOST\nSuite: DOCA-HOST-3.2.3\nDate: Sat, 01 Jan 2022 00:00:00 +0000\nSHA256:\n'
    for file in Packages Packages.gz; do
      digest=$(sha256sum <"$repository/$file") size=$(stat -c %s "$repository/$file")
      printf ' %s %16s %s\n' "${digest%% *}" "$size" "$file"
    done
  } >"$repository/Release"
  sign_detached "$repository/Release" "$repository/Release.gpg"
  gpg_quietly --yes --local-user "$fingerprint" --digest-algo SHA256 --clearsign -o "$repository/InRelease" "$repository/Release"
}

# build_d1: the deb.
build_d1() {
  local outer=$scratch/tree-of-outer repository
  repository=$outer/usr/share/doca-host-$full/repo
  mkdir -p "$repository/pool"
  build_doca_kernel_debs "$repository/pool"
  build_tool_debs "$repository/pool"
  build_core_debs "$repository/pool"
  build_doca_meta_debs "$repository/pool"
  index_repository "$repository"
  echo "deb [trusted=yes] file:/usr/share/doca-host-$full/repo ./" | put "$outer/etc/apt/sources.list.d/doca.list" 0644
  put "$outer/DEBIAN/control" 0644 <<-END
	Package: doca-host
	Version: $full
	Architecture: amd64
	Maintainer: stand-in <stand-in@bake.test>
	Description: stand-in for doca-host
	END
  mkdir "$scratch/outer-package"
  dpkg-deb --root-owner-group -Zzstd -z1 -b "$outer" "$scratch/outer-package/$(basename "$archive")" >/dev/null
}

# name_archive FAMILY ARGUMENT: the name of the outer package's file.
name_archive() {
  case $1 in
  D1) archive=$out/bundles/${2:+broken-$2/}doca-host_${full}_amd64.deb ;;
  D2) archive=$out/bundles/doca-host-3.1.0-091000_25.07_rhel96.x86_64.rpm ;;
  D3) archive=$out/bundles/doca-host-3.2.2-035000_25.10_rhel9.x86_64.rpm ;;
  E) archive=$out/bundles/doca-kernel-repo-25.10.2.4.1.0-1.kver.${2//[-_]/.}.x86_64.rpm ;;
  *) die "usage: doca.sh OUT D1|D2|D3|E [ARGUMENT]" ;;
  esac
}

# keep_outer: moves the package to its place.
keep_outer() {
  mv "$scratch"/outer*/"$(basename "$archive")" "$archive"
  (cd "$(dirname "$archive")" && sha256sum "$(basename "$archive")" >"$archive.sha256")
  hand_over "$(dirname "$archive")" "$archive.sha256"
}

main() {
  local key family=${2:-} argument=${3:-}
  out=$(readlink -m "${1:-$default_out}")
  as_root "$self" "$out" "$family" "$argument"
  name_versions
  name_archive "$family" "$argument"
  key=$(content_key doca.sh lib/common.sh lib/signing.sh lib/reversion.sh lib/files.sh lib/bundle_names.sh lib/bundle_payload.sh \
    lib/bundle_deb.sh lib/rpm.sh lib/bundle_rpm.sh lib/modules.py lib/bundle_doca.sh lib/bundle_doca_rpm.sh "$family" "$argument")
  lock_out "$out" "doca-$family-$argument"
  mkdir -p "$(dirname "$archive")"
  if ! is_cached "$archive" "$key"; then
    log "building $archive"
    make_scratch "$out"
    use_signing_key "$out"
    broken=$argument
    "build_${family,,}" "$argument"
    keep_outer
    mark_cached "$archive" "$key"
  fi
  printf '%s\n' "$archive"
}

main "$@"
