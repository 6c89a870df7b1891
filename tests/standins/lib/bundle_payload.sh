# shellcheck shell=bash
# Files that the packages of a bundle install, for both families. Needs lib/files.sh and the
# variables of lib/bundle_names.sh.

# put_kernel_utils ROOT UNITDIR: what loads the drivers at boot.
put_kernel_utils() {
  put_openibd "$1/etc/init.d/openibd"
  put "$1$2/openibd.service" 0644 <<-'END'
	[Unit]
	Description=openibd - configure Mellanox devices
	DefaultDependencies=false
	After=local-fs.target
	Before=network.target networking.service remote-fs-pre.target

	[Service]
	Type=oneshot
	RemainAfterExit=yes
	TimeoutSec=180
	ExecStart=/etc/init.d/openibd start bootid=%b
	ExecStop=/etc/init.d/openibd stop

	[Install]
	WantedBy=sysinit.target
	END
  put "$1/etc/infiniband/openib.conf" 0644 <<-'END'
	# Start the HCA driver at boot
	ONBOOT=yes

	# Force the openibd script to load modules that are not a part of this bundle
	FORCE_MODE=no

	UMAD_LOAD=yes
	UVERBS_LOAD=yes
	UCM_LOAD=no
	RDMA_CM_LOAD=yes
	RDMA_UCM_LOAD=yes
	MLX5_LOAD=yes
	IPOIB_LOAD=yes
	SDP_LOAD=yes
	QIB_LOAD=yes
	RUN_SYSCTL=no
	END
  put "$1/etc/infiniband/mlx5.conf" 0644 <<<"# options for mlx5_core"
  put "$1/etc/modprobe.d/mlnx.conf" 0644 <<<"# Module parameters for MLNX_OFED kernel modules"
  put "$1/etc/modprobe.d/ib_ipoib.conf" 0644 <<<"alias netdev-ib* ib_ipoib"
  put "$1/etc/infiniband/info" 0755 <<-END
	#!/bin/sh
	echo "kernel modules $v_kernel (stand-in)"
	END
  put "$1/lib/udev/rules.d/90-ib.rules" 0644 <<<'KERNEL=="umad*", NAME="infiniband/%k"'
  put "$1/lib/udev/rules.d/82-net-setup-link.rules" 0644 <<<'SUBSYSTEM!="net", GOTO="net_setup_link_end"
LABEL="net_setup_link_end"'
}

