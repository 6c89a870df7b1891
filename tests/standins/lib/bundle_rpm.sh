# shellcheck shell=bash
# The RPM packages and repositories of a bundle. Needs the other bundle_*.sh, lib/rpm.sh, $scratch, $out.

libc="Requires: libc.so.6()(64bit)"
provides_core="41mlnx1-1"

# What the packages ask of the image, not of each other.
image_requires=(coreutils pciutils grep procps module-init-tools lsof dracut kmod perl python python3 tcl tk
  "libc.so.6()(64bit)" "libz.so.1()(64bit)" "libnuma.so.1()(64bit)" "libnl-3.so.200()(64bit)" "libnl-route-3.so.200()(64bit)")

# is_left_out LINE: the line asks for something that the image lacks, for which the bundle is made.
is_left_out() {
  local name
  [[ $1 = "Requires: "* ]] || return 1
  for name in "${image_requires[@]}"; do
    [ "$1" != "Requires: $name" ] || { is_absent "$name" && return; }
  done
  return 1
}

# rpm_script: standard input becomes the scriptlets of the next package.
rpm_script() { cat >"$scratch/scripts"; }

# library NAME EVR SONAME LINE…: a package with one shared object.
library() {
  put_library "$scratch/tree/usr/lib64" "$3"
  rpm_add "$1" "$2" x86_64 "Provides: $3()(64bit)" "$libc" "${@:4}"
}

# programs NAME EVR "PROGRAM…" LINE…: a package of programs that only say their name.
programs() {
  local program
  for program in $3; do put_program "$scratch/tree/usr/bin/$program" "$program"; done
  rpm_add "$1" "$2" x86_64 "$libc" "${@:4}"
}

# add_kernel_rpms KERNEL…: the base package and the kernel module packages. No requirement names a kernel: the vendor's
# spec file switches that off, so nothing but bake notices modules that do not fit.
add_kernel_rpms() {
  local obsolete=("Obsoletes: kernel-ib" "Obsoletes: compat-rdma" "Obsoletes: rdma < $provides_core"
    "Obsoletes: rdma-core < $provides_core" "Obsoletes: mlnx-en")
  [ "$layout" = flat ] || obsolete+=("Provides: rdma = $provides_core" "Provides: rdma-core = $provides_core" "Provides: rdma-core-devel = $provides_core")
  put_kernel_utils "$scratch/tree" /usr/lib/systemd/system
  rpm_script <<-'END'
	%post
	if [ -x /usr/bin/systemctl ] || [ -x /bin/systemctl ]; then
	  systemctl daemon-reload >/dev/null 2>&1 || :
	  systemctl enable openibd >/dev/null 2>&1 || :
	fi
	cat /proc/sys/kernel/random/boot_id 2>/dev/null | sed -e 's/-//g' >/var/run/openibd.bootid || :
	grep -qs '^\* soft memlock' /etc/security/limits.conf || printf '* soft memlock unlimited\n* hard memlock unlimited\n' >>/etc/security/limits.conf || :
	%preun
	[ "$1" != 0 ] || systemctl disable openibd >/dev/null 2>&1 || :
	END
  rpm_add mlnx-ofa_kernel "$v_kernel$rpm_tag" x86_64 "${obsolete[@]}" "Requires: coreutils" "Requires: pciutils" \
    "Requires: grep" "Requires: procps" "Requires: module-init-tools" "Requires: lsof"
  add_kmod mlnx-ofa_kernel "$v_kernel$rpm_tag" "$@"
  put "$scratch/tree/usr/src/ofa_kernel/default/Module.symvers" 0644 <<<"# stand-in"
  rpm_add mlnx-ofa_kernel-devel "$v_kernel$rpm_tag" x86_64 "Requires: coreutils" "Requires: pciutils"
  local module
  for module in iser isert srp; do add_kmod "$module" "$v_kernel$rpm_tag"; done
  add_kmod knem "$v_knem$rpm_tag"
  add_kmod kernel-mft-mlnx "$v_mft$rpm_tag"
  programs knem "$v_knem$rpm_tag" knem_info
}

