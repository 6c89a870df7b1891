"""Disks whose file systems, files and programs are hostile. Each try starts the appliance once."""
import gzip
import os
import random
import subprocess
import zlib

from hostile import Group, Skip, run, standin

tries = Group("guests")

PARTITION = 1 << 20  # where the only partition of the light guest begins
RELEASE = "ubuntu18.04"
QUICK = {"BAKE_SCRIPT_TIMEOUT": "30"}  # seconds; an emulated dpkg needs a few


# ---- disks without a complete system

def tree_of(place, name="tree"):
    """A directory that looks like a root file system to the search for one."""
    root = place.path / name
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text('ID=ubuntu\nVERSION_ID="18.04"\n')
    (root / "etc/fstab").write_text("")
    return root


def ext4(place, name="part.img", mebibytes=64):
    image = place.path / name
    with open(image, "wb") as file:
        file.truncate(mebibytes << 20)
    run("mke2fs", "-q", "-t", "ext4", "-d", tree_of(place, f"tree-{name}"), image)
    return image


def disk_of(place, *images):
    """A raw disk with one GPT partition for each image."""
    disk = place.path / "disk.raw"
    sizes = [image.stat().st_size for image in images]
    with open(disk, "wb") as file:
        file.truncate(sum(sizes) + (4 << 20))
    run("sfdisk", "-q", disk, input="label: gpt\n" + "".join(f"size={size >> 20}MiB\n" for size in sizes))
    start = 1
    for image, size in zip(images, sizes):
        run("dd", f"if={image}", f"of={disk}", "bs=1M", f"seek={start}", "conv=notrunc,sparse", "status=none")
        start += size >> 20
    return place.keep(disk)


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


@tries.bake("LUKS", 1, "encrypted", appliance=True)
def luks(place):
    image = place.path / "luks.img"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    run("cryptsetup", "luksFormat", "--type", "luks2", "--batch-mode", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
        "--key-file", "-", image, input="secret")
    return ["inspect", disk_of(place, image)]


@tries.bake("btrfs with nothing but a root", 1, appliance=True)
def btrfs(place):
    image = place.path / "btrfs.img"
    with open(image, "wb") as file:
        file.truncate(256 << 20)
    run("mkfs.btrfs", "-q", "--rootdir", tree_of(place), image)
    return ["inspect", disk_of(place, image)]


@tries.bake("two root file systems", 1, "two operating systems", appliance=True)
def two_roots(place):
    return ["inspect", disk_of(place, ext4(place, "a.img"), ext4(place, "b.img"))]


@tries.bake("two volume groups of one name", 1, appliance=True)
def two_groups(place):
    images = []
    for name in ("a.img", "b.img"):
        image = place.path / name
        with open(image, "wb") as file:
            file.truncate(96 << 20)
        loop = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=False)
        if loop.returncode:
            raise Skip("this machine gives no loop device")
        device = loop.stdout.strip()
        quiet = ["--config", "devices { scan = \"/dev\" filter = [ \"a|^" + device + "$|\", \"r|.*|\" ] }"]
        try:
            if subprocess.run(["vgcreate", *quiet, "rootvg", device], capture_output=True, check=False).returncode:
                raise Skip("LVM cannot use a loop device here")
            # Where the kernel has no device mapper, the groups stay empty; their names are equal all the same.
            subprocess.run(["lvcreate", *quiet, "-an", "-Zn", "-Wn", "-l", "100%FREE", "-n", "rootlv", "rootvg"], capture_output=True,
                           check=False)
        finally:
            run("losetup", "--detach", device)
        images.append(image)
    return ["inspect", disk_of(place, *images)]


@tries.bake("ext4 with a destroyed root directory", 1, appliance=True)
def broken_ext4(place):
    image = ext4(place)
    block = int(run("debugfs", "-R", "stats", image).stdout.split("Block size:")[1].split()[0])
    first = int(run("dumpe2fs", image).stdout.split("Inode table at ")[1].split("-")[0])
    overwrite(image, first * block, b"\xff" * 8192)
    return ["inspect", disk_of(place, image)]


