# shellcheck shell=bash
# Stand-in packages for what the genuine CentOS 7 packages lack: kernel, Azure agent, and the parts of systemd and
# glibc-common that dracut and the packages' scriptlets call. Needs lib/common.sh, lib/disk.sh, lib/deb_config.sh, lib/rpm.sh.
# shellcheck disable=SC2154  # the caller sets them

# executable FILE: stdin becomes a program.
executable() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod 755 "$1"
}

# add_el7_kernel KERNEL: a kernel package with the provides of the real one that others ask for.
add_el7_kernel() {
  local kernel=$1 tree=$scratch/tree
  local evr=${kernel%.x86_64}
  local -a provides
  python3 "$standins_dir/lib/modules.py" kernel "$tree" "$kernel"
  ln -s "/usr/src/kernels/$kernel" "$tree/lib/modules/$kernel/build"
  ln -s build "$tree/lib/modules/$kernel/source"
  mapfile -t provides < <(zcat "$tree/boot/symvers-$kernel.gz" | awk '{ printf "Provides: kernel(%s) = %s\n", $2, $1 }')
  rpm_add kernel "$evr" x86_64 "Provides: kernel-x86_64 = $evr" "Provides: kernel-uname-r = $kernel" "${provides[@]}"
}

# add_el7_agent: the Azure agent with its configuration, RDMA commented out with "n".
add_el7_agent() {
  local tree=$scratch/tree
  mkdir -p "$tree/etc" "$tree/usr/lib/systemd/system"
  write_waagent_conf "$tree/etc/waagent.conf"
  sed -i 's/^# OS.EnableRDMA=y/# OS.EnableRDMA=n/' "$tree/etc/waagent.conf"
  executable "$tree/usr/sbin/waagent" <<-'END'
	#!/usr/bin/bash
	# stand-in for the Azure agent
	echo "WALinuxAgent-2.2.46 running on centos 7.9.2009"
	END
  cat >"$tree/usr/lib/systemd/system/waagent.service" <<-'END'
	[Unit]
	Description=Azure Linux Agent
	Wants=network-online.target sshd.service
	After=network-online.target

	[Service]
	Type=simple
	ExecStart=/usr/sbin/waagent -daemon

	[Install]
	WantedBy=multi-user.target
	END
  rpm_add WALinuxAgent 2.2.46-2.el7 noarch
}

# add_el7_systemd: what a chroot uses of systemd. No /usr/lib/systemd/systemd: with it dracut would want all the rest.
add_el7_systemd() {
  local tree=$scratch/tree program
  mkdir -p "$tree/etc/udev" "$tree/usr/sbin"
  echo '#udev_log="info"' >"$tree/etc/udev/udev.conf"
  executable "$tree/usr/bin/udevadm" <<-'END'
	#!/usr/bin/bash
	# stand-in for udevadm: dracut asks for its version
	case $1 in --version | -V) echo 219 ;; esac
	END
  executable "$tree/usr/lib/systemd/systemd-udevd" <<-'END'
	#!/usr/bin/bash
	echo "stand-in for systemd-udevd" >&2
	exit 1
	END
  write_el7_systemctl "$tree/usr/bin/systemctl"
  for program in halt poweroff reboot; do ln -s ../bin/systemctl "$tree/usr/sbin/$program"; done
  rpm_add systemd 219-78.el7_9.3 x86_64 "Provides: udev = 219" "Provides: systemd-units = 219-78.el7_9.3" \
    "Provides: /bin/systemctl"
}

# write_el7_systemctl FILE: systemctl 219 as it acts in a chroot: links are made and removed, the rest is ignored.
write_el7_systemctl() {
  executable "$1" <<-'END'
	#!/usr/bin/bash
	# stand-in for systemctl in a chroot
	verb= units=() status=0
	for argument; do
	  case $argument in
	    -*) ;;
	    *) if [ -z "$verb" ]; then verb=$argument; else units+=("$argument"); fi ;;
	  esac
	done
	find_unit() {
	  local directory
	  for directory in /etc/systemd/system /usr/lib/systemd/system; do
	    [ -f "$directory/$1" ] && echo "$directory/$1" && return 0
	  done
	}
	enable_unit() { # FILE NAME
	  local target
	  for target in $(sed -n 's/^WantedBy=//p' "$1"); do
	    mkdir -p "/etc/systemd/system/$target.wants"
	    ln -sfn "$1" "/etc/systemd/system/$target.wants/$2"
	    echo "Created symlink from /etc/systemd/system/$target.wants/$2 to $1." >&2
	  done
	}
	case $verb in
	  enable | disable | is-enabled) ;;
	  is-active | status) exit 3 ;;
	  *)
	    echo "Running in chroot, ignoring request." >&2
	    exit 0
	    ;;
	esac
	for name in "${units[@]}"; do
	  [[ $name == *.* ]] || name=$name.service
	  file=$(find_unit "$name")
	  if [ -z "$file" ] && [ -x "/etc/rc.d/init.d/${name%.service}" ]; then
	    switch=
	    [ "$verb" != enable ] || switch=on
	    [ "$verb" != disable ] || switch=off
	    echo "$name is not a native service, redirecting to /sbin/chkconfig." >&2
	    chkconfig --level=35 "${name%.service}" $switch || status=1
	  elif [ -z "$file" ]; then
	    echo "Failed to execute operation: No such file or directory" >&2
	    status=1
	  elif [ "$verb" = enable ]; then
	    enable_unit "$file" "$name"
	  elif [ "$verb" = disable ]; then
	    rm -f /etc/systemd/system/*.wants/"$name"
	  elif compgen -G "/etc/systemd/system/*.wants/$name" >/dev/null; then
	    echo enabled
	  else
	    echo disabled
	    status=1
	  fi
	done
	exit $status
	END
}

# add_el7_glibc_common: ldd. Without it dracut succeeds, but leaves every library out of the initramfs.
add_el7_glibc_common() {
  executable "$scratch/tree/usr/bin/ldd" <<-'END'
	#!/usr/bin/bash
	# stand-in for ldd
	loader=/lib64/ld-linux-x86-64.so.2 status=0
	for file; do
	  [ $# = 1 ] || echo "$file:"
	  "$loader" --verify "$file" >/dev/null 2>&1
	  case $? in
	    0 | 2) LD_TRACE_LOADED_OBJECTS=1 "$loader" "$file" || status=1 ;;
	    *)
	      printf '\tnot a dynamic executable\n'
	      status=1
	      ;;
	  esac
	done
	exit $status
	END
  rpm_add glibc-common 2.17-317.el7 x86_64
}

# build_el7_standins KERNEL DIRECTORY: all stand-in packages.
build_el7_standins() {
  rpm_start
  add_el7_kernel "$1"
  add_el7_agent
  add_el7_systemd
  add_el7_glibc_common
  rpm_build "$2"
}
