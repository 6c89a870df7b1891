# shellcheck shell=bash
# The DEB packages and repositories of a bundle. Needs the other bundle_*.sh, lib/reversion.sh, $scratch, $out.

# deb DIRECTORY NAME VERSION ARCH [FIELD=VALUE…]: packages $scratch/tree (files) and $scratch/tree/DEBIAN (scripts), and
# empties it for the next one.
deb() {
  local directory=$1 name=$2 pkg_version=$3 arch=$4 field
  shift 4
  mkdir -p "$scratch/tree/DEBIAN"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\nPriority: optional\n' "$name" "$pkg_version" "$arch"
    printf 'Maintainer: stand-in <stand-in@bake.test>\nInstalled-Size: %s\n' "$(du -sk "$scratch/tree" | cut -f1)"
    for field in "$@"; do printf '%s: %s\n' "${field%%=*}" "${field#*=}"; done
    printf 'Description: stand-in for %s\n' "$name"
  } >"$scratch/tree/DEBIAN/control"
  find "$scratch/tree/etc" -type f ! -path '*/init.d/*' -printf '/etc/%P\n' 2>/dev/null >"$scratch/tree/DEBIAN/conffiles" ||
    rm -f "$scratch/tree/DEBIAN/conffiles"
  loosen "$scratch/tree"
  build_deb "$scratch/tree" "$directory" >/dev/null
  rm -rf "$scratch/tree"
}

# deb_script NAME: standard input becomes a maintainer script of the package in $scratch/tree.
deb_script() { { printf '#!/bin/sh\n' && cat; } | put "$scratch/tree/DEBIAN/$1" 0755; }

