"""Disks whose file systems, files and programs are hostile, packages whose scripts are, and finished images that someone changed.
Each try starts the appliance once; the first of some groups also bakes an image for all of them."""
import atexit
import contextlib
import functools
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

from hostile import APPLIANCE_LIMIT, BINARY, SOURCE, Difference, Group, Skip, expect, run, standin

from e2e import STANDINS
from faults import end, finish, materials as quick_guest, remove_outputs, wait_for_step
from fleet import RECIPE
from materials import Keys

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

def edited(place, source, name, *commands, files=None):
    """A copy of a disk: debugfs writes `files`, path in the guest → content, and runs `commands`. The files are executable."""
    disk = place.path / name
    run("cp", "--sparse=always", "--reflink=auto", source, disk)
    steps = []
    for number, (path, content) in enumerate((files or {}).items()):
        local = place.write(f"file-{number}", content)
        steps += [f"rm {path}", f"write {local} {path}", f"sif {path} mode 0100755"]
    script = place.write("debugfs", "\n".join([*steps, *commands]) + "\n")
    run("debugfs", "-w", "-f", script, f"{disk}?offset={PARTITION}")
    return place.keep(disk)


def guest(place, *commands, files=None):
    """A copy of the light guest with these changes."""
    return edited(place, standin("light-guest.sh", RELEASE), "guest.vhd", *commands, files=files)


def content_of(place, disk, path):
    """The content of a file in a guest, as bytes."""
    local = place.path / "dumped"
    run("debugfs", "-R", f"dump {path} {local}", f"{disk}?offset={PARTITION}")
    return local.read_bytes()


def names_in(disk, directory):
    """The names in a directory of a guest."""
    listed = run("debugfs", "-R", f"ls -p {directory}", f"{disk}?offset={PARTITION}").stdout
    return [line.split("/")[5] for line in listed.splitlines() if line.count("/") > 5]


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


@tries.bake("os-release is a loop of links", 1, "reading '/etc/os-release' in the guest: there is no such file", appliance=True)
def link_loop(place):
    return ["inspect", guest(place, "rm /etc/os-release", "rm /usr/lib/os-release", "symlink /etc/os-release /usr/lib/os-release",
                             "symlink /usr/lib/os-release /etc/os-release")]


@tries.bake("fstab claims 1 TiB", (0, 1), appliance=True)
def huge_fstab(place):
    return ["inspect", guest(place, f"sif /etc/fstab size {1 << 40}")]


@tries.bake("dpkg's database claims 1 TiB", 1, "1099511627776 bytes, more than the limit", appliance=True)
def huge_status(place):
    return ["inspect", guest(place, f"sif /var/lib/dpkg/status size {1 << 40}")]


@tries.bake("/etc/passwd has 60 MiB", 1, "62914560 bytes, more than the limit", appliance=True)
def huge_passwd(place):
    return ["inspect", guest(place, files={"/etc/passwd": b"\n" * (60 << 20)})]


