# shellcheck shell=bash
# What distinguishes the Enterprise Linux releases. Needs lib/common.sh.
# shellcheck disable=SC2034  # the variables are read by the builders

# describe_el RELEASE: sets the el_* variables from "centos7.7", "rhel8.2" or "almalinux8.10".
describe_el() {
  [[ $1 =~ ^(centos|rhel|almalinux)([789])\.([0-9]+)$ ]] || die "not an EL release: '$1'"
  el_id=${BASH_REMATCH[1]} el_major=${BASH_REMATCH[2]} el_minor=${BASH_REMATCH[3]}
  el_version=$el_major.$el_minor
  el_rdma=17.2-3 el_kernel_config=()
  case $el_version in
  7.4) el_build=1708 el_kernel=3.10.0-693.21.1.el7.x86_64 el_rdma=13-7 ;;
  7.5) el_build=1804 el_kernel=3.10.0-862.11.6.el7.x86_64 el_rdma=15-6 ;;
  7.6) el_build=1810 el_kernel=3.10.0-957.27.2.el7.x86_64 ;;
  7.7) el_build=1908 el_kernel=3.10.0-1062.el7.x86_64 ;;
  7.8) el_build=2003 el_kernel=3.10.0-1127.el7.x86_64 ;;
  7.9) el_build=2009 el_kernel=3.10.0-1160.el7.x86_64 ;;
  8.1) el_build=1911 el_kernel=4.18.0-147.el8.x86_64 el_rdma=22.3-1 ;;
  8.2) el_build=2004 el_kernel=4.18.0-193.el8.x86_64 el_rdma=26.0-8 ;;
  8.3) el_build=2011 el_kernel=4.18.0-240.15.1.el8_3.x86_64 el_rdma=29.0-3 ;;
  8.10) el_build= el_kernel=4.18.0-553.el8_10.x86_64 el_rdma=48.0-1 ;;
  9.4) el_build= el_kernel=5.14.0-427.13.1.el9_4.x86_64 el_rdma=48.0-1 ;;
  9.6) el_build= el_kernel=5.14.0-570.12.1.el9_6.x86_64 el_rdma=54.0-1 ;;
  *) die "no stand-in for EL $el_version" ;;
  esac
  describe_el_names
}

# describe_el_names: how each distribution calls itself; CentOS's os-release names only the major release.
describe_el_names() {
  if [ "$el_id" = centos ]; then
    el_name="CentOS Linux" el_code=Core el_version_id=$el_major
    el_release_line="CentOS Linux release $el_version.$el_build (Core)"
    el_title_version="$el_major (Core)"
    el_release_package="centos-release $el_major-$el_minor.$el_build.0.el$el_major.centos"
  elif [ "$el_id" = almalinux ]; then
    el_name=AlmaLinux el_code="Cerulean Leopard" el_version_id=$el_version
    el_release_line="$el_name release $el_version ($el_code)"
    el_title_version="$el_version ($el_code)"
    el_release_package="almalinux-release $el_version-1.el$el_major"
  else
    declare -A codes=([7]=Maipo [8]=Ootpa [9]=Plow)
    el_code=${codes[$el_major]}
    el_name="Red Hat Enterprise Linux" el_version_id=$el_version
    [ "$el_major" != 7 ] || el_name+=" Server"
    el_release_line="$el_name release $el_version ($el_code)"
    el_title_version="$el_version ($el_code)"
    el_release_package="redhat-release-server $el_version-1.el$el_major"
    [ "$el_major" = 7 ] || el_release_package="redhat-release $el_version-1.0.el$el_major"
  fi
}