@tries.bake("ext4 with random bytes in its metadata", (0, 1, 6), appliance=True)
def random_ext4(place):
    image = ext4(place)
    chance = random.Random(16)
    for _ in range(400):
        overwrite(image, chance.randrange(4096, 4 << 20), bytes([chance.randrange(256)]))
    return ["inspect", disk_of(place, image)]


@tries.bake("XFS with destroyed metadata", 1, appliance=True)
def broken_xfs(place):
    image = place.path / "xfs.img"
    with open(image, "wb") as file:
        file.truncate(320 << 20)
    run("mkfs.xfs", "-q", image)
    overwrite(image, 4096, b"\xff" * (1 << 20))
    return ["inspect", disk_of(place, image)]


@tries.bake("a partition beyond the end of the disk", 1, appliance=True)
def beyond(place):
    disk = place.path / "disk.raw"
    with open(disk, "wb") as file:
        file.truncate(16 << 20)
        entry = b"\x80\0\0\0\x83\0\0\0" + (2048).to_bytes(4, "little") + (0xFFFFFFF0).to_bytes(4, "little")
        file.seek(446)
        file.write(entry)
        file.seek(510)
        file.write(b"\x55\xaa")
    return ["inspect", place.keep(disk)]


# ---- a real guest with changed files

def guest(place, *commands, files=None):
    """A copy of the light guest after debugfs ran `commands`. `files` is path in the guest → content; they are executable."""
    disk = place.path / "guest.vhd"
    run("cp", "--sparse=always", "--reflink=auto", standin("light-guest.sh", RELEASE), disk)
    steps = list(commands)
    for number, (path, content) in enumerate((files or {}).items()):
        local = place.write(f"file-{number}", content)
        steps += [f"rm {path}", f"write {local} {path}", f"sif {path} mode 0100755"]
    script = place.write("debugfs", "\n".join(steps) + "\n")
    run("debugfs", "-w", "-f", script, f"{disk}?offset={PARTITION}")
    return place.keep(disk)


def program(text):
    return "#!/bin/sh\n" + text + "\n"


def dpkg_try(name, status, words, text, **environment):
    """A guest whose dpkg runs `text`."""
    @tries.bake(name, status, *words, appliance=True)
    def function(place):
        place.environment = {**QUICK, **environment}
        return ["inspect", guest(place, files={"/usr/bin/dpkg": program(text)})]
    return function


dpkg_try("a dpkg that hangs", 1, ("dpkg --audit", "not finished within 30 seconds"), "sleep 100000")
dpkg_try("a dpkg that ignores SIGTERM", 1, ("dpkg --audit", "not finished within 30 seconds"),
         "trap '' TERM; while :; do sleep 1000; done")
dpkg_try("a dpkg that leaves a hundred programs", 0, (), "for i in $(seq 100); do setsid sleep 100000 & done >/dev/null 2>&1; exit 0")
dpkg_try("a dpkg that forks without end", (1, 6), (), "f() { f | f & }; f; sleep 100000")
dpkg_try("a dpkg that fills the disk", 0, ("nothing fits",), "cat /dev/zero >/var/fill; echo nothing fits; exit 1",
         BAKE_SCRIPT_TIMEOUT="300")
dpkg_try("a dpkg that fills the memory", (0, 1, 6), (), "cat /dev/zero >/run/fill; exit 1")
dpkg_try("a dpkg that prints 1 GiB", (0, 1, 6), (), "yes hostile | head -c 1073741824", BAKE_SCRIPT_TIMEOUT="300")
dpkg_try("a dpkg that restarts the machine", 6, ("the appliance died",), "echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger; sleep 60")
dpkg_try("a dpkg that kills every process", 6, ("the appliance died",), "kill -9 -1; sleep 60")
dpkg_try("a dpkg that prints control characters", 0, ("\\x1b[2J",), "printf '\\033[2J\\033]0;owned\\007\\n'; exit 1")