put_openibd() {
  put "$1" 0755 <<-'END'
	#!/bin/bash
	### BEGIN INIT INFO
	# Provides: openibd
	# Required-Start: $local_fs
	# Required-Stop: $local_fs
	# Default-Start: 2 3 5
	# Default-Stop: 0 1 6
	# Description: Loads and unloads the InfiniBand drivers (stand-in)
	### END INIT INFO
	. /etc/infiniband/openib.conf

	is_ours() {
	  local file
	  file=$(modinfo -n "$1") || return 1
	  case $file in
	  */updates/dkms/*.ko | */extra/mlnx-ofa_kernel/*.ko | */weak-updates/mlnx-ofa_kernel/*.ko) return 0 ;;
	  esac
	  [ "$FORCE_MODE" = yes ] && return 0
	  echo "Module $1 belong to kernel which is not a part of MLNX_OFED, skipping..."
	  return 1
	}

	load() {
	  local module status=0
	  for module in mlx5_core mlx5_ib ib_umad ib_uverbs rdma_cm rdma_ucm ib_ipoib; do
	    is_ours "$module" && modprobe "$module" || status=1
	  done
	  return $status
	}

	case $1 in
	start | restart)
	  [ "$ONBOOT" = yes ] || exit 0
	  echo "Loading HCA driver and Access Layer"
	  load ;;
	force-start) FORCE_MODE=yes load ;;
	stop | status) exit 0 ;;
	*) echo "usage: $0 start|force-start|stop|restart|status" >&2; exit 2 ;;
	esac
	END
}

# put_ofed_scripts ROOT: ofed_info as packaged prints the internal name; the metapackage's scriptlet rewrites it.
put_ofed_scripts() {
  put "$1/usr/bin/ofed_info" 0755 <<-END
	#!/bin/bash
	# stand-in
	case \$1 in
	-s) echo "$internal:" ;;
	-n) echo "${internal#OFED-internal-}" ;;
	*) echo "$internal:" && echo && echo "kernel modules: $v_kernel" ;;
	esac
	END
  put_program "$1/usr/bin/hca_self_test.ofed" hca_self_test.ofed
  put_program "$1/usr/sbin/ofed_uninstall.sh" ofed_uninstall.sh
  put_program "$1/usr/sbin/sysinfo-snapshot.py" sysinfo-snapshot.py
}

# put_opensm ROOT UNITDIR
put_opensm() {
  put_program "$1/usr/sbin/opensm" opensm
  put "$1$2/opensmd.service" 0644 <<-'END'
	[Unit]
	Description=OpenSM (stand-in)
	After=openibd.service

	[Service]
	Type=simple
	ExecStart=/usr/sbin/opensm

	[Install]
	WantedBy=multi-user.target
	END
}

# product_name_script: the scriptlet of a metapackage (shell text): modules, ofed_info's product name, opensmd off.
product_name_script() {
  cat <<-END
	for dir in /lib/modules/*/; do /sbin/depmod "\$(basename "\$dir")" 2>/dev/null || :; done
	sed -i -e "s/$internal/MLNX_OFED_LINUX-$version/g" -e "s/\"${internal#OFED-internal-}\"/\"$version\"/" /usr/bin/ofed_info || :
	systemctl disable opensmd >/dev/null 2>&1 || :
	sed -i -e 's/^SDP_LOAD=.*/SDP_LOAD=no/' -e 's/^QIB_LOAD=.*/QIB_LOAD=no/' /etc/infiniband/openib.conf || :
	/sbin/ldconfig || :
	END
}

# put_bundle_top DIRECTORY KEYFILE: everything of a bundle but its packages. The vendor's scripts are stubs that prove,
# by exit status 86 and a line on standard error, that they ran.
put_bundle_top() {
  local script
  echo x86_64 >"$1/.arch"
  echo "$version" >"$1/.mlnx"
  echo "$distro" >"$1/distro"
  echo "Stand-in for tests; contains no file of the vendor." >"$1/LICENSE"
  cp "$2" "$1/RPM-GPG-KEY-Mellanox"
  for script in mlnxofedinstall uninstall.sh mlnx_add_kernel_support.sh; do
    printf '#!/bin/sh\necho "stand-in %s was run: $*" >&2\nexit 86\n' "$script" | put "$1/$script" 0755
  done
  for script in common.pl common_installers.pl create_mlnx_ofed_installers.pl; do
    printf '#!/usr/bin/perl\nexit 86; # stand-in\n' | put "$1/$script" 0755
  done
  [ "$packaging" = deb ] || printf '#!/bin/sh\nexit 86\n' | put "$1/is_kmp_compat.sh" 0755
  put "$1/docs/conf/ofed-all.conf" 0644 <<<"# stand-in; stale, as the vendor's is"
  put "$1/docs/scripts/create_Module.symvers.sh" 0755 <<<$'#!/bin/sh\nexit 86'
  put "$1/docs/Secure_Boot/README.txt" 0644 <<<"stand-in"
  mkdir -p "$1/src/MLNX_OFED_SRC-$version"
  echo "stand-in" >"$1/src/MLNX_OFED_SRC-$version/BUILD_ID"
  tar -C "$1/src" --owner=0 --group=0 --mtime="@$SOURCE_DATE_EPOCH" -czf "$1/src/MLNX_OFED_SRC-$version.tgz" "MLNX_OFED_SRC-$version"
  rm -rf "$1/src/MLNX_OFED_SRC-$version"
}
