# shellcheck shell=bash
# Genuine Debian packages under another version number. Needs lib/common.sh.

# reversion_deb IN.deb OUTDIR VERSION [FIELD=VALUE…]: rebuilds a Debian package with the version of the stack it
# replaces; bounds between the packages of rdma-core are loosened to those of older stacks (>= 20). FIELD=VALUE replaces a
# control field; an empty VALUE drops it. Prints the path of the new package.
reversion_deb() {
  local source=$1 outdir=$2 version=$3 tree old field
  shift 3
  tree=$(mktemp -d -p "$outdir" .tree.XXXXXX)
  chmod 755 "$tree"
  dpkg-deb -R "$source" "$tree"
  old=$(sed -n 's/^Version: //p' "$tree/DEBIAN/control")
  sed -i -e "s/^Version: .*/Version: $version/" -e "s/(= ${old//./\\.})/(= $version)/g" \
    -e 's/ (>= [2-9][0-9])/ (>= 20)/g' -e 's/ (<< 3[0-9]~)/ (<< 25~)/g' \
    -e '/^\(Maintainer\|Homepage\|Built-Using\|Source\):/d' "$tree/DEBIAN/control"
  sed -i "2i Maintainer: stand-in <stand-in@bake.test>" "$tree/DEBIAN/control"
  for field in "$@"; do set_control "$tree" "${field%%=*}" "${field#*=}"; done
  rm -rf "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/DEBIAN/md5sums"
  ! declare -F loosen >/dev/null || loosen "$tree" # bundle.sh
  build_deb "$tree" "$outdir"
  rm -rf "$tree"
}

# set_control TREE FIELD VALUE: replaces one control field; an empty value only drops it.
set_control() {
  sed -i "/^$2: /d" "$1/DEBIAN/control"
  [ -z "$3" ] || sed -i "2i $2: $3" "$1/DEBIAN/control"
}

# install_inbox_rdma ROOT RELEASE: Ubuntu's own RDMA packages, genuine Debian programs under Ubuntu's versions; before 18.04
# there was no rdma-core and each driver had its own package.
install_inbox_rdma() {
  local root=$1 inbox=$scratch/inbox debs=$out/cache/debs version
  mkdir -p "$inbox"
  fetch_debs "$debs" rdma-core libibverbs1 ibverbs-providers
  case $2 in
  16.04)
    reversion_deb "$debs"/libibverbs1_*.deb "$inbox" 1.1.8-1.1ubuntu2 Breaks= Recommends= >/dev/null
    reversion_deb "$debs"/ibverbs-providers_*.deb "$inbox" 1.0.2-1ubuntu1 Package=libmlx5-1 Provides= Breaks= Replaces= \
      "Depends=libc6, libibverbs1 (>= 1.1.8)" >/dev/null
    ;;
  18.04 | 20.04 | 22.04 | 24.04)
    declare -A versions=([18.04]=17.1-1ubuntu0.2 [20.04]=28.0-1ubuntu1 [22.04]=39.0-1 [24.04]=50.0-2ubuntu0.2)
    version=${versions[$2]}
    reversion_deb "$debs"/libibverbs1_*.deb "$inbox" "$version" "Breaks=ibverbs-providers (<< 16~)" >/dev/null
    reversion_deb "$debs"/ibverbs-providers_*.deb "$inbox" "$version" "Depends=libc6, libibverbs1 (>= 17)" >/dev/null
    reversion_deb "$debs"/rdma-core_*.deb "$inbox" "$version" >/dev/null
    ;;
  *) die "no inbox RDMA packages known for Ubuntu $2" ;;
  esac
  install_debs "$root" "$inbox"/*.deb
}

# install_debs ROOT FILE…: by ROOT's own dpkg.
install_debs() {
  local root=$1
  mkdir "$root/tmp/debs"
  cp "${@:2}" "$root/tmp/debs/"
  run_quietly "$scratch/dpkg.log" chroot "$root" sh -c 'dpkg -i /tmp/debs/*.deb'
  rm -rf "$root/tmp/debs"
}