@tries.bake("the untouched guest", 0, "Ubuntu", appliance=True)
def untouched(place):
    return ["inspect", guest(place)]


@tries.bake("os-release is a loop of links", 1, "no operating system", appliance=True)
def link_loop(place):
    return ["inspect", guest(place, "rm /etc/os-release", "rm /usr/lib/os-release", "symlink /etc/os-release /usr/lib/os-release",
                             "symlink /usr/lib/os-release /etc/os-release")]


@tries.bake("fstab claims 1 TiB", (0, 1), appliance=True)
def huge_fstab(place):
    return ["inspect", guest(place, f"sif /etc/fstab size {1 << 40}")]


@tries.bake("dpkg's database claims 1 TiB", 1, "larger than", appliance=True)
def huge_status(place):
    return ["inspect", guest(place, f"sif /var/lib/dpkg/status size {1 << 40}")]


@tries.bake("/etc/bake-manifest.json is a link", 0, appliance=True)
def manifest_link(place):
    return ["inspect", guest(place, "symlink /etc/bake-manifest.json /etc/shadow")]


@tries.bake("/etc/bake-manifest.json is a pipe", 7, appliance=True)
def manifest_pipe(place):
    return ["verify", guest(place, "cd /etc", "mknod bake-manifest.json p")]


@tries.bake("/etc/bake-manifest.json is nested without end", (4, 5), appliance=True)
def deep_manifest(place):
    return ["verify", guest(place, files={"/etc/bake-manifest.json": "[" * 500000 + "]" * 500000})]


@tries.bake("/run is a link to /etc", 1, "preparing '/run'", appliance=True)
def run_link(place):
    return ["inspect", guest(place, "unlink /run", "symlink /run /etc")]


@tries.bake("/proc is a link to /etc", 1, "preparing '/proc'", appliance=True)
def proc_link(place):
    return ["inspect", guest(place, "unlink /proc", "symlink /proc /etc")]


@tries.bake("there is no /bin/sh", 1, "/bin/sh", appliance=True)
def no_shell(place):
    return ["inspect", guest(place, "rm /usr/bin/sh")]


@tries.bake("a grub.cfg without an end", 0, appliance=True)
def endless_grub(place):
    return ["inspect", guest(place, files={"/boot/grub/grub.cfg": "while true; do set a=$a$a$a; done\n"})]


def packed_zeros(gibibytes):
    """A gzip file of zeros, made in pieces."""
    packer, parts = zlib.compressobj(9, zlib.DEFLATED, 31), []
    block = bytes(1 << 20)
    for _ in range(gibibytes << 10):
        parts.append(packer.compress(block))
    return b"".join(parts) + packer.flush()


@tries.bake("an initramfs that unpacks to 3 GiB", 0, appliance=True, limit=900)
def initramfs_bomb(place):
    disk = standin("light-guest.sh", RELEASE)
    names = run("debugfs", "-R", "ls -p /boot", f"{disk}?offset={PARTITION}").stdout.split("/")
    images = [name for name in names if name.startswith("initrd.img")]
    if not images:
        raise Skip("the light guest has no initramfs")
    return ["inspect", guest(place, files={f"/boot/{name}": packed_zeros(3) for name in images})]


@tries.bake("a directory of modules with 20000 kernels", (0, 1), appliance=True, limit=900)
def many_kernels(place):
    steps = ["cd /lib/modules"] + [f"mkdir 9.{number}" for number in range(20000)]
    return ["inspect", guest(place, *steps)]


@tries.bake("a file that is not gzip in the place of an initramfs", 0, appliance=True)
def random_initramfs(place):
    disk = standin("light-guest.sh", RELEASE)
    names = run("debugfs", "-R", "ls -p /boot", f"{disk}?offset={PARTITION}").stdout.split("/")
    files = {f"/boot/{name}": gzip.compress(b"070701" + os.urandom(1 << 20)) for name in names if name.startswith("initrd.img")}
    return ["inspect", guest(place, files=files)]