@tries.bake("files of 4 MiB have only short lines", (0, 1), appliance=True)
def many_lines(place):
    files = {"/etc/passwd": b"a:\n", "/etc/shadow": b"\n", "/etc/hosts": b"a\n", "/etc/login.defs": b"\n", "/etc/sudoers.d/waagent": b"a b\n"}
    return ["inspect", guest(place, files={path: line * ((4 << 20) // len(line)) for path, line in files.items()})]


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


@tries.bake("the search for keys prints 47 MiB of short lines", 1, "1000000 lines", appliance=True)
def many_keys(place):
    return ["inspect", guest(place, files={"/usr/bin/timeout": program("yes / | head -c 49283072")})]


@tries.bake("the search for keys prints 900000 lines", 1, "more than 10000", appliance=True)
def many_key_names(place):
    return ["inspect", guest(place, files={"/usr/bin/timeout": program("yes / | head -n 900000")})]


@tries.bake("a file that is not gzip in the place of an initramfs", 0, appliance=True)
def random_initramfs(place):
    disk = standin("light-guest.sh", RELEASE)
    names = run("debugfs", "-R", "ls -p /boot", f"{disk}?offset={PARTITION}").stdout.split("/")
    files = {f"/boot/{name}": gzip.compress(b"070701" + os.urandom(1 << 20)) for name in names if name.startswith("initrd.img")}
    return ["inspect", guest(place, files=files)]


# ---- packages whose scripts are hostile

def with_postinst(place, text):
    """Makes a store with a bundle whose package ofed-scripts runs `text` when dpkg configures it. Returns the arguments of a bake."""
    archive = standin("bundle.sh", "5.5-1.0.3.2-ubuntu18.04")
    top = archive.name.removesuffix(".tgz")
    run("tar", "-xzf", archive, "-C", place.path)
    debs = place.path / top / "DEBS"
    package = next(debs.glob("ofed-scripts_*.deb"))
    tree = place.path / "package"
    run("dpkg-deb", "-R", package, tree)
    (tree / "DEBIAN/postinst").write_text(program(text))
    (tree / "DEBIAN/postinst").chmod(0o755)
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, package)
    run("python3", STANDINS / "lib/deb_index.py", debs, "5.5-1.0.3.2", env={**os.environ, "SOURCE_DATE_EPOCH": "1640995200"})
    changed = place.write(f"changed/{top}.tgz", b"")
    with contextlib.closing(Keys()) as keys:
        vendor = keys.get("vendor")
        (debs / "Release.gpg").write_bytes(vendor.sign((debs / "Release").read_bytes()))
        ring = place.write("vendor.asc", vendor.public())
    run("tar", "-C", place.path, "--use-compress-program=gzip -1", "-cf", changed, top)
    place.bake("bundle", "trust", ring)
    place.bake("bundle", "add", changed)
    base = place.keep(quick_guest() / "base.vhd")
    return ["image", place.write("image.yaml", RECIPE.format(base=base)), "-o", place.output]


def postinst_try(name, status, words, text, limit=1200, **environment):
    """A bake of a bundle whose package runs `text` in the guest."""
    @tries.bake(name, status, *words, limit=limit, appliance=True)
    def function(place):
        arguments = with_postinst(place, text)
        place.environment = {"BAKE_SCRIPT_TIMEOUT": "300", **environment}
        return arguments
    return function


INSTALLING = "installing packages in the guest"
postinst_try("a postinst that hangs", 1, (INSTALLING, "not finished within 120 seconds"), "sleep 100000", BAKE_SCRIPT_TIMEOUT="120")
postinst_try("a postinst that ignores SIGTERM", 1, (INSTALLING, "not finished within 120 seconds"),
             "trap '' TERM; while :; do sleep 1000; done", BAKE_SCRIPT_TIMEOUT="120")
postinst_try("a postinst that forks without end", (1, 6), (), "f() { f | f & }; f; sleep 100000", BAKE_SCRIPT_TIMEOUT="120")
postinst_try("a postinst that fills the disk", (1, 6), (), "cat /dev/zero >/var/fill; exit 1", BAKE_SCRIPT_TIMEOUT="600")
postinst_try("a postinst that prints 1 GiB", (1, 6), (), "yes hostile | head -c 1073741824", BAKE_SCRIPT_TIMEOUT="600")
postinst_try("a postinst that restarts the machine", 6, ("the appliance died",),
             "echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger; sleep 60")
postinst_try("a postinst that kills every process", 6, ("the appliance died",), "kill -9 -1; sleep 60")
postinst_try("a postinst that adds a setuid shell", 7, ("/usr/bin/rootsh",), "cp /bin/sh /usr/bin/rootsh; chmod 4755 /usr/bin/rootsh")
postinst_try("a postinst that adds a second root", 7, ("toor has the user id 0",), "echo 'toor:x:0:0::/:/bin/sh' >>/etc/passwd")


@tries.custom("SIGTERM while a postinst hangs", limit=2 * APPLIANCE_LIMIT, appliance=True)
def interrupted_postinst(place):
    process = place.start("--progress", "plain", *with_postinst(place, "sleep 100000"))
    try:
        rest = wait_for_step(process, "change packages")
        time.sleep(15)  # until the postinst runs, also with emulation
        process.send_signal(signal.SIGTERM)
        status = finish(process, 60)
        if status != 130:
            raise Difference(f"exit {status}: {rest()[-300:]}")
    finally:
        end(process)
    return "exit 130"


# ---- a base with links where bake writes files

@tries.custom("links where bake writes files", limit=2 * APPLIANCE_LIMIT, appliance=True)
def own_links(place):
    place.store = quick_guest() / "store"
    base = edited(place, quick_guest() / "base.vhd", "links.vhd", "rm /usr/sbin/ib-firstboot",
                  "symlink /etc/bake-manifest.json /etc/passwd", "symlink /usr/sbin/ib-firstboot /usr/bin/bash")
    outcome = place.measure("image", place.write("image.yaml", RECIPE.format(base=base)), "-o", place.output, limit=APPLIANCE_LIMIT)
    expect(outcome, 0)
    for path in ("/etc/passwd", "/usr/bin/bash"):
        if content_of(place, place.output, path) != content_of(place, base, path):
            raise Difference(f"{path} changed")
    if not content_of(place, place.output, "/etc/bake-manifest.json").startswith(b"{"):
        raise Difference("the manifest is not in the place of the link")
    remove_outputs(place)
    return "exit 0"


@tries.bake("waagent.conf is a link to shadow", 3, "/etc/waagent.conf", "/etc/shadow", appliance=True)
def agent_link(place):
    place.store = quick_guest() / "store"
    base = edited(place, quick_guest() / "base.vhd", "links.vhd", "rm /etc/waagent.conf", "symlink /etc/waagent.conf /etc/shadow")
    return ["image", place.write("image.yaml", RECIPE.format(base=base)), "-o", place.output]


@tries.bake("waagent.conf is a hard link to shadow", 3, "/etc/waagent.conf", "hard links", appliance=True)
def agent_hard_link(place):
    place.store = quick_guest() / "store"
    base = edited(place, quick_guest() / "base.vhd", "links.vhd", "rm /etc/waagent.conf", "ln /etc/shadow /etc/waagent.conf",
                  "set_inode_field /etc/shadow links_count 2")
    return ["image", place.write("image.yaml", RECIPE.format(base=base)), "-o", place.output]


# ---- a finished image that someone changed

@functools.lru_cache(maxsize=None)
def finished_image():
    """An image of the quick guest with its manifest, made once."""
    directory = Path(tempfile.mkdtemp(prefix="finished-", dir=SOURCE / "build/hostile"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    recipe = directory / "image.yaml"
    recipe.write_text(RECIPE.format(base=quick_guest() / "base.vhd"))
    run(BINARY, "--store", quick_guest() / "store", "--progress", "none", "image", recipe, "-o", directory / "out.vhd")
    return directory / "out.vhd"


def changed_image(place, *commands, files=None, with_manifest=False):
    """A copy of that image with these changes, as someone makes them who can write to the image but not to its manifest."""
    image = edited(place, finished_image(), "finished.vhd", *commands, files=files)
    if with_manifest:
        shutil.copy(f"{finished_image()}.manifest.json", f"{image}.manifest.json")
    return image


@tries.bake("an image with a file of 15 TiB in /etc", 7, "new: /etc/huge", appliance=True)
def huge_file(place):
    return ["verify", changed_image(place, f"sif /etc/huge size {15 << 40}", files={"/etc/huge": "x"}, with_manifest=True)]


@tries.bake("an image with a zeroed initrd", 7, "changed: /boot/initrd.img", appliance=True)
def zeroed_initrd(place):
    names = [name for name in names_in(finished_image(), "/boot") if name.startswith("initrd.img")]
    if not names:
        raise Skip("the image has no initramfs")
    return ["verify", changed_image(place, files={f"/boot/{name}": bytes(1 << 20) for name in names}, with_manifest=True)]


@tries.bake("an image with another program in /usr/bin", 7, "files that the manifest does not list", appliance=True)
def other_program(place):
    return ["verify", changed_image(place, files={"/usr/bin/ls": program("exec /bin/sh -c 'id'")}, with_manifest=True)]


@tries.bake("a setuid shell that dpkg's database lists", 7, "new: /usr/bin/rootsh", appliance=True)
def listed_setuid(place):
    listed = "/var/lib/dpkg/info/ofed-scripts.list"
    files = {"/usr/bin/rootsh": program("exec /bin/sh -p"), listed: content_of(place, finished_image(), listed) + b"/usr/bin/rootsh\n"}
    return ["verify", changed_image(place, "sif /usr/bin/rootsh mode 0104755", files=files)]


@tries.bake("a setuid shell that the image's dpkg hides", 7, "new: /usr/bin/rootsh", appliance=True)
def hidden_setuid(place):
    files = {"/usr/bin/rootsh": program("exec /bin/sh -p"), "/usr/bin/dpkg": program("chmod 755 /usr/bin/rootsh; exit 0"),
             "/usr/bin/find": program("exit 0")}
    return ["verify", changed_image(place, "sif /usr/bin/rootsh mode 0104755", files=files)]


@tries.bake("a modprobe that only shows what it would do", 7, "keeps mlx5_core from being loaded", appliance=True)
def dry_modprobe(place):
    return ["verify", changed_image(place, files={"/etc/modprobe.d/x.conf": "install mlx5_core /sbin/modprobe -n -i mlx5_core\n"})]


@tries.bake("a drop-in for every service", 7, "service.d/x.conf changes the unit", appliance=True)
def service_drop_in(place):
    return ["verify", changed_image(place, "mkdir /etc/systemd/system/service.d", "write {} /etc/systemd/system/service.d/x.conf".format(
        place.write("drop-in", "[Service]\nEnvironment=LD_PRELOAD=/tmp/x.so\n")))]


@tries.bake("a program that claims another version of bake", 0, "advice", "Anyone who can write to the image", appliance=True)
def other_version(place):
    other = program("exit 0").encode()
    manifest = json.loads(content_of(place, finished_image(), "/etc/bake-manifest.json"))
    manifest["bake"] = "0.0.1"
    manifest["expectations"]["firstboot_sha256"] = hashlib.sha256(other).hexdigest()
    return ["verify", changed_image(place, files={"/usr/sbin/ib-firstboot": other, "/etc/bake-manifest.json": json.dumps(manifest)})]
