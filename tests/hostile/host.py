"""Files of this machine, and names that another user prepared. No appliance."""
import contextlib
import json
import os
import stat
import struct
import threading
import time

from hostile import Difference, Group, expect, tree
from materials import TOP, Bundle, Keys

tries = Group("host")

RECIPE = """schema: bake/v1
base: {base}
os: ubuntu 20.04
vm_sizes: [Standard_HB120rs_v2]
ofed: inbox
"""


def disk(place, name="base.raw", mebibytes=32):
    """A raw disk with a partition table, some data and holes."""
    path = place.path / name
    with open(path, "wb") as file:
        file.truncate(mebibytes << 20)
        file.seek(510)
        file.write(b"\x55\xaa")
        for at in range(1, mebibytes, 4):
            file.seek(at << 20)
            file.write(os.urandom(4096))
    return path


def recipe(place, base=None, more=""):
    return place.write("image.yaml", RECIPE.format(base=base or place.path / "base.raw") + more)


def pipe(place, name):
    path = place.path / name
    os.mkfifo(path)
    return path


# ---- files that grow in memory

@tries.bake("a recipe whose aliases multiply", 5)
def alias_bomb(place):
    lines = ["schema: bake/v1", "a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 12)]
    return ["plan", place.write("bomb.yaml", "\n".join(lines) + "\n")]


@tries.bake("a recipe that is nested without end", 5)
def deep_recipe(place):
    return ["plan", place.write("deep.yaml", "schema: bake/v1\nbase: " + "[" * 100000 + "\n")]


@tries.bake("a recipe of 100 MiB", 5, "it is larger than 1048576 bytes")
def large_recipe(place):
    return ["plan", place.write("large.yaml", b"# x\n" * (25 << 20))]


@tries.bake("a fleet whose aliases multiply", 5)
def fleet_bomb(place):
    lines = ["schema: bake/fleet/v1", "a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 12)]
    return ["batch", place.write("bomb.yaml", "\n".join(lines) + "\n"), "--dry-run"]


@tries.bake("a matrix overlay whose aliases multiply", 5)
def matrix_bomb(place):
    lines = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 12)]
    place.write("matrix/os.yaml", "\n".join(lines) + "\n")
    return ["--matrix", place.path / "matrix", "matrix", "list", "os"]


def wrapped(place):
    image = place.path / "image.vhd"
    place.bake("vhd", "wrap", disk(place), "-o", image)
    return image


@tries.bake("a manifest that is nested without end", 5, "not a bake-manifest/v1 document")
def deep_manifest(place):
    return ["verify", wrapped(place), "--manifest", place.write("deep.json", "[" * 1000000 + "]" * 1000000)]


@tries.bake("a resources.json that is nested without end", 5)
def deep_resources(place):
    return ["matrix", "import", place.write("resources.json", '{"a":' * 500000 + "1" + "}" * 500000)]


@tries.bake("a recipe with control characters for the terminal", 5, "\\x1b]0;owned")
def control_characters(place):
    return ["plan", place.write("esc.yaml", 'schema: bake/v1\n"\\e]0;owned\\a\\e[2J": x\n')]


# ---- pipes, devices and links in the place of files

def pipe_try(name, status, arguments):
    @tries.bake(name, status, "pipe")
    def function(place):
        return arguments(place, pipe(place, "pipe"))
    return function


pipe_try("a pipe as a recipe", 2, lambda place, file: ["plan", file])
pipe_try("a pipe as a fleet", 2, lambda place, file: ["batch", file, "--dry-run"])
pipe_try("a pipe as an archive", 2, lambda place, file: ["bundle", "add", file, "--insecure-no-pin"])
pipe_try("a pipe as a key file", 2, lambda place, file: ["bundle", "trust", file])
pipe_try("a pipe as a signing key", 2, lambda place, file: ["key", "show", file])
pipe_try("a pipe as a carried archive", 2, lambda place, file: ["import", file, "--sha256", "a" * 64])
pipe_try("a pipe as a manifest", 2, lambda place, file: ["verify", wrapped(place), "--manifest", file])


@tries.bake("/dev/zero as an archive", 2, "it is a device")
def zero_archive(place):
    return ["bundle", "add", "/dev/zero", "--insecure-no-pin"]


@tries.bake("a link to /dev/zero as an archive", 2, "it is a device")
def link_to_zero(place):
    archive = place.path / f"{TOP}.tgz"
    archive.symlink_to("/dev/zero")
    return ["bundle", "verify", archive]


@tries.bake("/dev/zero as a carried archive", 2, "it is a device")
def zero_import(place):
    return ["import", "/dev/zero", "--sha256", "a" * 64, "--to", place.path / "there"]


@tries.bake("every user may replace the output", 2, "every user may replace files")
def open_directory(place):
    place.output = place.path / "open/out.vhd"
    place.output.parent.mkdir()
    place.output.parent.chmod(0o777)
    return ["vhd", "wrap", place.keep(disk(place)), "-o", place.output]


