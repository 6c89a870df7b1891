# shellcheck shell=bash
# Builds many RPMs with one rpmbuild, in forms that rpm 4.11 of EL7 reads. Needs lib/common.sh and $scratch.
# Files of a package go to $scratch/tree before rpm_add is called; it empties the tree for the next one.

# is_left_out LINE: a line of a preamble is not written; a script may define this anew.
is_left_out() { false; }

# rpm_start: begins a new set of packages.
rpm_start() {
  rm -rf "$scratch/rpm" "$scratch/tree"
  mkdir -p "$scratch/rpm" "$scratch/tree"
  cat >"$scratch/rpm/set.spec" <<-'END'
	Name: stand-in-set
	Version: 1
	Release: 1
	Summary: stand-in
	License: none
	%description
	stand-in
	END
}

# rpm_add NAME VERSION-RELEASE ARCH [LINE…]: a package; each LINE goes into the preamble ("Requires: x"). A file
# $scratch/scripts holds scriptlets ("%post" and so on at the start of a line).
rpm_add() {
  local name=$1 evr=$2 arch=$3 spec=$scratch/rpm/set.spec line
  shift 3
  {
    printf '%%package -n %s\nVersion: %s\nRelease: %s\nSummary: stand-in for %s\n' "$name" "${evr%-*}" "${evr##*-}" "$name"
    printf 'AutoReqProv: no\n'
    [ "$arch" != noarch ] || echo "BuildArch: noarch"
    for line in "$@"; do is_left_out "$line" || printf '%s\n' "$line"; done
    printf '%%description -n %s\nstand-in for %s\n' "$name" "$name"
    [ ! -e "$scratch/scripts" ] || sed -E "s/^%(pre|post|preun|postun)\$/%\1 -n $name/" "$scratch/scripts"
    printf '%%files -n %s\n%%defattr(-,root,root)\n' "$name"
    find "$scratch/tree" -path '*/tree/etc/*' -type f ! -perm /111 -printf '%%config(noreplace) "/%P"\n'
    find "$scratch/tree" \( -type f -o -type l \) \( ! -path '*/tree/etc/*' -o -perm /111 -o -type l \) -printf '"/%P"\n'
  } >>"$spec"
  mkdir -p "$scratch/rpm/root"
  cp -a "$scratch/tree/." "$scratch/rpm/root/"
  rm -rf "$scratch/tree" "$scratch/scripts"
  mkdir "$scratch/tree"
}

# rpm_build DIRECTORY: builds the set; the packages are in DIRECTORY afterwards.
rpm_build() {
  mkdir -p "$1" "$scratch/rpm/root" "$scratch/rpm/out"
  printf '%%install\nmkdir -p %%{buildroot}\ncp -a %s/. %%{buildroot}/\n' "$scratch/rpm/root" >>"$scratch/rpm/set.spec"
  run_quietly "$scratch/rpm/log" rpmbuild -bb --target x86_64-linux \
    --define "_topdir $scratch/rpm/top" --define "_rpmdir $scratch/rpm/out" --define '_build_id_links none' \
    --define 'debug_package %{nil}' --define '__os_install_post %{nil}' --define '_binary_payload w2.xzdio' \
    --define '_buildhost bake.test' --define 'packager stand-in <stand-in@bake.test>' \
    --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' "$scratch/rpm/set.spec"
  find "$scratch/rpm/out" -name '*.rpm' -exec mv -t "$1" {} +
}
