#!/usr/bin/python3
"""Stand-in kernels and kernel modules: real ELF objects that modinfo, depmod and modprobe --dump-modversions read, with
symbol versions that agree exactly when the kernels' ABIs do. They have no code and cannot be loaded.

  modules.py vendor DIRECTORY KERNEL OFED_VERSION [--image FACTS]
                                                       the modules of an OFED bundle, built for KERNEL; FACTS are symvers and
                                                       vermagic of a genuine image (tests/genuine/bundle_for.py)
  modules.py source DIRECTORY OFED_VERSION             the same as assembler sources; @KERNEL@ is a placeholder for the kernel
  modules.py kernel ROOT KERNEL [--builtin A,B] [--abi NAME] [--config "LINE"]… [--fill N] [--symvers FILE]
                                                       a whole kernel package's files below ROOT; N further modules, which
                                                       no driver needs, bring their number to that of a genuine kernel;
                                                       FILE is a genuine symvers.gz, whose versions all symbols get
"""
import argparse
import gzip
import hashlib
import lzma
import re
import struct
import subprocess
import zlib
from pathlib import Path

# Symbols of the kernel itself that the modules import.
KERNEL_SYMBOLS = ["module_layout", "printk", "kfree", "__kmalloc", "memcpy", "__pci_register_driver", "register_netdev",
                  "alloc_netdev_mqs", "netif_carrier_on", "dma_alloc_attrs", "scsi_add_host_with_dma", "device_add",
                  "queue_work_on", "kobject_uevent", "register_filesystem"]
COMMON_IMPORTS = ["module_layout", "printk", "kfree", "__kmalloc"]

MLX5_ALIASES = [f"pci:v000015B3d0000{device}sv*sd*bc*sc*i*" for device in ("1013", "1015", "1017", "1018", "101B", "101C")]
MLX4_ALIASES = [f"pci:v000015B3d0000{device}sv*sd*bc*sc*i*" for device in ("1003", "1004", "1007")]

# name: (directory, modules it needs, symbols it exports, symbols of the kernel it needs, aliases)
RDMA = {
    "mlxfw": ("drivers/net/ethernet/mellanox/mlxfw", [], ["mlxfw_firmware_flash"], [], []),
    "ib_core": ("drivers/infiniband/core", [], ["ib_register_device", "ib_alloc_device", "rdma_query_gid"], ["device_add"], []),
    "ib_cm": ("drivers/infiniband/core", ["ib_core"], ["ib_send_cm_req"], ["queue_work_on"], []),
    "iw_cm": ("drivers/infiniband/core", ["ib_core"], ["iw_cm_connect"], ["queue_work_on"], []),
    "ib_umad": ("drivers/infiniband/core", ["ib_core"], [], ["device_add"], []),
    "ib_uverbs": ("drivers/infiniband/core", ["ib_core"], ["uverbs_destroy_def_handler"], ["device_add"], []),
    "rdma_cm": ("drivers/infiniband/core", ["ib_core", "ib_cm", "iw_cm"], ["rdma_resolve_addr"], [], []),
    "rdma_ucm": ("drivers/infiniband/core", ["ib_core", "ib_uverbs", "rdma_cm"], [], [], []),
    "ib_ipoib": ("drivers/infiniband/ulp/ipoib", ["ib_core", "ib_cm"], [], ["alloc_netdev_mqs", "register_netdev"], ["rtnl-link-ipoib"]),
    "mlx5_core": ("drivers/net/ethernet/mellanox/mlx5/core", ["mlxfw"], ["mlx5_cmd_exec", "mlx5_register_interface"],
                  ["__pci_register_driver", "dma_alloc_attrs", "register_netdev"], MLX5_ALIASES),
    "mlx5_ib": ("drivers/infiniband/hw/mlx5", ["ib_core", "ib_uverbs", "mlx5_core"], [], [], []),
}
MLX4 = {
    "mlx4_core": ("drivers/net/ethernet/mellanox/mlx4", [], ["mlx4_cmd", "mlx4_register_interface"],
                  ["__pci_register_driver", "dma_alloc_attrs"], MLX4_ALIASES),
    "mlx4_en": ("drivers/net/ethernet/mellanox/mlx4", ["mlx4_core"], [], ["register_netdev"], []),
    "mlx4_ib": ("drivers/infiniband/hw/mlx4", ["ib_core", "mlx4_core"], [], [], []),
}
# Hyper-V's drivers, the file systems and disks that an initramfs looks for, and the in-tree iSER that trips over OFED.
BASE = {
    "hv_vmbus": ("drivers/hv", [], ["vmbus_open", "vmbus_sendpacket", "__vmbus_driver_register"], ["device_add"], ["acpi*:VMBUS:*"]),
    "hv_utils": ("drivers/hv", ["hv_vmbus"], [], [], ["vmbus:57164f3991154e78ab55382f3bd5422d"]),
    "hv_balloon": ("drivers/hv", ["hv_vmbus"], [], [], []),
    "hv_storvsc": ("drivers/scsi", ["hv_vmbus"], [], ["scsi_add_host_with_dma"], ["vmbus:d96361baa104294db60572e2ffb1dc7f"]),
    "hv_netvsc": ("drivers/net/hyperv", ["hv_vmbus"], [], ["register_netdev", "alloc_netdev_mqs"], ["vmbus:635161f83edfc546913ff2d2f965ed0e"]),
    "hyperv-keyboard": ("drivers/input/serio", ["hv_vmbus"], [], [], []),
    "pci-hyperv": ("drivers/pci/{pci}", ["hv_vmbus"], [], [], ["vmbus:1df6c444444400449d52802e27ede19f"]),
    "sd_mod": ("drivers/scsi", [], [], ["device_add"], []),
    "dm-mod": ("drivers/md", [], ["dm_register_target"], ["device_add"], []),
    "virtio_blk": ("drivers/block", [], [], ["device_add"], []),
    "xfs": ("fs/xfs", [], [], ["register_filesystem"], ["fs-xfs"]),
    "ext4": ("fs/ext4", [], [], ["register_filesystem"], ["fs-ext4"]),
    "ib_iser": ("drivers/infiniband/ulp/iser", ["ib_core", "rdma_cm"], [], ["scsi_add_host_with_dma"], []),
}