@tries.bake("a pipe as a base", 2, "pipe")
def pipe_base(place):
    return ["plan", recipe(place, pipe(place, "base.raw"))]


@tries.bake("a pipe without a reader as a log", 2, "no program reads this pipe")
def pipe_log(place):
    return ["--log", pipe(place, "bake.log"), "bundle", "list"]


@tries.custom("a pipe as a payload in the store")
def pipe_payload(place):
    keys = Keys()
    with contextlib.closing(keys):
        signer = keys.get("vendor")
        place.bake("bundle", "add", place.write(f"{TOP}.tgz", Bundle(signer).archive()), "--keyring",
                   place.write("vendor.asc", signer.public()))
    payload = next((place.store / "bundles").glob("*/*.iso"))
    payload.unlink()
    os.mkfifo(payload)
    outcome = place.measure("bundle", "verify", TOP)
    expect(outcome, 2, "it is a pipe")
    return f"exit {outcome.status}"


@tries.bake("a directory as a recipe", (1, 2), "irectory")
def directory_recipe(place):
    (place.path / "directory").mkdir()
    return ["plan", place.path / "directory"]


@tries.bake("an output that is a device", 2)
def device_output(place):
    return ["vhd", "wrap", disk(place), "-o", "/dev/null", "--force"]


@tries.bake("an output that is the input", 2)
def output_is_input(place):
    base = place.keep(disk(place))
    return ["vhd", "wrap", base, "-o", base, "--force"]


@tries.bake("an output that is another name of the input", 2)
def output_is_hard_link(place):
    base = place.keep(disk(place))
    os.link(base, place.path / "other.raw")
    return ["vhd", "wrap", base, "-o", place.path / "other.raw", "--force"]


@tries.bake("a log that is a base", 2, "is not a log of bake")
def log_is_base(place):
    return ["--log", place.keep(disk(place)), "bundle", "list"]


@tries.bake("an output that is a link to a file of the user", 2, "--force", leaves_output=True)
def output_is_link(place):
    victim = place.keep(place.write("victim", "mine"))
    place.output.symlink_to(victim)
    return ["vhd", "wrap", disk(place), "-o", place.output]


@tries.custom("--force replaces a link, not its target", leaves_output=True)
def forced_link(place):
    victim = place.keep(place.write("victim", "mine"))
    place.output.symlink_to(victim)
    outcome = place.measure("vhd", "wrap", disk(place), "-o", place.output, "--force")
    if outcome.status == 0 and place.output.is_symlink():
        raise Difference("wrote through the link")
    return f"exit {outcome.status}"


@tries.custom("a link under the name of the unfinished output", leaves_output=True)
def partial_link(place):
    victim = place.keep(place.write("victim", "mine"))
    for ending in (".partial", ".new", ".tmp", ".lock"):
        (place.path / f"out.vhd{ending}").symlink_to(victim)
    outcome = place.measure("vhd", "wrap", disk(place), "-o", place.output)
    return f"exit {outcome.status}"


# ---- secrets, and names that others prepare

@tries.custom("a private key is readable by its owner only")
def key_modes(place):
    before = os.umask(0)
    try:
        place.bake("key", "new", "--out", place.path / "site")
    finally:
        os.umask(before)
    mode = stat.S_IMODE((place.path / "site.key").stat().st_mode)
    if mode != 0o600:
        raise Difference(f"mode {mode:04o}")
    return f"mode {mode:04o}"


@tries.custom("an image is not less private than its base", leaves_output=True)
def output_modes(place):
    base = disk(place)
    before = os.umask(0)
    try:
        for of_base, expected in ((0o600, 0o600), (0o644, 0o640)):
            base.chmod(of_base)
            outcome = place.measure("vhd", "wrap", base, "-o", place.output, "--force")
            expect(outcome, 0)
            mode = stat.S_IMODE(place.output.stat().st_mode)
            if mode != expected:
                raise Difference(f"mode {mode:04o} for a base of mode {of_base:04o}")
    finally:
        os.umask(before)
    return "mode 0600, mode 0640"


@tries.bake("a private key never replaces a file", 2)
def key_exists(place):
    place.keep(place.write("site.key", "mine"))
    return ["key", "new", "--out", place.path / "site"]


@tries.bake("a private key is not written through a prepared link", 2)
def key_link(place):
    (place.path / "site.key").symlink_to(place.path / "stolen")
    return ["key", "new", "--out", place.path / "site"]


