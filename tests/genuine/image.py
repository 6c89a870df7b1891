"""What programs that know nothing of bake read of a disk image: virt-inspector and guestfish, always read-only."""
import gzip
import json
import lzma
import re
import subprocess
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
MAX_PARTITIONS = 16
AGENT_PACKAGES = ("WALinuxAgent", "walinuxagent", "waagent")
# Directories whose modules show the versions of the kernel's symbols where the image has no symvers.
MODULE_DIRECTORIES = ("drivers/infiniband", "drivers/net/ethernet/mellanox", "drivers/hv", "drivers/net/hyperv", "drivers/scsi")
SYMVERS = ("/boot/symvers-{0}.gz", "/lib/modules/{0}/symvers.gz", "/lib/modules/{0}/symvers.xz",
           "/boot/symvers-{0}.xz", "/lib/modules/{0}/build/Module.symvers")
NEXT = "=-=-=-="


def run(*arguments, check=True, **options):
    """Runs a program; with check, a failure ends in an exception that shows both streams."""
    result = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True, **options)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def format_of(image):
    """The format that qemu must be told. A fixed VHD is raw data with a footer of 512 bytes, which no partition touches."""
    if Path(image).stat().st_size < 512:
        raise RuntimeError(f"'{image}' is too small for a disk image")
    with open(image, "rb") as file:
        head = file.read(512)
        file.seek(-512, 2)
        tail = file.read(512)
    if tail.startswith(b"conectix"):
        return "raw" if int.from_bytes(tail[60:64], "big") == 2 else "vpc"
    if head.startswith(b"vhdxfile"):
        return "vhdx"
    return "qcow2" if head.startswith(b"QFI\xfb") else "raw"


def guestfish(image, *commands):
    """The output of each command; a command that begins with "-" may fail. One appliance, the image's own mounts."""
    script = "".join(f"{command}\necho {NEXT}\n" for command in commands)
    arguments = ["guestfish", "--ro", f"--format={format_of(image)}", "-a", image, "-i"]
    return run(*arguments, input=script).stdout.split(f"{NEXT}\n")[:-1]


def inspector(image):
    """The operating system, its packages and its mounts, as virt-inspector reports them."""
    system = ElementTree.fromstring(run("virt-inspector", f"--format={format_of(image)}", "-a", image).stdout).find("operatingsystem")
    if system is None:
        raise RuntimeError(f"virt-inspector finds no operating system in '{image}'")
    distro, minor = system.findtext("distro"), system.findtext("minor_version")
    types = {file_system.get("dev"): file_system.findtext("type") for file_system in system.iter("filesystem")}
    devices = {mount.text: mount.get("dev") for mount in system.iter("mountpoint")}
    packages, count = {}, 0
    for item in system.iter("application"):
        release, name = item.findtext("release"), item.findtext("name")
        version = item.findtext("version") + (f"-{release}" if release else "")
        packages.setdefault(name, set()).add(version)
        count += name != "gpg-pubkey"
    return {"os": f"{distro} {system.findtext('major_version')}.{minor.zfill(2) if distro == 'ubuntu' else minor}",
            "package_format": system.findtext("package_format"),
            # fstab may name a disk that only a VM has (/dev/disk/cloud/azure_resource-part1): it has no file system here
            "mounts": {point: types[device] for point, device in devices.items() if types.get(device)},
            "packages": packages, "package_count": count}


def base_facts(image):
    """Everything that the table compares, of an image that is not baked yet."""
    facts = inspector(image)
    partition_types = [f"-part-get-gpt-type /dev/sda {number}" for number in range(1, MAX_PARTITIONS + 1)]
    modules, images, own_images, table, volumes, selinux, *types = guestfish(
        image, "-ls /lib/modules", "-glob-expand /boot/vmlinuz-*", "-glob-expand /lib/modules/*/vmlinuz", "part-get-parttype /dev/sda", "vgs",
        "-cat /etc/selinux/config", *partition_types)
    bootable = {path.rsplit("/vmlinuz-", 1)[1] for path in images.split()} | {path.split("/")[-2] for path in own_images.split()}
    mode = re.search(r"^SELINUX=(\w+)", selinux, re.M)
    agents = [version for name in AGENT_PACKAGES for version in facts["packages"].get(name, ())]
    return facts | {
        "kernels": sorted(set(modules.split()) & bootable),
        "layout": {"partition_table": {"gpt": "gpt", "msdos": "msdos"}.get(table.strip(), table.strip()),
                   "lvm": bool(volumes.split()), "efi": ESP_TYPE in {text.strip() for text in types},
                   "mounts": facts["mounts"]},
        "selinux": mode.group(1) if mode else "absent",
        "agent": re.split(r"[-+~]", agents[0])[0] if agents else None}