# real DIRECTORY PACKAGE VERSION [NEWNAME [FIELD=VALUE…]]: a genuine Debian package under the vendor's version.
real() {
  local directory=$1 package=$2 pkg_version=$3 name=${4:-$2} file
  shift 3
  [ $# = 0 ] || shift
  fetch_debs "$out/cache/debs" "$package"
  for file in "$out/cache/debs/${package}"_*.deb; do
    reversion_deb "$file" "$directory" "$pkg_version" Package="$name" "$@" >/dev/null
  done
}

# build_kernel_debs DIRECTORY KERNEL…: packages that both library stacks share.
build_kernel_debs() {
  local directory=$1 kernel module
  shift
  put_kernel_utils "$scratch/tree" /lib/systemd/system
  put "$scratch/tree/etc/modprobe.d/mlnx-bf.conf" 0644 <<<"# stand-in"
  # as the vendor's: enables the unit only where systemd is running, and appends on every configure
  deb_script postinst <<-'END'
	set -e
	if [ "$1" = configure ]; then
	  [ ! -d /run/systemd/system ] || systemctl enable openibd.service
	  echo "options ib_ipoib recv_queue_size=512 send_queue_size=512" >>/etc/modprobe.d/ib_ipoib.conf
	fi
	END
  deb "$directory" mlnx-ofed-kernel-utils "$v_kernel" amd64 Section=net Source=mlnx-ofed-kernel \
    "Depends=coreutils, pciutils, grep, procps, module-init-tools | kmod, lsof"
  for kernel in "$@"; do
    vendor_modules "$scratch/modules" "$kernel"
    mkdir -p "$scratch/tree/lib/modules/$kernel/updates/dkms"
    find "$scratch/modules" -name '*.ko' -exec mv -t "$scratch/tree/lib/modules/$kernel/updates/dkms" {} +
    rm -rf "$scratch/modules"
    deb_script postinst <<<"/sbin/depmod -a $kernel || :"
    deb_script postrm <<<"[ ! -d /lib/modules/$kernel ] || /sbin/depmod -a $kernel || :"
    deb "$directory" mlnx-ofed-kernel-modules "$v_kernel.kver.$kernel" amd64 Section=kernel Source=mlnx-ofed-kernel \
      "Depends=mlnx-ofed-kernel-utils"
  done
  build_dkms_deb "$directory"
  for module in iser isert srp; do
    put "$scratch/tree/usr/src/$module-$v_line/dkms.conf" 0644 <<<"PACKAGE_NAME=$module
PACKAGE_VERSION=$v_line
AUTOINSTALL="
    deb "$directory" "$module-dkms" "$v_kernel" all Section=kernel "Depends=dkms, make, mlnx-ofed-kernel-dkms"
  done
  deb "$directory" kernel-mft-dkms "$v_mft" all Section=kernel "Depends=dkms, make"
  deb "$directory" knem-dkms "$v_knem" all Section=kernel "Depends=dkms, make, pkg-config, libc6-dev, gcc"
  deb "$directory" knem "$v_knem" amd64 Section=kernel Depends=pkg-config
}

# build_dkms_deb DIRECTORY: sources that a real dkms with gcc and make turns into the stand-in modules.
build_dkms_deb() {
  local name=mlnx-ofed-kernel source index=0 module
  source=$scratch/tree/usr/src/$name-$v_line
  mkdir -p "$source"
  python3 "$standins_dir/lib/modules.py" source "$source" "$version"
  put "$source/Makefile" 0644 <<-'END'
	modules := $(patsubst %.S.in,%.ko,$(wildcard *.S.in))
	all: $(modules)
	%.ko: %.S.in ; sed 's/@KERNEL@/$(kernelver)/' $< | gcc -c -x assembler -o $@ -
	clean: ; rm -f *.ko
	END
  {
    printf 'PACKAGE_NAME=%s\nPACKAGE_VERSION=%s\nAUTOINSTALL="yes"\nREMAKE_INITRD=yes\n' "$name" "$v_line"
    # shellcheck disable=SC2016  # dkms expands it
    printf 'MAKE[0]="make kernelver=$kernelver"\nCLEAN="make clean"\n'
    for module in "$source"/*.S.in; do
      printf 'BUILT_MODULE_NAME[%s]=%s\nDEST_MODULE_LOCATION[%s]=/updates/dkms\n' "$index" "$(basename "$module" .S.in)" "$index"
      index=$((index + 1))
    done
  } >"$source/dkms.conf"
  put "$scratch/tree/usr/share/dkms/modules_to_force_install/$name.force" 0644 <<<"$name"
  ln -s "$name-$v_line" "$scratch/tree/usr/src/ofa_kernel-$v_line"
  # the three branches of the vendor's: the running kernel's directory, a chroot's newest config, no headers: silence
  deb_script postinst <<-END
	[ "\$1" = configure ] || exit 0
	kernel=\$(uname -r)
	[ -e "/boot/config-\$kernel" ] || kernel=\$(ls /boot/config-* 2>/dev/null | sort -V | tail -n 1 | sed 's/.*config-//')
	[ -e "/lib/modules/\$kernel/build" ] || exit 0
	dkms add -m $name -v $v_line || :
	dkms build -m $name -v $v_line -k "\$kernel" && dkms install --force -m $name -v $v_line -k "\$kernel" || exit 0
	END
  deb "$1" "$name-dkms" "$v_kernel" all Section=kernel "Source=$name" \
    "Depends=dkms, make, coreutils, pciutils, grep, procps, module-init-tools | kmod, lsof, mlnx-ofed-kernel-utils" \
    "Recommends=linux-headers-amd64 | linux-headers-generic | linux-headers"
}

# build_tool_debs DIRECTORY: scripts, firmware, management tools.
build_tool_debs() {
  local directory=$1
  put_ofed_scripts "$scratch/tree"
  deb "$directory" ofed-scripts "$v_scripts" amd64 Section=utils
  put_incompressible "$scratch/tree/opt/mellanox/mlnx-fw-updater/firmware.bin" 6
  deb_script postinst <<<'echo "stand-in: the firmware of this machine would be flashed now" >&2; touch /FIRMWARE-WAS-FLASHED'
  deb "$directory" mlnx-fw-updater "$version" amd64 Section=utils \
    "Depends=libc6 (>= 2.3), libgcc1 (>= 1:3.0) | libgcc-s1, libstdc++6 (>= 4.1.1), perl"
  put_program "$scratch/tree/usr/bin/mst" mst
  deb "$directory" mft "$v_mft" amd64 Section=alien "Depends=libc6, libgcc1 | libgcc-s1, libstdc++6"
  put_program "$scratch/tree/usr/bin/mstflint" mstflint
  deb "$directory" mstflint "$v_mstflint" amd64 "Depends=libc6, zlib1g"
  put_program "$scratch/tree/opt/mellanox/ethtool/sbin/ethtool" ethtool
  deb "$directory" mlnx-ethtool "$v_ethtool" amd64 "Depends=libc6, libmnl0"
  put_program "$scratch/tree/opt/mellanox/iproute2/sbin/ip" ip
  deb "$directory" mlnx-iproute2 "$v_iproute" amd64 "Depends=libbsd0, libc6, libcap2, libdb5.3, libelf1, libmnl0, libselinux1"
  put_program "$scratch/tree/usr/bin/ucx_info" ucx_info
  deb "$directory" ucx "$v_ucx" amd64 "Depends=ibverbs-providers | libmlx5-1, libc6, libgomp1, libnuma1, librdmacm1"
  [ -z "$v_tools" ] || {
    put_program "$scratch/tree/usr/bin/show_gids" show_gids
    deb "$directory" mlnx-tools "$v_tools" amd64 "Depends=python3"
  }
  put_opensm "$scratch/tree" /lib/systemd/system
  deb_script postinst <<<'systemctl enable opensmd >/dev/null 2>&1 || :'
  deb "$directory" opensm "$v_opensm" amd64 Section=net "Depends=libopensm (= $v_opensm), libc6, libgcc-s1 | libgcc1, libstdc++6"
  deb "$directory" libopensm "$v_opensm" amd64 Section=libs "Depends=libc6, libibumad3 | libibumad"
  deb "$directory" libopensm-devel "$v_opensm" amd64 Section=libdevel "Depends=libopensm (= $v_opensm)"
  deb "$directory" opensm-doc "$v_opensm" all Section=doc
}

# build_core_debs DIRECTORY: the rdma-core stack, genuine Debian programs and libraries.
build_core_debs() {
  local directory=$1 package
  for package in rdma-core libibverbs1 ibverbs-utils librdmacm1 libibnetdisc5 libibmad5 ibacm srptools; do
    real "$directory" "$package" "$v_core"
  done
  real "$directory" ibverbs-providers "$v_core" ibverbs-providers \
    "Breaks=ibacm-dev (<< 43), libipathverbs1, libmlx4-1, libmlx5-1, libmthca1" \
    "Replaces=ibacm-dev (<< 43), libipathverbs1, libmlx4-1, libmlx5-1, libmthca1"
  real "$directory" libibumad3 "$v_core" libibumad3 Provides=libibumad
  real "$directory" infiniband-diags "$v_core" infiniband-diags Provides=infiniband-diags-compat \
    Conflicts=infiniband-diags-compat Replaces=infiniband-diags-compat
  real "$directory" rdmacm-utils "$v_core" rdmacm-utils Breaks=librdmacm-utils Replaces=librdmacm-utils
  real "$directory" perftest "$v_perftest"
  deb "$directory" libibverbs-dev "$v_core" amd64 Section=libdevel \
    "Depends=ibverbs-providers (= $v_core), libibverbs1 (= $v_core), libnl-3-dev, libnl-route-3-dev"
  deb "$directory" librdmacm-dev "$v_core" amd64 Section=libdevel "Depends=libibverbs-dev, librdmacm1 (= $v_core)"
  deb "$directory" libibumad-dev "$v_core" amd64 Section=libdevel "Depends=libibumad3 (= $v_core)"
  deb "$directory" libibmad-dev "$v_core" amd64 Section=libdevel "Depends=libibmad5 (= $v_core), libibumad-dev"
}

# build_mlnx_debs DIRECTORY: the older stack of split bundles; libraries are Debian's under the vendor's names.
build_mlnx_debs() {
  local directory=$1
  real "$directory" libibverbs1 "$v_mlnx_verbs" libibverbs1 Breaks= Recommends=
  real "$directory" ibverbs-providers "$v_mlnx_mlx5" libmlx5-1 Provides= "Breaks=ibverbs-providers" \
    "Replaces=ibverbs-providers" "Depends=libc6, libibverbs1 (>= 1.1.3)"
  put_library "$scratch/tree/usr/lib/libibverbs-compat" libmlx4.so.1
  deb "$directory" libmlx4-1 "$v_mlnx_mlx4" amd64 Section=libs "Depends=libc6, libibverbs1 (>= 1.1.3)"
  real "$directory" librdmacm1 "$v_mlnx_rdmacm" librdmacm1 "Depends=libc6, libibverbs1 (>= 1.1.2)"
  real "$directory" rdmacm-utils "$v_mlnx_rdmacm" librdmacm-utils Breaks=rdmacm-utils Replaces=rdmacm-utils \
    "Depends=libc6, libibverbs1 (>= 1.1.2), librdmacm1 (>= 1.0.7)"
  real "$directory" ibverbs-utils "$v_mlnx_verbs" ibverbs-utils "Depends=libc6, libibverbs1 (>= 1.1.2)"
  real "$directory" libibumad3 "$v_mlnx_umad" libibumad Breaks=libibumad3 Replaces=libibumad3
  real "$directory" libibmad5 "$v_mlnx_mad" libibmad Breaks=libibmad5 Replaces=libibmad5 "Depends=libc6, libibumad"
  put_program "$scratch/tree/usr/sbin/ibstat" ibstat
  deb "$directory" infiniband-diags "$v_mlnx_diags" amd64 "Depends=libc6, libibmad, libibumad, libopensm"
  put_program "$scratch/tree/usr/sbin/ibacm" ibacm
  deb "$directory" ibacm "$v_mlnx_acm" amd64 Section=net "Depends=libc6, libibumad, libibverbs1 (>= 1.1.2)"
  put_program "$scratch/tree/usr/sbin/srp_daemon" srp_daemon
  deb "$directory" srptools "$v_mlnx_srp" amd64 Section=net "Depends=libc6, libibumad, libibverbs1 (>= 1.1.2), librdmacm1"
}

# build_meta_debs DIRECTORY: mlnx-ofed-<set>, asking for everything in DIRECTORY that belongs to the set.
build_meta_debs() {
  local directory=$1 set pattern depends file
  local kernel='mlnx-ofed-kernel-utils|mlnx-ofed-kernel-dkms|(iser|isert|srp|kernel-mft)-dkms|ofed-scripts'
  local user='rdma-core|libib.*|ibverbs-.*|libmlx[45]-1|librdmacm.*|rdmacm-utils|infiniband-diags|ibacm|srptools|opensm.*|libopensm.*|mft|mstflint|mlnx-ethtool|mlnx-iproute2|mlnx-tools'
  for set in basic hpc all kernel-only basic-user-only; do
    case $set in
    basic) pattern="$kernel|$user" ;;
    hpc | all) pattern="$kernel|$user|knem|knem-dkms|ucx|perftest" ;;
    kernel-only) pattern="$kernel|knem|knem-dkms" ;;
    basic-user-only) pattern="$user|ofed-scripts" ;;
    esac
    # shellcheck disable=SC2016  # dpkg-deb's own placeholders
    depends=$(for file in "$directory"/*.deb; do dpkg-deb -W --showformat='${Package} (>= ${Version})\n' "$file"; done |
      grep -E "^($pattern) " | paste -sd, | sed 's/,/, /g')
    # shellcheck disable=SC2016  # the script expands it
    { echo '[ "$1" = configure ] || exit 0' && product_name_script; } | deb_script postinst
    deb "$directory" "mlnx-ofed-$set" "$version" all Section=utils "Depends=$depends"
  done
}

# index_debs DIRECTORY: Packages, Packages.bz2, Release and its signature, as the vendor's tool writes them.
index_debs() {
  python3 "$standins_dir/lib/deb_index.py" "$1" "$version"
  sign_detached "$1/Release" "$1/Release.gpg"
}

# build_debs TOP KERNEL…: the package directories of a DEB bundle.
build_debs() {
  local root=$1/DEBS stack
  shift
  mkdir -p "$root"
  if [ "$layout" = flat ]; then
    build_kernel_debs "$root" "$@"
    build_tool_debs "$root"
    build_core_debs "$root"
    build_meta_debs "$root"
    index_debs "$root"
    return
  fi
  mkdir -p "$root"/{COMMON,MLNX_LIBS,UPSTREAM_LIBS} "${root}_UPSTREAM_LIBS"
  build_kernel_debs "$root/COMMON" "$@"
  build_tool_debs "$root/COMMON"
  build_mlnx_debs "$root/MLNX_LIBS"
  build_core_debs "$root/UPSTREAM_LIBS"
  for stack in MLNX_LIBS UPSTREAM_LIBS; do
    link_all "$root/COMMON" ../COMMON "$root/$stack" deb
    build_meta_debs "$root/$stack"
    index_debs "$root/$stack"
  done
  link_all "$root/UPSTREAM_LIBS" ../DEBS/UPSTREAM_LIBS "${root}_UPSTREAM_LIBS" deb
  index_debs "${root}_UPSTREAM_LIBS"
}
