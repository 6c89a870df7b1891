# shellcheck shell=bash
# The packages of a DOCA-Host stand-in for Ubuntu. Needs the other bundle_*.sh, lib/files.sh, lib/reversion.sh, $scratch, $out.

# put_module_sources DIRECTORY NAME VERSION MODULE…: sources that the kernel's own build system compiles, and their dkms.conf.
put_module_sources() {
  local directory=$1 name=$2 version=$3 module index=0
  shift 3
  for module in "$@"; do put_module "$directory/$module.c" "$module"; done
  printf 'obj-m := %s\n' "${*/%/.o}" | put "$directory/Kbuild" 0644
  # the symbols of the core, which its build leaves here
  put "$directory/Makefile" 0644 <<-'END'
	symbols := /usr/src/ofa_kernel/x86_64/$(KVER)/Module.symvers
	all: ; $(MAKE) -C /lib/modules/$(KVER)/build M=$(CURDIR) KBUILD_EXTRA_SYMBOLS=$(wildcard $(symbols)) modules
	clean: ; rm -f *.o *.ko *.mod *.mod.c *.symvers
	END
  {
    printf 'PACKAGE_NAME="%s"\nPACKAGE_VERSION="%s"\nAUTOINSTALL="yes"\nREMAKE_INITRD=yes\n' "$name" "$version"
    # shellcheck disable=SC2016  # dkms expands it
    printf 'MAKE[0]="make KVER=$kernelver"\nCLEAN="make clean"\n'
    for module in "$@"; do
      printf 'BUILT_MODULE_NAME[%s]=%s\nDEST_MODULE_LOCATION[%s]=/updates/dkms\n' "$index" "$module" "$index"
      index=$((index + 1))
    done
  } | put "$directory/dkms.conf" 0644
}

# put_module FILE MODULE: a module that does nothing. ib_core exports a symbol that the others need.
put_module() {
  {
    printf '#include <linux/module.h>\n#include <linux/pci.h>\n'
    case $2 in
    ib_core) printf 'int standin_ib_core(void) { return 0; }\nEXPORT_SYMBOL_GPL(standin_ib_core);\n' ;;
    mlx5_core) printf 'static const struct pci_device_id ids[] = {{PCI_VDEVICE(MELLANOX, 0x101c)}, {}};\nMODULE_DEVICE_TABLE(pci, ids);\n' ;;
    mlx_compat | mlxfw) ;;
    *) printf 'int standin_ib_core(void);\nstatic int __init start(void) { return standin_ib_core(); }\nmodule_init(start);\nstatic void __exit stop(void) {}\nmodule_exit(stop);\n' ;;
    esac
    printf 'MODULE_LICENSE("Dual BSD/GPL");\nMODULE_VERSION("%s");\nMODULE_DESCRIPTION("stand-in");\n' "$module_version"
  } | put "$1" 0644
}

# dkms_postinst NAME VERSION: builds for the newest kernel of the image; succeeds although the build fails, as the vendor's does.
dkms_postinst() {
  deb_script postinst <<-END
	[ "\$1" = configure ] || exit 0
	kernel=\$(ls /boot/config-* 2>/dev/null | sort -V | tail -n 1 | sed 's/.*config-//')
	[ -e "/lib/modules/\$kernel/build" ] || exit 0
	dkms add -m $1 -v $2 || :
	dkms build -m $1 -v $2 -k "\$kernel" && dkms install --force -m $1 -v $2 -k "\$kernel" || exit 0
	END
}

# build_doca_kernel_debs DIRECTORY: the driver as DKMS sources. $broken names a package whose sources do not compile.
build_doca_kernel_debs() {
  local directory=$1 name source
  put_kernel_utils "$scratch/tree" /lib/systemd/system
  deb_script postinst <<<'[ ! -d /run/systemd/system ] || systemctl enable openibd.service'
  deb "$directory" mlnx-ofed-kernel-utils "$v_kernel" amd64 Section=net \
    "Depends=coreutils, pciutils, grep, procps, kmod, lsof, ofed-scripts, mlnx-tools"
  for name in mlnx-ofed-kernel iser isert srp; do
    source=$scratch/tree/usr/src/$name-$v_dkms
    case $name in
    mlnx-ofed-kernel)
      put_module_sources "$source" "$name" "$v_dkms" mlx_compat ib_core ib_cm rdma_cm ib_umad ib_uverbs rdma_ucm ib_ipoib \
        mlxfw mlx5_core mlx5_ib
      # shellcheck disable=SC2016  # dkms expands it
      printf 'POST_BUILD="save_symbols.sh $kernelver"\n' >>"$source/dkms.conf"
      put "$source/save_symbols.sh" 0755 <<-'END'
	#!/bin/sh
	mkdir -p "/usr/src/ofa_kernel/x86_64/$1" && cp Module.symvers "/usr/src/ofa_kernel/x86_64/$1/"
	END
      ;;
    *)
      put_module_sources "$source" "$name" "$v_dkms" "ib_$name"
      printf 'BUILD_DEPENDS[0]="mlnx-ofed-kernel"\n' >>"$source/dkms.conf"
      ;;
    esac
    [ "$name" != "${broken:-}" ] || echo '#error this stand-in does not compile' >>"$source/ib_$name.c"
    dkms_postinst "$name" "$v_dkms"
    deb "$directory" "$name-dkms" "$v_kernel" all Section=kernel \
      "Depends=dkms, $([ "$name" = mlnx-ofed-kernel ] && echo mlnx-ofed-kernel-utils || echo "mlnx-ofed-kernel-dkms")"
  done
  # DOCA's own dkms, which no image should get
  deb "$directory" dkms 9:1.0-1 all "Depends=kmod"
}

# build_doca_meta_debs DIRECTORY: the metapackages; they ask for exact versions of some packages.
build_doca_meta_debs() {
  deb "$1" doca-ofed-userspace "$v_doca" amd64 "Depends=mft (= $v_mft), rdma-core (= $v_core), libibverbs1 (= $v_core), ibverbs-utils"
  deb "$1" doca-ofed "$v_doca" amd64 \
    "Depends=doca-ofed-userspace (= $v_doca), ucx (= $v_ucx), mlnx-ofed-kernel-dkms, iser-dkms, isert-dkms, srp-dkms"
}