def unpacked(path):
    """Text of a symvers file in any packing."""
    content = Path(path).read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    elif content.startswith(b"\xfd7zXZ"):
        content = lzma.decompress(content)
    return content.decode()


def unpack_modules(file, directory, prefix):
    """Modules out of a tar, under names of our own: what the image calls its files decides nothing here."""
    if not file.exists() or not file.stat().st_size:
        return
    with tarfile.open(file) as archive:
        for index, member in enumerate(archive):
            packing = re.search(r"\.ko(\.gz|\.xz|\.zst)?$", member.name)
            if member.isfile() and packing:
                (directory / f"{prefix}-{index}{packing.group()}").write_bytes(archive.extractfile(member).read())
    file.unlink()


def symbols_of_modules(directory):
    """symbol → version that the modules below a directory import, and the vermagic of one of them."""
    symbols, vermagic = {}, None
    for module in sorted(directory.iterdir()):
        vermagic = vermagic or run("modinfo", "-F", "vermagic", module).stdout.rstrip("\n")
        for line in run("modprobe", "--dump-modversions", module, check=False).stdout.splitlines():
            version, symbol = line.split("\t")[:2]
            symbols[symbol] = version
    return symbols, vermagic


def write_bundle_facts(image, kernel, package_format, directory):
    """Writes what tests/standins/bundle.sh needs to make a bundle that fits this image: the versions of the kernel's symbols,
    its vermagic and the names that the image's packages have and provide."""
    directory.mkdir(parents=True)
    query = ("rpm -qa --qf '%{NAME}\\n' ; rpm -qa --provides" if package_format == "rpm" else
             "dpkg-query -W -f '${db:Status-Status}|${Package}|${Provides}\\n'")
    places = [place.format(kernel) for place in SYMVERS]
    downloads = [f"-download {place} {directory}/symvers.{number}" for number, place in enumerate(places)]
    tars = [f"-tar-out /lib/modules/{kernel}/kernel/{place} {directory}/{number}.tar"
            for number, place in enumerate(MODULE_DIRECTORIES)]
    names, *_ = guestfish(image, f'sh "{query}"', *downloads, *tars)
    (directory / "modules").mkdir()
    for number in range(len(MODULE_DIRECTORIES)):
        unpack_modules(directory / f"{number}.tar", directory / "modules", number)
    symbols, vermagic = symbols_of_modules(directory / "modules")
    if vermagic is None:
        raise RuntimeError(f"'{image}' has no module of kernel {kernel} in {', '.join(MODULE_DIRECTORIES)}")
    lines = [f"{version}\t{symbol}" for symbol, version in symbols.items()]
    for number in range(len(places)):
        if (file := directory / f"symvers.{number}").exists() and file.stat().st_size:
            lines = unpacked(file).splitlines()
            break
    (directory / "symvers").write_text("".join(f"{line}\n" for line in lines))
    (directory / "vermagic").write_text(f"{vermagic}\n")
    (directory / "present").write_text("".join(f"{name}\n" for name in sorted(provided_names(names, package_format))))


def provided_names(listing, package_format):
    """Names of packages and of what they provide, without versions."""
    if package_format == "rpm":
        return {line.split(" ")[0] for line in listing.splitlines()}
    names = set()
    # A long Provides goes on in the next line, which begins with a blank (deb-control(5)).
    for line in re.sub(r"\n\s+", " ", listing).splitlines():
        status, package, provides = line.split("|", 2)
        if status == "installed":
            names |= {package, *(text.split(" ")[0] for text in re.split(r",\s*", provides) if text)}
    return names


def baked_facts(image, manifest, module, selinux):
    """What must be in a baked image, read by others: packages, the file that modprobe takes, configuration, labels."""
    kernel = manifest["kernel"]["release"]
    dependencies, agent, firstboot, recorded = guestfish(
        image, f"cat /lib/modules/{kernel}/modules.dep", "-cat /etc/waagent.conf", "is-file /usr/sbin/ib-firstboot",
        "-cat /etc/bake-manifest.json")
    chosen = [line.split(":")[0] for line in dependencies.splitlines()
              if re.fullmatch(rf"(.*/)?{module}\.ko(\.\w+)?", line.split(":")[0])]
    label = ""
    if selinux not in ("absent", "disabled") and len(chosen) == 1:
        path = f"/lib/modules/{kernel}/{chosen[0]}"
        label = guestfish(image, f"-getxattr {path} security.selinux")[0].strip("\0\n ")
    return {"packages": inspector(image)["packages"], "modules": chosen, "label": label,
            "enable_rdma": re.search(r"^OS\.EnableRDMA=y", agent, re.M) is not None,
            "firstboot": firstboot.strip() == "true",
            "recorded": json.loads(recorded)["changes"] if recorded.strip() else None}
