"""Faults of this machine: full disks, read errors, limits, kills at any moment, and two runs at once."""
import atexit
import contextlib
import functools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from hostile import APPLIANCE_LIMIT, BINARY, SOURCE, Difference, Group, Skip, expect, processes_with, run, standin, wait_for

from fleet import PARTITION, RECIPE
from host import disk, unshared
from materials import TOP, Bundle, Keys

tries = Group("faults")

KILLS = int(os.environ.get("HOSTILE_KILLS", "50"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
QEMU_KILLS = min(KILLS, 20)


# ---- a guest that bakes quickly, and its store: made once, copied or only read by the tries

@functools.lru_cache(maxsize=None)
def materials():
    """A directory with base.vhd and a store that has the bundle for it."""
    directory = Path(tempfile.mkdtemp(prefix="faults-", dir=SOURCE / "build/hostile"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    bundle = standin("bundle.sh", "5.5-1.0.3.2-ubuntu18.04")
    run("cp", "--sparse=always", "--reflink=auto", standin("light-guest.sh", "ubuntu18.04"), directory / "base.vhd")
    run("debugfs", "-w", "-R", "rm /usr/sbin/update-initramfs", f"{directory}/base.vhd?offset={PARTITION}")
    output = next(parent for parent in bundle.parents if (parent / "keys").is_dir())
    bake = [BINARY, "--store", directory / "store"]
    run(*bake, "bundle", "trust", output / "keys/trusted.gpg")
    run(*bake, "bundle", "add", bundle, "--sha256", Path(f"{bundle}.sha256").read_text().split()[0])
    return directory


def image(place, copy_store=False):
    """The arguments of a bake of that guest. The base and the store must not change."""
    made = materials()
    place.store = made / "store"
    if copy_store:
        place.store = place.path / "store"
        shutil.copytree(made / "store", place.store)
    place.keep(made / "base.vhd")
    return ["image", place.write("image.yaml", RECIPE.format(base=made / "base.vhd")), "-o", place.output]


def end(process):
    """Kills a bake and its group, and waits for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for_step(process, step, seconds=APPLIANCE_LIMIT):
    """Reads the messages of a bake until `step` begins, and goes on reading in the background, so that it never waits."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        for line in process.stderr:
            if line.endswith(f"] {step}\n"):
                break
        else:
            raise Difference(f"ended with {process.wait()} before '{step}'")
    finally:
        timer.cancel()
    said = []
    reader = threading.Thread(target=lambda: said.append(process.stderr.read()), daemon=True)
    reader.start()

    def rest():
        reader.join(30)
        return said[0] if said else ""
    return rest


def finish(process, seconds=APPLIANCE_LIMIT):
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        end(process)
        raise Difference(f"did not end within {seconds} s") from None


def machines_of(place):
    """The numbers of the virtual machines that run for this place."""
    return [pid for pid, arguments in processes_with(str(place.path)).items() if "qemu" in arguments.split()[0]]


def require_clean(place, what):
    """Difference when an output or a temporary directory is left, or a program still runs."""
    left = [path.name for path in [*place.path.glob("out.vhd*"), *place.temporary.iterdir()]]
    running = list(processes_with(str(place.path)).values())
    if left or running:
        raise Difference(f"{what} left {left} {running}")


# ---- full disks and limits

SMALL = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'


def on_small_disk(place, directory, size):
    """The command of the try sees a full disk of `size` at `directory`."""
    directory.mkdir(exist_ok=True)
    place.prefix = [*unshared(), "sh", "-c", SMALL, directory, size]


@tries.bake("the output's disk is too small", 6, "free", appliance=True)
def small_output(place):
    arguments = image(place)
    on_small_disk(place, place.path / "small", "16m")
    return [*arguments[:-1], place.path / "small/out.vhd"]


@tries.bake("TMPDIR's disk is too small", (1, 6), appliance=True)
def small_temporary(place):
    arguments = image(place)
    on_small_disk(place, place.temporary, "256k")
    return ["plan", arguments[1]]


@tries.bake("the disk of libguestfs's cache is too small", 6, appliance=True)
def small_cache(place):
    arguments = image(place)
    on_small_disk(place, place.path / "cache", "8m")
    place.environment["LIBGUESTFS_CACHEDIR"] = str(place.path / "cache")
    return ["plan", arguments[1]]


@tries.bake("the store's disk is too small", 6, "free and needs")
def small_store(place):
    keys = Keys()
    with contextlib.closing(keys):
        bundle = Bundle(keys.get("vendor"))
        bundle.member(f"{TOP}/docs/large", content=os.urandom(4 << 20))
        ring = place.write("vendor.asc", keys.get("vendor").public())
    archive = place.write(f"{TOP}.tgz", bundle.archive())
    on_small_disk(place, place.store, "2m")
    return ["bundle", "add", archive, "--keyring", ring]


@tries.bake("a conversion fills the disk", 6, "free")
def small_wrap(place):
    base = place.keep(disk(place, mebibytes=64))
    on_small_disk(place, place.path / "small", "64k")
    return ["vhd", "wrap", base, "-o", place.path / "small/out.vhd"]


@tries.bake("standard output is full", 6, "standard output failed")
def full_stdout(place):
    place.prefix = ["sh", "-c", 'exec "$@" >/dev/full', "sh"]
    return ["matrix", "list"]


@tries.bake("files may not grow (ulimit -f)", 6, "File too large")
def file_limit(place):
    with open(place.path / "base.raw", "wb") as file:
        file.truncate(64 << 20)
        file.seek(510)
        file.write(b"\x55\xaa")
        file.seek(2 << 20)
        file.write(os.urandom(40 << 20))
    # The messages of the try are files too, but they are small.
    place.prefix = ["sh", "-c", 'ulimit -f 8192; exec "$@"', "sh"]
    return ["vhd", "wrap", place.keep(place.path / "base.raw"), "-o", place.output]


@tries.custom("few open files (ulimit -n)")
def few_files(place):
    base = place.keep(disk(place))
    seen = set()
    for number in range(4, 13):
        place.prefix = ["sh", "-c", f'ulimit -n {number}; exec "$@"', "sh"]
        outcome = place.measure("vhd", "wrap", base, "-o", place.output)
        if outcome.status == 0:
            place.output.unlink()
        elif outcome.status not in (1, 2, 6, 127):  # 127: the program itself does not start
            raise Difference(f"exit {outcome.status} with {number} files: {outcome.stderr[-200:]}")
        require_clean(place, f"{number} files")
        seen.add(outcome.status)
    place.prefix = []
    return "exit " + ", ".join(map(str, sorted(seen)))


# ---- errors of the base's disk

READ_ERRORS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
/* Reads of the file BAD_FILE behind BAD_OFFSET fail as on a damaged disk. */
static int bad(int fd, off_t end) {
  char link[64], path[4096];
  const char *file = getenv("BAD_FILE"), *offset = getenv("BAD_OFFSET");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (!file || !offset || size < 0) return 0;
  path[size] = 0;
  return strcmp(path, file) == 0 && end > atoll(offset);
}
#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define FAIL do { errno = EIO; return -1; } while (0)
ssize_t pread(int fd, void *data, size_t size, off_t at) { REAL(pread); if (bad(fd, at + size)) FAIL; return real(fd, data, size, at); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) { REAL(pread64); if (bad(fd, at + size)) FAIL; return real(fd, data, size, at); }
ssize_t preadv(int fd, const struct iovec *v, int n, off_t at) { REAL(preadv); if (bad(fd, at + 1)) FAIL; return real(fd, v, n, at); }
ssize_t preadv64(int fd, const struct iovec *v, int n, off64_t at) { REAL(preadv64); if (bad(fd, at + 1)) FAIL; return real(fd, v, n, at); }
ssize_t read(int fd, void *data, size_t size) { REAL(read); if (bad(fd, lseek(fd, 0, SEEK_CUR) + size)) FAIL; return real(fd, data, size); }
"""


def with_read_errors(place, file, offset):
    """The bake of the try, and qemu, get read errors of `file` behind `offset`."""
    if not shutil.which("cc"):
        raise Skip("there is no cc")
    library = place.path / "errors.so"
    run("cc", "-shared", "-fPIC", "-O1", "-w", "-o", library, place.write("errors.c", READ_ERRORS), "-ldl")
    place.environment.update({"LD_PRELOAD": str(library), "BAD_FILE": str(Path(file).resolve()), "BAD_OFFSET": str(offset)})


@tries.bake("a read error in a disk that is converted", 1, "Input/output error")
def bad_wrap(place):
    base = place.keep(disk(place))
    with_read_errors(place, base, 16 << 20)
    return ["vhd", "wrap", base, "-o", place.output]


@tries.bake("a read error in the base while it is copied", 1, "Input/output error", appliance=True)
def bad_base(place):
    arguments = image(place)
    with_read_errors(place, materials() / "base.vhd", 100 << 20)
    return arguments


@tries.bake("a read error in an archive", (1, 4), "Input/output error")
def bad_archive(place):
    keys = Keys()
    with contextlib.closing(keys):
        archive = place.write(f"{TOP}.tgz", Bundle(keys.get("vendor")).archive())
        ring = place.write("vendor.asc", keys.get("vendor").public())
    with_read_errors(place, archive, 512)
    return ["bundle", "add", archive, "--keyring", ring]


# ---- time

def clock(place, *options):
    if not shutil.which("faketime"):
        raise Skip("faketime is not installed")
    place.prefix = ["faketime", *options]


@tries.bake("the clock is before the vendor's signature", 4, "future")
def early_clock(place):
    keys = Keys()
    with contextlib.closing(keys):
        archive = place.write(f"{TOP}.tgz", Bundle(keys.get("vendor")).archive())
        ring = place.write("vendor.asc", keys.get("vendor").public())
    clock(place, "2001-01-01")
    return ["bundle", "add", archive, "--keyring", ring]


@tries.bake("the clock runs a thousand times too fast", 0, leaves_output=True)
def fast_clock(place):
    clock(place, "-f", "+0 x1000")
    return ["vhd", "wrap", place.keep(disk(place)), "-o", place.output]


# ---- kills

def kill_later(place, seconds, find):
    """Kills what find() names after `seconds`."""
    time.sleep(seconds)
    for pid in find():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def duration_of_bake(place, arguments):
    """Bakes once, checks and removes the output, and returns the seconds."""
    outcome = place.measure(*arguments, limit=APPLIANCE_LIMIT)
    expect(outcome, 0)
    remove_outputs(place)
    return outcome.seconds


def remove_outputs(place):
    for path in place.path.glob("out.vhd*"):
        path.unlink()


def sockets():
    """The directories of libguestfs that no running program uses; other programs may use libguestfs at the same time."""
    return {path for path in Path("/tmp").glob("libguestfs*")
            if path.is_dir() and path.stat().st_uid == os.geteuid() and not processes_with(str(path))}


@tries.custom(f"kill -9 at {KILLS} random moments", limit=KILLS * APPLIANCE_LIMIT, appliance=True, leaves_output=True)
def kills(place):
    arguments = image(place)
    before = sockets()
    seconds = duration_of_bake(place, arguments)
    chance = random.Random(SEED)
    finished = 0
    for number in range(KILLS):
        moment = chance.uniform(0, seconds)
        process = place.start("--quiet", *arguments)
        kill_later(place, moment, lambda started=process: [started.pid])
        process.communicate()
        if process.returncode == 0:
            finished += 1
        elif place.output.exists():
            raise Difference(f"kill {number} after {moment:.1f} s left {place.output.name}")
        wait_for(lambda: not processes_with(str(place.path)), 15)
        if place.output.exists():
            expect(place.measure("vhd", "check", place.output), 0)
            remove_outputs(place)
    expect(place.measure(*arguments, limit=APPLIANCE_LIMIT), 0)
    expect(place.measure("vhd", "check", place.output), 0)
    left = list(place.temporary.iterdir())
    if left:
        raise Difference(f"the run after the last kill left {[path.name for path in left]} in TMPDIR")
    # libguestfs makes the directory of its sockets a moment before qemu, from whose arguments bake knows it.
    new = sockets() - before
    if len(new) > max(1, KILLS // 10):
        raise Difference(f"{len(new)} directories of libguestfs are left in /tmp")
    if list(place.path.glob("out.vhd.partial*")):
        raise Difference("a partial file is left")
    return f"{KILLS} kills, {finished} too late"


@tries.custom(f"qemu is killed at {QEMU_KILLS} random moments", limit=QEMU_KILLS * APPLIANCE_LIMIT, appliance=True)
def machine_kills(place):
    arguments = image(place)
    seconds = duration_of_bake(place, arguments)
    chance = random.Random(SEED + 1)
    seen = {}
    for number in range(QEMU_KILLS):
        moment = chance.uniform(1, seconds)
        killer = threading.Thread(target=kill_later, args=(place, moment, lambda: machines_of(place)))
        killer.start()
        outcome = place.measure(*arguments, limit=APPLIANCE_LIMIT)
        killer.join()
        if outcome.status not in (0, 1, 6):
            raise Difference(f"kill {number} after {moment:.1f} s: exit {outcome.status}: {outcome.stderr[-300:]}")
        if outcome.status == 0:
            remove_outputs(place)
        require_clean(place, f"kill {number} after {moment:.1f} s")
        seen[outcome.status] = seen.get(outcome.status, 0) + 1
    return ", ".join(f"{count} x exit {status}" for status, count in sorted(seen.items()))


@tries.custom("bake batch dies: its bakes end too", limit=APPLIANCE_LIMIT, appliance=True)
def parent_dies(place):
    arguments = image(place)
    place.write("fleet.yaml", f"schema: bake/fleet/v1\nimages:\n  - {{recipe: {arguments[1].name}, output: out.vhd}}\n")
    process = place.start("batch", place.path / "fleet.yaml")
    try:
        wait_for(lambda: machines_of(place), APPLIANCE_LIMIT)
        process.kill()
        process.wait()
        wait_for(lambda: not processes_with(str(place.path)), 30)
    finally:
        end(process)
    if place.output.exists():
        raise Difference("an output appeared")
    place.expects_temporary = True  # the next run removes it
    remove_outputs(place)
    return "ended"


@tries.custom("the reader of the messages ends", limit=APPLIANCE_LIMIT, appliance=True, leaves_output=True)
def reader_ends(place):
    process = place.start("--progress", "plain", *image(place))
    try:
        process.stderr.readline()
        process.stderr.close()
        process.stdout.close()
        status = process.wait(APPLIANCE_LIMIT)
    except subprocess.TimeoutExpired:
        raise Difference("did not end") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    wait_for(lambda: not processes_with(str(place.path)), 15)
    if status != 0 and place.output.exists():
        raise Difference(f"exit {status} with an output")
    place.expects_temporary = status == -signal.SIGPIPE  # as after a kill; the next run removes it
    return f"exit {status}"


@tries.custom("bake stops for a while and continues", limit=APPLIANCE_LIMIT, appliance=True)
def stopped(place):
    def pause(process):
        def later():
            time.sleep(3)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP)
                time.sleep(5)
                os.kill(process.pid, signal.SIGCONT)
        threading.Thread(target=later, daemon=True).start()
    outcome = place.measure(*image(place), limit=APPLIANCE_LIMIT, on_start=pause)
    expect(outcome, 0)
    remove_outputs(place)
    return "exit 0"


# ---- two at once, and files that go away

@tries.custom("two bakes of one output at once", limit=2 * APPLIANCE_LIMIT, appliance=True, leaves_output=True)
def two_bakes(place):
    arguments = image(place)
    first = place.start(*arguments)
    try:
        rest = wait_for_step(first, "start the appliance")
        second = place.measure(*arguments, limit=APPLIANCE_LIMIT)
        expect(second, 6, "another bake is writing it")
        if (status := finish(first)) != 0:
            raise Difference(f"the first ended with {status}: {rest()[-300:]}")
    finally:
        end(first)
    expect(place.measure("vhd", "check", place.output), 0)
    return "exit 0 and 6"


@tries.custom("two bakes into one TMPDIR at once", limit=2 * APPLIANCE_LIMIT, appliance=True, leaves_output=True)
def shared_temporary(place):
    recipe = image(place)[1]
    outputs = [place.path / f"out-{number}.vhd" for number in (1, 2)]
    both = [place.start("--quiet", "image", recipe, "-o", output) for output in outputs]
    try:
        statuses = [finish(process) for process in both]
    finally:
        for process in both:
            end(process)
    if statuses != [0, 0]:
        raise Difference(f"ended with {statuses}")
    return "exit 0 and 0"


@tries.custom("two adds of one archive at once")
def two_adds(place):
    keys = Keys()
    with contextlib.closing(keys):
        bundle = Bundle(keys.get("vendor"))
        bundle.member(f"{TOP}/docs/large", content=os.urandom(8 << 20))
        ring = place.write("vendor.asc", keys.get("vendor").public())
    archive = place.write(f"{TOP}.tgz", bundle.archive())
    both = [place.start("bundle", "add", archive, "--keyring", ring) for _ in range(2)]
    statuses = [process.communicate(timeout=60) and process.returncode for process in both]
    if statuses != [0, 0]:
        raise Difference(f"ended with {statuses}")
    listed = place.bake("bundle", "list").stdout.splitlines()
    if len(listed) != 1:
        raise Difference(f"the store has {len(listed)} entries")
    place.bake("bundle", "verify", TOP, "--keyring", ring)
    return "exit 0 and 0"


@tries.custom("an add is killed at ten random moments")
def killed_adds(place):
    keys = Keys()
    with contextlib.closing(keys):
        bundle = Bundle(keys.get("vendor"))
        bundle.member(f"{TOP}/docs/large", content=os.urandom(8 << 20))
        ring = place.write("vendor.asc", keys.get("vendor").public())
    arguments = ["bundle", "add", place.write(f"{TOP}.tgz", bundle.archive()), "--keyring", ring]
    started = time.monotonic()
    place.bake(*arguments)
    seconds = time.monotonic() - started
    chance = random.Random(SEED)
    for _ in range(10):
        shutil.rmtree(place.store, ignore_errors=True)  # a kill may come before there is one
        process = place.start(*arguments)
        kill_later(place, chance.uniform(0, seconds), lambda started=process: [started.pid])
        process.communicate()
        if place.bake("bundle", "list").stdout.startswith("the store"):
            continue
        place.bake("bundle", "verify", TOP, "--keyring", ring)  # listed, so complete
    place.bake(*arguments)
    if left := [path.name for path in place.store.glob("tmp-*")]:
        raise Difference(f"the store has {left}")
    return "complete or absent"


def taken_away(name, find):
    """A try in which a file of the bake gets another name after the appliance's start."""
    @tries.custom(name, limit=APPLIANCE_LIMIT, appliance=True)
    def function(place):
        arguments = image(place, copy_store=True)
        victim, aside = find(place), place.path / "aside"
        process = place.start(*arguments)
        try:
            rest = wait_for_step(process, "start the appliance")
            victim.rename(aside)
            status = finish(process)
            said = rest()
        finally:
            end(process)
            if aside.exists() and not victim.exists():
                aside.rename(victim)
        if status not in (0, 1, 2, 6) or "this is a bug in bake" in said:
            raise Difference(f"exit {status}: {said[-300:]}")
        if status != 0 and place.output.exists():
            raise Difference(f"exit {status} with an output")
        remove_outputs(place)
        return f"exit {status}"
    return function


taken_away("the store goes away under way", lambda place: place.store)
taken_away("the payload goes away under way", lambda place: next(place.store.glob("bundles/*/*.iso")))


@tries.custom("the output's directory goes away under way", limit=APPLIANCE_LIMIT, appliance=True)
def directory_goes(place):
    arguments = image(place)
    directory = place.path / "directory"
    directory.mkdir()
    process = place.start(*arguments[:-1], directory / "out.vhd")
    try:
        rest = wait_for_step(process, "start the appliance")
        directory.rename(place.path / "aside")
        status, said = finish(process), rest()
    finally:
        end(process)
    if status not in (1, 2, 6) or "this is a bug in bake" in said:
        raise Difference(f"exit {status}: {said[-300:]}")
    return f"exit {status}"


@tries.custom("after all faults, a bake succeeds", limit=APPLIANCE_LIMIT, appliance=True, leaves_output=True)
def at_the_end(place):
    outcome = place.measure(*image(place), limit=APPLIANCE_LIMIT)
    expect(outcome, 0)
    expect(place.measure("verify", place.output, limit=APPLIANCE_LIMIT), 0)
    return "exit 0"
