# shellcheck shell=bash
# Genuine Debian packages under another version number. Needs lib/common.sh.

# reversion_deb IN.deb OUTDIR VERSION [FIELD=VALUE…]: rebuilds a Debian package with the version of the stack it stands
# in for; bounds between the packages of rdma-core are loosened to those of older stacks (>= 20). FIELD=VALUE replaces a
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
  build_deb "$tree" "$outdir"
  rm -rf "$tree"
}

# set_control TREE FIELD VALUE: replaces one control field; an empty value only drops it.
set_control() {
  sed -i "/^$2: /d" "$1/DEBIAN/control"
  [ -z "$3" ] || sed -i "2i $2: $3" "$1/DEBIAN/control"
}