@tries.custom("prepared directories in TMPDIR are left alone")
def prepared_temporary(place):
    mine = place.write("mine/file", "x").parent
    (place.temporary / "bake-linked").symlink_to(mine)
    (place.temporary / "bake-images").mkdir()
    (place.temporary / "bake-images/lock").write_text("")
    os.mkfifo(place.temporary / "bake-pipe.x")
    (place.temporary / "bake-locked").mkdir()
    os.mkfifo(place.temporary / "bake-locked/lock")
    before = tree(place.temporary)
    place.keep(mine)
    place.expects_temporary = True
    keys = Keys()
    with contextlib.closing(keys):
        signer = keys.get("vendor")
        outcome = place.measure("bundle", "verify", place.write(f"{TOP}.tgz", Bundle(signer).archive()), "--keyring",
                                place.write("vendor.asc", signer.public()))
    expect(outcome, 0)
    if tree(place.temporary) != before:
        raise Difference("TMPDIR changed")
    return "unchanged"


@tries.bake("a TMPDIR that does not exist", 6, "set $TMPDIR")
def no_temporary(place):
    keys = Keys()
    with contextlib.closing(keys):
        signer = keys.get("vendor")
        archive = place.write(f"{TOP}.tgz", Bundle(signer).archive())
        ring = place.write("vendor.asc", signer.public())
    place.environment["TMPDIR"] = str(place.path / "nowhere")
    return ["bundle", "verify", archive, "--keyring", ring]


# ---- a base that changes, and directories that cannot be written

@tries.custom("a base that shrinks while it is copied", limit=120)
def shrinking(place):
    base = disk(place, mebibytes=2048)
    with open(base, "r+b") as file:  # data, so that the copy takes some time
        for at in range(0, 1024, 8):
            file.seek((at << 20) + 4096)
            file.write(os.urandom(1 << 20) * 8)
    shrunk = threading.Event()

    def shrink():
        while not list(place.path.glob("out.vhd*")) and not shrunk.is_set():
            time.sleep(0.005)
        time.sleep(0.05)
        os.truncate(base, 1 << 20)
    thread = threading.Thread(target=shrink)
    thread.start()
    try:
        outcome = place.measure("vhd", "wrap", base, "-o", place.output, limit=100)
    finally:
        shrunk.set()
        thread.join()
    expect(outcome, 1)
    return f"exit {outcome.status}"


READ_ONLY = 'mount -t tmpfs -o ro tmpfs "$0" && exec "$@"'


def unshared():
    """A prefix that runs a command with separate mounts."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@tries.bake("an output in a directory that is read-only", 1, "Read-only file system")
def read_only_output(place):
    place.path.joinpath("ro").mkdir()
    place.prefix = [*unshared(), "sh", "-c", READ_ONLY, place.path / "ro"]
    return ["vhd", "wrap", disk(place), "-o", place.path / "ro/out.vhd"]


@tries.bake("a store that is read-only", 1)
def read_only_store(place):
    place.store.mkdir()
    place.prefix = [*unshared(), "sh", "-c", READ_ONLY, place.store]
    return ["bundle", "add", place.write(f"{TOP}.tgz", b"x"), "--insecure-no-pin"]


@tries.bake("an output in a directory that does not exist", 2)
def no_directory(place):
    return ["vhd", "wrap", disk(place), "-o", place.path / "nowhere/out.vhd"]


# ---- disks that say something else than they are

def rewritten_footer(place, offset, data):
    """A VHD whose footer has other bytes at `offset` and a right checksum."""
    image = wrapped(place)
    with open(image, "r+b") as file:
        file.seek(-512, os.SEEK_END)
        footer = bytearray(file.read(512))
        footer[offset:offset + len(data)] = data
        footer[64:68] = bytes(4)
        footer[64:68] = struct.pack(">I", ~sum(footer) & 0xFFFFFFFF)
        file.seek(-512, os.SEEK_END)
        file.write(footer)
    return image


@tries.bake("a VHD that claims 8 EiB", 7)
def huge_vhd(place):
    return ["vhd", "check", rewritten_footer(place, 48, struct.pack(">Q", 1 << 63))]


@tries.bake("a recipe for a VHD that claims 8 EiB", 1)
def huge_base(place):
    return ["plan", recipe(place, rewritten_footer(place, 48, struct.pack(">Q", 1 << 63)))]


@tries.bake("a qcow2 disk that names a file of this machine", 1)
def backed_qcow2(place):
    path = place.path / "base.qcow2"
    head = bytearray(65536 * 4)
    name = b"/etc/shadow"
    struct.pack_into(">4sIQIIQIIQQII", head, 0, b"QFI\xfb", 2, 1024, len(name), 16, 32 << 20, 0, 1, 65536, 131072, 1, 0)
    head[1024:1024 + len(name)] = name
    path.write_bytes(head)
    return ["plan", recipe(place, path)]


@tries.custom("JSON output stays one document for a hostile name")
def json_document(place):
    outcome = place.measure("--json", "plan", place.write('a"b\\c\n.yaml', "schema: bake/v1\nx: 1\n"))
    json.loads(outcome.stdout)
    expect(outcome, 5)
    return f"exit {outcome.status}"
