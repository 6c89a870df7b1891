# shellcheck shell=bash
# Configuration files of the EL guests, worded as on Azure's images. Needs lib/el_release.sh, lib/disk.sh.

# write_el_identity ROOT
write_el_identity() {
  local root=$1
  rm -f "$root/etc/os-release" "$root/usr/lib/os-release" "$root/etc/issue"
  mkdir -p "$root/etc/sysconfig"
  cat >"$root/etc/os-release" <<-END
	NAME="$el_name"
	VERSION="$el_title_version"
	ID="$el_id"
	ID_LIKE="$([ "$el_id" = centos ] && echo 'rhel fedora' || echo fedora)"
	VERSION_ID="$el_version_id"
	PRETTY_NAME="$el_name $el_title_version"
	ANSI_COLOR="0;31"
	CPE_NAME="cpe:/o:$el_id:$el_id:$el_version_id"
	END
  echo "$el_release_line" >"$root/etc/$([ "$el_id" = centos ] && echo centos-release || echo redhat-release)"
  [ "$el_id" != centos ] || ln -sfn centos-release "$root/etc/redhat-release"
  ln -sfn redhat-release "$root/etc/system-release"
  echo "$el_id-${el_version/./}" >"$root/etc/hostname"
  printf '127.0.0.1 localhost localhost.localdomain\n' >"$root/etc/hosts"
  : >"$root/etc/resolv.conf"
}

# write_el_packaging ROOT: the package manager's configuration; the last line of yum.conf has no newline.
write_el_packaging() {
  local root=$1
  mkdir -p "$root/etc/yum.repos.d"
  cat >"$root/etc/yum.repos.d/base.repo" <<-END
	[base]
	name=$el_name - Base
	baseurl=http://mirror.invalid/$el_version/os/x86_64/
	gpgcheck=1
	END
  if [ "$el_major" -ge 8 ]; then
    mkdir -p "$root/etc/dnf"
    printf '[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True' >"$root/etc/dnf/dnf.conf"
    ln -sfn dnf/dnf.conf "$root/etc/yum.conf"
    return
  fi
  cat >"$root/etc/yum.conf" <<-'END'
	[main]
	cachedir=/var/cache/yum/$basearch/$releasever
	keepcache=0
	debuglevel=2
	logfile=/var/log/yum.log
	exactarch=1
	obsoletes=1
	gpgcheck=1
	plugins=1
	END
  printf 'installonly_limit=5' >>"$root/etc/yum.conf"
}

# write_el_selinux ROOT MODE: mode of the next boot, and contexts enough for setfiles.
write_el_selinux() {
  local contexts=$1/etc/selinux/targeted/contexts/files
  mkdir -p "$contexts"
  printf 'SELINUX=%s\nSELINUXTYPE=targeted\n' "$2" >"$1/etc/selinux/config"
  cat >"$contexts/file_contexts" <<-'END'
	/.*		system_u:object_r:default_t:s0
	/		-d	system_u:object_r:root_t:s0
	/bin/.*		system_u:object_r:bin_t:s0
	/usr/.*		system_u:object_r:usr_t:s0
	/usr/bin/.*	--	system_u:object_r:bin_t:s0
	/usr/sbin/.*	--	system_u:object_r:bin_t:s0
	/usr/lib/.*	system_u:object_r:lib_t:s0
	/usr/lib64/.*	system_u:object_r:lib_t:s0
	/usr/lib/modules(/.*)?	system_u:object_r:modules_object_t:s0
	/usr/lib/systemd/system(/.*)?	system_u:object_r:systemd_unit_file_t:s0
	/etc(/.*)?	system_u:object_r:etc_t:s0
	/etc/modprobe\.d(/.*)?	system_u:object_r:modules_conf_t:s0
	/boot(/.*)?	system_u:object_r:boot_t:s0
	/var(/.*)?	system_u:object_r:var_t:s0
	/var/lib/rpm(/.*)?	system_u:object_r:rpm_var_lib_t:s0
	/var/log(/.*)?	system_u:object_r:var_log_t:s0
	/root(/.*)?	system_u:object_r:admin_home_t:s0
	/home(/.*)?	system_u:object_r:user_home_t:s0
	/opt(/.*)?	system_u:object_r:usr_t:s0
	/tmp(/.*)?	system_u:object_r:tmp_t:s0
	END
  printf 'httpd_sys_content_t\npublic_content_t\n' >"$1/etc/selinux/targeted/contexts/customizable_types"
  printf '/usr/lib64 /usr/lib\n' >"$contexts/file_contexts.subs_dist"
}

# write_weak_modules FILE: a stand-in for the program of the kmod package, with its contract: names on standard input,
# links for every other kernel whose symbol versions agree, nothing at all for kernels without symvers.
write_weak_modules() {
  mkdir -p "$(dirname "$1")"
  cat >"$1" <<-'END'
	#!/bin/bash
	# stand-in for weak-modules
	action= kernel=
	for argument; do
	  case $argument in
	  --add-modules | --remove-modules) action=${argument#--} ;;
	  --no-initramfs | --verbose | --dracut=*) ;;
	  *) echo "weak-modules (stand-in): cannot do '$argument'" >&2; exit 1 ;;
	  esac
	done
	mapfile -t modules
	for directory in /lib/modules/*/; do
	  kernel=$(basename "$directory")
	  symvers=/boot/symvers-$kernel.gz
	  [ -e "$symvers" ] || symvers=$directory/symvers.gz
	  [ -e "$symvers" ] || continue
	  links=()
	  for module in "${modules[@]}"; do
	    rest=${module#/lib/modules/}
	    [ "${rest%%/*}" != "$kernel" ] || continue
	    links+=("/lib/modules/$kernel/weak-updates/${rest#*/extra/}")
	    [ "$action" = add-modules ] || continue
	    mkdir -p "$(dirname "${links[-1]}")"
	    ln -sfn "$module" "${links[-1]}"
	  done
	  [ ${#links[@]} -gt 0 ] || continue
	  if [ "$action" = remove-modules ] ||
	    depmod -n -a -e -E <(zcat "$symvers") "$kernel" 2>&1 | grep -E 'disagrees|unknown' | grep -q weak-updates; then
	    rm -f "${links[@]}"
	  fi
	  depmod -a "$kernel"
	done
	END
  chmod 755 "$1"
}
