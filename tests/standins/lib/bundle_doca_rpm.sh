# shellcheck shell=bash
# The packages of a DOCA-Host stand-in for Enterprise Linux. Needs the other bundle_*.sh, lib/rpm.sh, $scratch, $out.

# vendor_modules DIRECTORY KERNEL: modules for lib/bundle_rpm.sh, as bundle.sh has them.
vendor_modules() { python3 "$standins_dir/lib/modules.py" vendor "$1" "$2" "$version"; }

# add_dkms_rpms: the driver as DKMS sources. The directory of kernel-mft's sources has another name than dkms expects.
add_dkms_rpms() {
  local name
  put_kernel_utils "$scratch/tree" /usr/lib/systemd/system
  rpm_add mlnx-ofa_kernel "$v_kernel$rpm_tag" x86_64 "Requires: pciutils" "Requires: lsof" "Requires: mlnx-tools"
  put "$scratch/tree/usr/src/ofa_kernel-$v_line/source/README" 0644 <<<"stand-in"
  rpm_add mlnx-ofa_kernel-source "$v_kernel$rpm_tag" x86_64
  put_module_sources "$scratch/tree/usr/src/mlnx-ofa_kernel-$v_line" mlnx-ofa_kernel "$v_line" mlx_compat ib_core ib_cm rdma_cm \
    ib_umad ib_uverbs rdma_ucm ib_ipoib mlxfw mlx5_core mlx5_ib
  rpm_add mlnx-ofa_kernel-dkms "$v_kernel$rpm_tag" x86_64 "Requires: dkms" "Requires: gcc" "Requires: make" \
    "Requires: mlnx-ofa_kernel-source = $v_kernel$rpm_tag"
  for name in iser isert srp; do
    put_module_sources "$scratch/tree/usr/src/$name-$v_line" "$name" "$v_line" "ib_$name"
    rpm_add "$name-dkms" "$v_kernel$rpm_tag" x86_64 "Requires: dkms" "Requires: mlnx-ofa_kernel-dkms"
  done
  put_module_sources "$scratch/tree/usr/src/kernel-mft-$v_line" kernel-mft-dkms 4.34.1 mst_pci
  rpm_add kernel-mft-dkms 4.34.1-10 x86_64 "Requires: dkms"
}

# add_repo_file DIRECTORY ID FILE: the .repo file of the outer package.
add_repo_file() {
  put "$scratch/tree/etc/yum.repos.d/$3" 0644 <<-END
	[$2]
	name=$2
	baseurl=file:///$1
	gpgcheck=0
	enabled=1
	END
}

# wrap_rpms NAME VERSION-RELEASE DIRECTORY ID FILE: the outer package around the packages of $scratch/repository; it is in
# $scratch/outer afterwards.
wrap_rpms() {
  index_rpms "$scratch/repository"
  rpm_start
  mkdir -p "$scratch/tree/$(dirname "$3")"
  mv "$scratch/repository" "$scratch/tree/$3"
  add_repo_file "$3" "$4" "$5"
  rpm_add "$1" "$2" x86_64
  rpm_build "$scratch/outer"
}

# build_d2: built modules for the first kernel of EL 9.6; doca-extra is not signed.
build_d2() {
  version=25.07-0.9.7.0 v_kernel=25.07-OFED.25.07.0.9.7.1 v_scripts=25.07-OFED.25.07.0.9.7 internal=OFED-internal-25.07-0.9.7
  v_core=2507mlnx58-1.2507097 rpm_tag=.rhel9u6
  rpm_start
  add_kernel_rpms "$(ga_kernel rhel9.6)"
  add_tool_rpms
  add_core_rpms
  finish_rpms "$scratch/repository/Packages"
  rpm_start
  rpm_add doca-extra 0.1.7-1.el9 noarch
  rpm_add doca-ofed 3.1.0-091000 noarch "Requires: kmod-mlnx-ofa_kernel" "Requires: mft = $v_mft" "Requires: rdma-core"
  rpm_build "$scratch/repository/Packages"
  cp "$out/keys/RPM-GPG-KEY-Mellanox" "$scratch/repository/RPM-GPG-KEY-doca"
  wrap_rpms doca-host 3.1.0-091000_25.07_rhel96 usr/share/doca-host-3.1.0/repo doca doca.repo
}

# use_3_2: the versions of DOCA 3.2.2.
use_3_2() {
  version=25.10-2.4.1.0 v_line=25.10 v_kernel=25.10-OFED.25.10.2.4.1.1 v_scripts=25.10-OFED.25.10.2.4
  internal=OFED-internal-25.10-2.4.1 v_core=2510.0.11-1.el9 v_tools=2510.0.16-1 rpm_tag=.el9 module_version=25.10-2.4.1
}

# build_d3: DKMS sources for every EL 9.
build_d3() {
  use_3_2
  rpm_start
  add_dkms_rpms
  add_tool_rpms
  add_core_rpms
  rpm_build "$scratch/repository/Packages"
  wrap_rpms doca-host 3.2.2-035000_25.10_rhel9 usr/share/doca-host-3.2.2/repo doca doca.repo
}

# build_e KERNEL: what doca-kernel-support makes for one kernel of EL 9.
build_e() {
  local kernel=$1 dotted=${1//[-_]/.}
  use_3_2
  v_kernel+=.1 rpm_tag=.$dotted
  rpm_start
  add_kernel_rpms "$kernel"
  rpm_add "doca-kernel-$dotted" 3.2.2-035000 noarch "Requires: kmod-mlnx-ofa_kernel"
  rpm_build "$scratch/repository"
  wrap_rpms doca-kernel-repo "25.10.2.4.1.0-1.kver.$dotted" "usr/share/doca-host-3.2.2/Modules/$kernel" "doca-kernel-$kernel" \
    "doca-kernel-$kernel.repo"
}