# Where a distribution's kernel keeps most of its modules; the modules of --fill are spread over these directories.
FILL_DIRECTORIES = [
    "arch/x86/crypto", "crypto", "drivers/acpi", "drivers/ata", "drivers/block", "drivers/bluetooth", "drivers/char",
    "drivers/dma", "drivers/edac", "drivers/firmware", "drivers/gpu/drm", "drivers/hid", "drivers/hwmon", "drivers/i2c/busses",
    "drivers/iio", "drivers/input/misc", "drivers/isdn", "drivers/leds", "drivers/md", "drivers/media/dvb-frontends",
    "drivers/media/rc/keymaps", "drivers/media/usb", "drivers/mfd", "drivers/misc", "drivers/mmc/host", "drivers/mtd/chips",
    "drivers/net/can", "drivers/net/ethernet/broadcom", "drivers/net/ethernet/intel", "drivers/net/phy", "drivers/net/usb",
    "drivers/net/wireless/ath", "drivers/net/wireless/intel", "drivers/pci/hotplug", "drivers/platform/x86", "drivers/power/supply",
    "drivers/ptp", "drivers/rtc", "drivers/scsi", "drivers/staging", "drivers/target", "drivers/thermal", "drivers/tty/serial",
    "drivers/usb/serial", "drivers/usb/storage", "drivers/video/backlight", "drivers/watchdog", "fs/nfs", "fs/nls", "lib",
    "net/bridge/netfilter", "net/ipv4/netfilter", "net/ipv6/netfilter", "net/netfilter", "net/netfilter/ipset", "net/sched",
    "sound/core", "sound/pci", "sound/soc", "sound/usb"]
FILL_NAME = "fill-NNNN"  # replaced in the object by a name of the same length


def crc(symbol, abi):
    """The version of a symbol: equal for equal ABIs, different otherwise."""
    return zlib.crc32(f"{abi}:{symbol}".encode())


