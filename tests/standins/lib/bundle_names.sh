# shellcheck shell=bash
# The vendor's version arithmetic: every name and version in a bundle follows from its own. Needs lib/common.sh.
# shellcheck disable=SC2034  # the variables are read by the builders

# parse_bundle VERSION-DISTRO: sets the variables below from "5.5-1.0.3.2-rhel7.7".
parse_bundle() {
  [[ $1 =~ ^([0-9]+\.[0-9]+)-([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)-(rhel[0-9]+\.[0-9]+|ubuntu[0-9]+\.[0-9]+)$ ]] ||
    die "not a bundle: '$1' (like 5.5-1.0.3.2-rhel7.7 or 4.9-4.1.7.0-ubuntu20.04)"
  local line=${BASH_REMATCH[1]} fields="${BASH_REMATCH[2]}.${BASH_REMATCH[3]}.${BASH_REMATCH[4]}"
  distro=${BASH_REMATCH[6]}
  version=$line-$fields.${BASH_REMATCH[5]} # 5.5-1.0.3.2
  top=MLNX_OFED_LINUX-$version-$distro-x86_64
  v_line=$line
  v_kernel=$line-OFED.$line.$fields.1 # 5.5-OFED.5.5.1.0.3.1
  v_scripts=$line-OFED.$line.$fields  # 5.5-OFED.5.5.1.0.3
  internal=OFED-internal-$line-$fields
  suffix=$line.$fields
  suffix=${suffix//./} # 55103
  rpm_tag=.${distro/./u} # .rhel7u7
  packaging=$([[ $distro = rhel* ]] && echo rpm || echo deb)
  # from 23.10 on, the deb packages of the kernel part have dots
  if [ "$packaging" = deb ] && [[ $line = 2[3-9].* ]]; then
    v_kernel=$line.OFED.$line.$fields.1-1
  fi
  stack_versions "$line"
}

# stack_versions LINE: layout and versions that differ between the lines; 4.7 to 5.0 are split into two library stacks.
stack_versions() {
  local core
  layout=flat
  case $1 in
  4.[79] | 5.0) layout=split core=50mlnx1-1 ;;
  5.1) core=51mlnx1-1 ;;
  5.[23]) core=52mlnx1-1 ;;
  5.4) core=54mlnx1-1 ;;
  5.5) core=55mlnx37-1 ;;
  5.[67]) core=56mlnx40-1 ;;
  5.8) core=58mlnx43-1 ;;
  5.9) core=59mlnx44-1 ;;
  23.0[47]) core=2304mlnx44-1 ;; # not seen; it only has to grow from line to line
  23.10) core=2307mlnx47-1 ;;
  24.*) core=2410mlnx54-1 ;; # not seen
  *) die "no version of rdma-core known for the $1 line" ;;
  esac
  v_core=$core.$suffix
  if [ "$layout" = split ]; then
    v_opensm=5.7.2.MLNX20201014.9378048-0.1.$suffix v_mft=4.15.1-9 v_mstflint=4.14.0-3.$suffix
    v_knem=1.1.4.90mlnx1-OFED.4.9.0.2.5.1 v_ucx=1.8.0-1.$suffix v_perftest=4.5-0.1.g23b8f9c.$suffix
    v_ethtool=5.4-1.$suffix v_iproute=5.4.0-1.$suffix v_tools=
  else
    v_opensm=5.10.0.MLNX20211115.e645cc83-0.1.$suffix v_mft=4.18.0-106 v_mstflint=4.16.0-1.$suffix
    v_knem=1.1.4.90mlnx1-OFED.5.5.0.5.2.1 v_ucx=1.12.0-1.$suffix v_perftest=4.5-0.11.gcc63b8f.$suffix
    v_ethtool=5.13-1.$suffix v_iproute=5.14.0-1.$suffix v_tools=5.2.0-0.$suffix
  fi
  # the older stack of the split bundles
  v_mlnx_verbs=41mlnx1-OFED.4.9.3.0.0.$suffix v_mlnx_mlx4=41mlnx1-OFED.4.7.3.0.3.$suffix
  v_mlnx_mlx5=41mlnx1-OFED.4.9.0.1.2.$suffix v_mlnx_rdmacm=41mlnx1-OFED.4.7.3.0.6.$suffix
  v_mlnx_umad=43.1.1.MLNX20200211.078947f-0.1.$suffix v_mlnx_mad=5.4.0.MLNX20190423.1d917ae-0.1.$suffix
  v_mlnx_diags=5.6.0.MLNX20200211.354e4b7-0.1.$suffix v_mlnx_acm=41mlnx1-OFED.4.3.3.0.0.$suffix
  v_mlnx_srp=41mlnx1-5.$suffix
}

# ga_kernel DISTRO: the kernel that the vendor's binary modules are built for (the release's first one).
ga_kernel() {
  case $1 in
  rhel7.4) echo 3.10.0-693.el7.x86_64 ;;
  rhel7.5) echo 3.10.0-862.el7.x86_64 ;;
  rhel7.6) echo 3.10.0-957.el7.x86_64 ;;
  rhel7.7) echo 3.10.0-1062.el7.x86_64 ;;
  rhel7.8) echo 3.10.0-1127.el7.x86_64 ;;
  rhel7.9) echo 3.10.0-1160.el7.x86_64 ;;
  rhel8.1) echo 4.18.0-147.el8.x86_64 ;;
  rhel8.2) echo 4.18.0-193.el8.x86_64 ;;
  rhel8.10) echo 4.18.0-553.el8_10.x86_64 ;;
  rhel9.4) echo 5.14.0-427.13.1.el9_4.x86_64 ;;
  rhel9.6) echo 5.14.0-570.12.1.el9_6.x86_64 ;;
  ubuntu16.04) echo 4.4.0-22-generic ;;
  ubuntu18.04) echo 4.15.0-20-generic ;;
  ubuntu20.04) echo 5.4.0-26-generic ;;
  ubuntu22.04) echo 5.15.0-25-generic ;;
  ubuntu24.04) echo 6.8.0-31-generic ;;
  *) die "no kernel known for '$1': name one" ;;
  esac
}