# add_kmod NAME EVR KERNEL…: kmod-NAME; with kernels the bundle's modules, otherwise no files.
add_kmod() {
  local name=$1 evr=$2 kernel file module
  shift 2
  for kernel in "$@"; do
    vendor_modules "$scratch/tree/lib/modules/$kernel/extra/$name" "$kernel"
    while read -r file; do
      module=${file##*/}
      put "$scratch/tree/etc/depmod.d/zz01-$name-$module.conf" 0644 <<-END
		override $module * weak-updates/$name/${file%/*}
		override $module * extra/$name/${file%/*}
		END
    done < <(find "$scratch/tree/lib/modules/$kernel/extra/$name" -name '*.ko' -printf '%P\n' | sed 's/\.ko$//')
  done
  [ $# = 0 ] || rpm_script <<-END
	%post
	[ ! -x /sbin/depmod ] || for kernel in $*; do [ ! -d "/lib/modules/\$kernel" ] || /sbin/depmod -a "\$kernel" 2>/dev/null || :; done
	if [ -x /sbin/weak-modules ]; then
	  find $(printf '/lib/modules/%s/extra/'"$name"' ' "$@") -name '*.ko' | /sbin/weak-modules --add-modules || :
	fi
	%preun
	rpm -ql kmod-$name | grep '\.ko\$' >/var/run/rpm-kmod-$name-modules || :
	%postun
	if [ -x /sbin/weak-modules ] && [ -e /var/run/rpm-kmod-$name-modules ]; then
	  /sbin/weak-modules --remove-modules </var/run/rpm-kmod-$name-modules || :
	fi
	rm -f /var/run/rpm-kmod-$name-modules
	END
  rpm_add "kmod-$name" "$evr" x86_64 "Provides: kernel-modules" "Requires: mlnx-ofa_kernel"
}

add_tool_rpms() {
  put_ofed_scripts "$scratch/tree"
  rpm_add ofed-scripts "$v_scripts" x86_64
  put_incompressible "$scratch/tree/opt/mellanox/mlnx-fw-updater/firmware.bin" 6
  rpm_script <<<$'%post\necho "stand-in: the firmware of this machine would be flashed now" >&2; touch /FIRMWARE-WAS-FLASHED'
  rpm_add mlnx-fw-updater "$version" x86_64
  programs mft "$v_mft" mst
  programs mstflint "$v_mstflint" "mstflint mstconfig" "Requires: libz.so.1()(64bit)"
  programs mlnx-ethtool "$v_ethtool" mlnx-ethtool
  programs mlnx-iproute2 "$v_iproute" mlnx-ip
  programs ucx "$v_ucx" ucx_info "Requires: libnuma.so.1()(64bit)" "Requires: libibverbs.so.1()(64bit)"
  programs perftest "$v_perftest" "ib_write_bw ib_read_lat" "Requires: libibverbs.so.1()(64bit)" "Requires: librdmacm.so.1()(64bit)"
  programs ibutils2 "2.1.1-0.126.MLNX20200721.$suffix" ibdiagnet "Requires: tcl" "Requires: tk"
  [ -z "$v_tools" ] || programs mlnx-tools "$v_tools" "show_gids mlnx_qos" "Requires: $([[ $distro = rhel7* ]] && echo python || echo python3)"
  put_opensm "$scratch/tree" /usr/lib/systemd/system
  rpm_script <<<$'%post\nsystemctl enable opensmd >/dev/null 2>&1 || :'
  rpm_add opensm "$v_opensm" x86_64 "Requires: opensm-libs = ${v_opensm%-*}" "Requires: libibumad.so.3()(64bit)"
  library opensm-libs "$v_opensm" libopensm.so.9
}

# add_core_rpms: the rdma-core stack.
add_core_rpms() {
  put "$scratch/tree/etc/rdma/mlx4.conf" 0644 <<<"# stand-in"
  put "$scratch/tree/etc/rdma/modules/rdma.conf" 0644 <<<"rdma_cm"
  put "$scratch/tree/usr/lib/systemd/system/rdma-load-modules@.service" 0644 <<<$'[Unit]\nDescription=stand-in'
  rpm_add rdma-core "$v_core" x86_64 "$libc" "Requires: pciutils" "Requires: dracut" "Requires: kmod" "Provides: rdma = ${v_core%-*}" \
    "Obsoletes: rdma < 8"
  library libibverbs "$v_core" libibverbs.so.1 "Requires: libnl-3.so.200()(64bit)" "Requires: libnl-route-3.so.200()(64bit)" \
    "Provides: libmlx5.so.1()(64bit)" "Obsoletes: libmlx4 < 13" "Obsoletes: libmlx5 < 13"
  programs libibverbs-utils "$v_core" "ibv_devinfo ibv_devices ibv_rc_pingpong" "Requires: libibverbs.so.1()(64bit)"
  library librdmacm "$v_core" librdmacm.so.1 "Requires: libibverbs.so.1()(64bit)"
  programs librdmacm-utils "$v_core" rping "Requires: librdmacm.so.1()(64bit)"
  library libibumad "$v_core" libibumad.so.3
  programs infiniband-diags "$v_core" "ibstat ibstatus iblinkinfo" "Requires: libibumad.so.3()(64bit)" "Requires: perl" \
    "Provides: libibmad.so.5()(64bit)" "Obsoletes: libibmad < 13" "Obsoletes: openib-diags < 1.3"
  programs ibacm "$v_core" ib_acme "Requires: libibverbs.so.1()(64bit)"
  programs srp_daemon "$v_core" srp_daemon "Requires: libibumad.so.3()(64bit)"
  rpm_add rdma-core-devel "$v_core" x86_64 "Requires: rdma-core = ${v_core%-*}"
}

# add_mlnx_rpms: the older library stack of split bundles; the versions are the vendor's, names spelled as on EL.
add_mlnx_rpms() {
  library libibverbs "$v_mlnx_verbs" libibverbs.so.1 "Requires: libnl-3.so.200()(64bit)"
  programs libibverbs-utils "$v_mlnx_verbs" "ibv_devinfo ibv_devices" "Requires: libibverbs.so.1()(64bit)"
  library libmlx4 "$v_mlnx_mlx4" libmlx4.so.1 "Requires: libibverbs.so.1()(64bit)"
  library libmlx5 "$v_mlnx_mlx5" libmlx5.so.1 "Requires: libibverbs.so.1()(64bit)"
  library librdmacm "$v_mlnx_rdmacm" librdmacm.so.1 "Requires: libibverbs.so.1()(64bit)"
  programs librdmacm-utils "$v_mlnx_rdmacm" rping "Requires: librdmacm.so.1()(64bit)"
  library libibumad "$v_mlnx_umad" libibumad.so.3
  library libibmad "$v_mlnx_mad" libibmad.so.5 "Requires: libibumad.so.3()(64bit)"
  programs infiniband-diags "$v_mlnx_diags" "ibstat ibstatus iblinkinfo" "Requires: libibmad.so.5()(64bit)" "Requires: perl"
  programs ibacm "$v_mlnx_acm" ib_acme "Requires: libibverbs.so.1()(64bit)"
  programs srptools "$v_mlnx_srp" srp_daemon "Requires: libibumad.so.3()(64bit)"
}

# add_meta_rpms DIRECTORY…: mlnx-ofed-<set>, requires every package of the set that the directories have.
add_meta_rpms() {
  local set pattern line requires name
  local kernel='mlnx-ofa_kernel|kmod-(mlnx-ofa_kernel|iser|isert|srp|kernel-mft-mlnx)|mlnx-ofa_kernel-devel|ofed-scripts'
  local user='rdma-core|rdma-core-devel|libib.*|libmlx[45]|librdmacm.*|infiniband-diags|ibacm|srp_daemon|srptools|opensm.*|mft|mstflint|mlnx-ethtool|mlnx-iproute2|mlnx-tools'
  for set in basic hpc all kernel-only; do
    case $set in
    basic) pattern="$kernel|$user" ;;
    hpc | all) pattern="$kernel|$user|knem|kmod-knem|ucx|perftest|ibutils2" ;;
    kernel-only) pattern="$kernel|knem|kmod-knem" ;;
    esac
    requires=()
    while read -r name line; do
      [[ ! $name =~ ^($pattern)$ ]] || requires+=("Requires: $name >= $line")
    done < <(rpm -qp --nosignature --qf '%{NAME} %{VERSION}-%{RELEASE}\n' "$@")
    { echo %post && product_name_script; } | rpm_script
    rpm_add "mlnx-ofed-$set" "$version.$distro" noarch "${requires[@]}"
  done
}

# index_rpms DIRECTORY: repository metadata as EL7's yum reads it.
index_rpms() {
  run_quietly "$scratch/createrepo.log" createrepo_c --general-compress-type=gz --checksum sha256 --no-database \
    --revision "$SOURCE_DATE_EPOCH" "$1"
}

# finish_rpms DIRECTORY: builds the set begun with rpm_start, signs it, moves it to DIRECTORY.
finish_rpms() {
  rpm_build "$scratch/built"
  sign_rpms "$scratch"/built/*.rpm
  mkdir -p "$1"
  mv "$scratch"/built/*.rpm "$1"
}

# build_rpms TOP KERNEL…: the package directories of an RPM bundle.
build_rpms() {
  local root=$1/RPMS stack
  shift
  rpm_start
  add_kernel_rpms "$@"
  add_tool_rpms
  if [ "$layout" = flat ]; then
    add_core_rpms
    finish_rpms "$root"
    rpm_start
    add_meta_rpms "$root"/*.rpm
    finish_rpms "$root"
    index_rpms "$root"
    return
  fi
  finish_rpms "$root/COMMON"
  for stack in MLNX_LIBS UPSTREAM_LIBS; do
    rpm_start
    if [ $stack = MLNX_LIBS ]; then add_mlnx_rpms; else add_core_rpms; fi
    finish_rpms "$root/$stack"
    link_all "$root/COMMON" ../COMMON "$root/$stack" rpm
    rpm_start
    add_meta_rpms "$root/$stack"/*.rpm
    finish_rpms "$root/$stack"
    index_rpms "$root/$stack"
  done
  mkdir "${root}_UPSTREAM_LIBS"
  link_all "$root/UPSTREAM_LIBS" ../RPMS/UPSTREAM_LIBS "${root}_UPSTREAM_LIBS" rpm
  index_rpms "${root}_UPSTREAM_LIBS"
}