def kernel_abi(release):
    """Kernels of one GA release share their ABI: 3.10.0-1062 of 3.10.0-1062.9.1.el7.x86_64; Ubuntu's never do."""
    match = re.match(r"(\d+\.\d+\.\d+-\d+)(?:\.\d+)*\.el[789]", release)
    return match.group(1) if match else release


def vermagic(release):
    """As the distribution's kernels have it; Debian's are built with preemption."""
    return f"{release} SMP {'preempt ' if release.endswith('-amd64') else ''}mod_unload modversions "


class Module:
    """One stand-in module. `imports` and `exports` map a symbol to its version."""

    def __init__(self, name, release, description, imports, exports, depends, aliases, version=None):
        self.name, self.imports, self.exports, self.has_versions = name, imports, exports, True
        digest = hashlib.sha256(f"{name} {release} {version}".encode()).hexdigest()
        self.info = ["license=Dual BSD/GPL", f"description={description}"]
        if version:
            self.info.append(f"version={version}")
        if match := re.search(r"\.el(\d)", release):
            self.info.append(f"rhelversion={match.group(1)}.x")
        self.info += [f"alias={alias}" for alias in aliases]
        self.info += [f"srcversion={digest[:23].upper()}", f"depends={','.join(depends)}", "retpoline=Y",
                      f"name={name.replace('-', '_')}", f"vermagic={vermagic(release)}"]

    def assembly(self):
        lines = ['.section .modinfo,"a"'] + [f'.asciz "{line}"' for line in self.info]
        lines += ['.section __versions,"a"'] if self.has_versions else []
        for symbol, version in self.imports.items() if self.has_versions else ():
            lines += [f".quad {version}", f'.ascii "{symbol}"', f".zero {56 - len(symbol)}"]
        lines += ['.section .gnu.linkonce.this_module,"aw"', ".zero 24", f'.ascii "{self.name}"', ".zero 856", ".data"]
        lines += [f".quad {symbol}" for symbol in self.imports if symbol != "module_layout"]
        for symbol, version in self.exports.items():
            lines += [f".globl {symbol}", f"{symbol}: .quad 0", f".globl __crc_{symbol}", f".set __crc_{symbol}, {version}"]
        if self.exports:
            lines += ['.section __ksymtab_strings,"a"'] + [f'.asciz "{symbol}"' for symbol in self.exports]
        return "\n".join(lines + ['.section .note.GNU-stack,"",@progbits', ""])

    def write(self, path, compress=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["as", "--64", "-o", path, "-"], input=self.assembly().encode(), check=True)
        path.chmod(0o644)
        if compress:
            path.with_name(path.name + ".xz").write_bytes(lzma.compress(path.read_bytes(), preset=0, check=lzma.CHECK_CRC32))
            path.unlink()


def make_modules(table, release, kernel, exports_abi, extra_deps=(), version=None):
    """Yields (directory, Module): what `table` names imports from each other with `exports_abi`, from the kernel with `kernel`."""
    exported = {name: row[2] for name, row in table.items()}
    for name, (directory, needs, exports, kernel_symbols, aliases) in table.items():
        needs = [module for module in extra_deps if module != name] + needs
        imports = {symbol: crc(symbol, kernel) for symbol in COMMON_IMPORTS + kernel_symbols}
        imports |= {symbol: crc(symbol, exports_abi) for module in needs for symbol in exported[module]}
        yield directory, Module(name, release, f"stand-in for {name}", imports,
                                {symbol: crc(symbol, exports_abi) for symbol in exports},
                                [module.replace("-", "_") for module in needs], aliases, version)


class ImageFacts:
    """The symbol versions and the vermagic of a genuine image's kernel."""

    def __init__(self, directory):
        self.vermagic = (directory / "vermagic").read_text().rstrip("\n")
        lines = (line.split() for line in (directory / "symvers").read_text().splitlines())
        self.versions = {fields[1]: int(fields[0], 16) for fields in lines}

    def apply_to(self, module, own):
        """Gives what a module imports from the kernel the image's versions; what this kernel does not export is dropped. The
        symbols `own` come from the bundle itself."""
        module.imports = {symbol: version if symbol in own else self.versions[symbol]
                          for symbol, version in module.imports.items() if symbol in own or symbol in self.versions}
        module.info[-1] = f"vermagic={self.vermagic}"
        module.has_versions = "modversions" in self.vermagic


def vendor_modules(release, ofed_version, facts=None):
    """The kernel modules of an OFED bundle: mlx_compat below everything else, mlx4 only up to the 5.0 line."""
    table = {"mlx_compat": ("compat", [], ["mlx_backport_dependency_symbol"], [], [])} | RDMA
    if tuple(int(part) for part in ofed_version.split("-")[0].split(".")) <= (5, 0):
        table |= MLX4
    short = ofed_version.rpartition(".")[0]
    modules = list(make_modules(table, release, kernel_abi(release), f"ofed-{ofed_version}", ("mlx_compat",), short))
    own = {symbol for _, module in modules for symbol in module.exports}
    for _, module in modules if facts else ():
        facts.apply_to(module, own)
    return modules


def read_symvers(path):
    """symbol → version, and the lines, of a packed symvers file."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return {line.split()[1]: int(line.split()[0], 16) for line in lines}, lines


def with_versions(module, versions):
    """The module with the genuine versions of what it imports and exports; imports that the kernel does not export are dropped."""
    module.imports = {symbol: versions[symbol] for symbol in module.imports if symbol in versions}
    module.exports = {symbol: versions[symbol] for symbol in module.exports if symbol in versions}
    return module


def write_fill(modules, release, abi, count, versions):
    """Writes `count` small modules and gives their paths. One is assembled; the others are copies with another name in them."""
    template = Module(FILL_NAME, release, "stand-in that no driver needs", {symbol: crc(symbol, abi) for symbol in COMMON_IMPORTS},
                      {}, [], [])
    template = with_versions(template, versions) if versions else template
    scratch = modules / "fill.ko"
    template.write(scratch)
    content = scratch.read_bytes()
    scratch.unlink()
    paths = []
    for number in range(count):
        name = FILL_NAME.replace("NNNN", f"{number:04}")
        path = Path("kernel", FILL_DIRECTORIES[number % len(FILL_DIRECTORIES)], f"{name}.ko")
        (modules / path).parent.mkdir(parents=True, exist_ok=True)
        copy = content
        for old, new in ((FILL_NAME, name), (FILL_NAME.replace("-", "_"), name.replace("-", "_"))):
            copy = copy.replace(old.encode(), new.encode())
        (modules / f"{path}.xz").write_bytes(lzma.compress(copy, preset=0, check=lzma.CHECK_CRC32))
        paths.append(str(path))
    return paths


def write_kernel(root, release, builtin, abi, config, fill, genuine_symvers=None):
    """/lib/modules/K and /boot/*-K of a distribution's kernel; the image has a header that file(1) knows, nothing more."""
    el8, rpm = re.search(r"\.el[89]", release) is not None, ".el" in release
    boot, modules = root / "boot", root / "lib/modules" / release
    boot.mkdir(parents=True, exist_ok=True)
    abi = abi or kernel_abi(release)
    symvers = [f"0x{crc(symbol, abi):08x}\t{symbol}\tvmlinux\tEXPORT_SYMBOL" for symbol in KERNEL_SYMBOLS]
    versions, lines = read_symvers(genuine_symvers) if genuine_symvers else ({}, [])
    order, built = [], []
    for place, module in make_modules(BASE | RDMA | MLX4, release, abi, abi):
        module = with_versions(module, versions) if versions else module
        path = Path("kernel", place.format(pci="controller" if el8 else "host"), f"{module.name}.ko")
        owner = "vmlinux" if module.name in builtin else str(path.with_suffix(""))
        symvers += [f"0x{version:08x}\t{symbol}\t{owner}\tEXPORT_SYMBOL_GPL" for symbol, version in module.exports.items()]
        if module.name in builtin:
            built.append(str(path))
            continue
        module.write(modules / path, compress=rpm)
        order.append(str(path))
    order += write_fill(modules, release, abi, fill, versions) if fill else []
    (modules / "modules.order").write_text("".join(f"{line}\n" for line in order))
    (modules / "modules.builtin").write_text("".join(f"{line}\n" for line in ["kernel/fs/binfmt_script.ko"] + built))
    write_boot_files(boot, modules, release, lines or symvers, builtin, config, rpm, el8)


def write_boot_files(boot, modules, release, symvers, builtin, config, rpm, el8):
    def switch(name):
        return "y" if name in builtin else "m"
    lines = ["CONFIG_64BIT=y", "CONFIG_MODULES=y", "CONFIG_MODVERSIONS=y", "CONFIG_HYPERV=m", "CONFIG_INFINIBAND=" + switch("ib_core"),
             "CONFIG_MLX4_CORE=" + switch("mlx4_core"), "CONFIG_MLX5_CORE=" + switch("mlx5_core"), "CONFIG_MLX5_INFINIBAND=" + switch("mlx5_ib"),
             "CONFIG_RD_GZIP=y", "CONFIG_RD_XZ=y", "CONFIG_BLK_DEV_INITRD=y", "CONFIG_DEVTMPFS=y"] + config
    config_text = f"# Linux/x86_64 {release} Kernel Configuration (stand-in)\n" + "".join(f"{line}\n" for line in lines)
    exported = [line.split("\t")[1] for line in symvers if "\tvmlinux\t" in line]
    system_map = "".join(f"ffffffff8{index:07x} {kind} {prefix}{symbol}\n" for index, symbol in enumerate(exported)
                         for kind, prefix in (("T", ""), ("r", "__ksymtab_"), ("A", "__crc_")))
    header = bytearray(4096)
    header[0x1FE:0x202] = b"\x55\xaa\xeb\x66"
    header[0x202:0x206] = b"HdrS"
    struct.pack_into("<HIHH", header, 0x206, 0x020D, 0, 0x1000, 0x300)
    text = f"{release} (stand-in) #1 SMP".encode() + b"\0"
    header[0x500:0x500 + len(text)] = text
    (boot / f"vmlinuz-{release}").write_bytes(header)
    (boot / f"config-{release}").write_text(config_text)
    (boot / f"System.map-{release}").write_text(system_map)
    packed = gzip.compress("".join(f"{line}\n" for line in symvers).encode(), mtime=0)
    if rpm and not el8:
        (boot / f"symvers-{release}.gz").write_bytes(packed)
    if el8:
        (modules / "symvers.gz").write_bytes(packed)
        (modules / "config").write_text(config_text)
        (modules / "System.map").write_text(system_map)
        (modules / "vmlinuz").write_bytes(header)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    vendor = commands.add_parser("vendor")
    vendor.add_argument("directory", type=Path)
    vendor.add_argument("kernel")
    vendor.add_argument("ofed_version")
    vendor.add_argument("--image", type=Path, help="directory with symvers and vermagic of a genuine image")
    source = commands.add_parser("source")
    source.add_argument("directory", type=Path)
    source.add_argument("ofed_version")
    kernel = commands.add_parser("kernel")
    kernel.add_argument("root", type=Path)
    kernel.add_argument("kernel")
    kernel.add_argument("--builtin", default="", help="modules that are built in, separated by commas")
    kernel.add_argument("--abi", help="another name than the kernel's own: every symbol version differs")
    kernel.add_argument("--config", action="append", default=[], help="a further line of config-K")
    kernel.add_argument("--fill", type=int, default=0, help="number of further modules")
    kernel.add_argument("--symvers", type=Path, help="a genuine symvers.gz of this kernel")
    arguments = parser.parse_args()
    if arguments.command == "vendor":
        facts = ImageFacts(arguments.image) if arguments.image else None
        for place, module in vendor_modules(arguments.kernel, arguments.ofed_version, facts):
            module.write(arguments.directory / place / f"{module.name}.ko")
    elif arguments.command == "source":
        for _, module in vendor_modules("@KERNEL@", arguments.ofed_version):
            (arguments.directory / f"{module.name}.S.in").write_text(module.assembly())
    else:
        write_kernel(arguments.root, arguments.kernel, set(filter(None, arguments.builtin.split(","))), arguments.abi, arguments.config,
                     arguments.fill, arguments.symvers)


if __name__ == "__main__":
    main()
