"""What the groups of tries share: a table of tries, how one runs, what must be true after each, and the printed result.

A group is a module with a Group called `tries`. A try is a function that prepares its place and returns the arguments of one bake
(@tries.bake), or one that does everything itself and returns what it saw (@tries.custom)."""
import dataclasses
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from e2e import BINARY, SOURCE, run, standin  # noqa: E402,F401  the path comes first; the groups use the last two

MEBIBYTE = 1 << 20
MEMORY_LIMIT = 150 * MEBIBYTE
APPLIANCE_LIMIT = int(os.environ.get("HOSTILE_LIMIT", "600"))  # seconds; an emulated appliance needs most of it


class Difference(Exception):
    """A try saw something else than it should; the text says what."""


class Skip(Exception):
    """A try cannot run here; the text is the reason."""


@dataclasses.dataclass
class Try:
    name: str
    function: object
    status: object = None  # exit code, or those that are allowed; None: the function checks everything itself
    words: tuple = ()
    limit: float = 60
    appliance: bool = False
    leaves_output: bool = False


class Group:
    def __init__(self, name):
        self.name = name
        self.tries = []

    def bake(self, name, status, *words, limit=60, appliance=False, leaves_output=False):
        """The function returns the arguments of a bake that must end with `status` and say every one of `words`."""
        limit = max(limit, APPLIANCE_LIMIT) if appliance else limit
        return self._add(name, status=status, words=words, limit=limit, appliance=appliance, leaves_output=leaves_output)

    def custom(self, name, limit=60, appliance=False, leaves_output=False):
        """The function runs what it needs, raises Difference, and returns what it saw."""
        return self._add(name, limit=limit, appliance=appliance, leaves_output=leaves_output)

    def _add(self, name, **fields):
        assert all(other.name != name for other in self.tries), name

        def decorate(function):
            self.tries.append(Try(name, function, **fields))
            return function
        return decorate


@dataclasses.dataclass
class Outcome:
    status: int
    stdout: str
    stderr: str
    seconds: float
    peak: int  # bytes; of bake alone, not of its children


LARGE = 64 * MEBIBYTE


def fingerprint(path):
    """The digest of a file's data and of where its holes are. Of a large file its size and times, which every write changes."""
    info = path.stat()
    if info.st_blocks * 512 > LARGE:
        return f"{info.st_ino} {info.st_size} {info.st_blocks} {info.st_mtime_ns} {info.st_ctime_ns}"
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(str(size).encode())
        at = 0
        while at < size:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # only a hole up to the end
                break
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            file.seek(start)
            digest.update(f"{start}-{end}".encode())
            while start < end and (block := file.read(min(MEBIBYTE, end - start))):
                digest.update(block)
                start += len(block)
            at = end
    return digest.hexdigest()


def tree(directory):
    """Path → kind and digest of everything below a directory."""
    found = {}
    for path in sorted(Path(directory).rglob("*")):
        mode = path.lstat().st_mode
        name = str(path.relative_to(directory))
        found[name] = os.readlink(path) if stat.S_ISLNK(mode) else fingerprint(path) if stat.S_ISREG(mode) else stat.S_IFMT(mode)
    return found


def peak_of(pid):
    """The peak memory of one process in bytes; 0 when it has ended."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def processes_with(text):
    """The processes that have `text` in their arguments, as number → arguments; not this one, and no zombies."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in arguments:
            found[int(entry.name)] = arguments
    return found


def wait_for(condition, seconds, interval=0.1):
    """Waits until `condition` gives something true, and returns it; Difference when it does not in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise Difference(f"nothing happened within {seconds} s")
        time.sleep(interval)
    return found


class Place:
    """A directory for one try: a store, a TMPDIR, and the names out* for outputs. What is kept must not change."""

    def __init__(self, path):
        self.path = path
        self.store = path / "store"
        self.temporary = path / "tmp"
        self.temporary.mkdir()
        self.output = path / "out.vhd"
        self.environment = {}
        self.prefix = []
        self.kept = {}
        self.expects_temporary = False
        self.peak = 0  # bytes; the most memory of the bakes that measure() ran

    def write(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def keep(self, path):
        """After the try, the file or directory must be as it is now. Returns the path."""
        self.kept[path] = tree(path) if path.is_dir() else fingerprint(path)
        return path

    def command(self, *arguments):
        return [str(part) for part in (*self.prefix, BINARY, "--store", self.store, *arguments)]

    def variables(self):
        # The appliance that libguestfs builds is kept between the tries.
        cache = os.environ.get("LIBGUESTFS_CACHEDIR") or os.environ.get("TMPDIR") or "/var/tmp"
        return {**os.environ, "LIBGUESTFS_CACHEDIR": cache, "TMPDIR": str(self.temporary), **self.environment}

    def bake(self, *arguments):
        """A bake that must succeed, to prepare a try."""
        return run(*self.command(*arguments), env=self.variables())

    def start(self, *arguments, **options):
        """Starts a bake that is a process group, with its messages in a pipe."""
        return subprocess.Popen(self.command(*arguments), env=self.variables(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True, **options)

    def measure(self, *arguments, limit=60, on_start=lambda process: None):
        """Runs a bake and returns its Outcome. Difference when it does not end within `limit` seconds."""
        with open(self.path / "stdout", "w+") as stdout, open(self.path / "stderr", "w+") as stderr:
            started = time.monotonic()
            process = subprocess.Popen(self.command("--progress", "none", *arguments), env=self.variables(),
                                       stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)
            peak = 0
            on_start(process)
            while process.poll() is None:
                peak = max(peak, peak_of(process.pid))
                self.peak = max(self.peak, peak)
                taken = time.monotonic() - started
                if taken > limit:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    raise Difference(f"did not end within {limit:.0f} s")
                time.sleep(0.002 if taken < 2 else 0.05)
            seconds = time.monotonic() - started
            stdout.seek(0)
            stderr.seek(0)
            return Outcome(process.returncode, stdout.read(), stderr.read(), seconds, peak)

    def left_behind(self, leaves_output):
        """What a bake must not leave: outputs, temporary files, processes."""
        found = []
        if not leaves_output:
            found += [f"left {path.name}" for path in self.path.glob("out*") if path not in self.kept]
        if not self.expects_temporary:
            found += [f"left {path.name} in TMPDIR" for path in self.temporary.iterdir()]
        found += [f"still running: {arguments[:60]}" for arguments in processes_with(str(self.path)).values()]
        return found

    def changed(self):
        """What is kept and not as it was."""
        return [f"changed {path.name}" for path, before in self.kept.items()
                if not path.exists() or (tree(path) if path.is_dir() else fingerprint(path)) != before]


def expect(outcome, status, *words):
    """Difference unless a bake ended with `status` and said all of `words`, in one readable way."""
    allowed = status if isinstance(status, tuple) else (status,)
    if outcome.status not in allowed:
        raise Difference(f"exit {outcome.status}: {outcome.stderr.strip()[-300:]}")
    for word in words:
        if word not in outcome.stderr and word not in outcome.stdout:
            raise Difference(f"exit {outcome.status} without '{word}': {outcome.stderr.strip()[-300:]}")
    if "this is a bug in bake" in outcome.stderr or "\x1b" in outcome.stderr + outcome.stdout:
        raise Difference(f"a bug, or control characters for the terminal: {outcome.stderr.strip()[-300:]}")
    if outcome.stderr.count("bake: error:") > (1 if outcome.status else 0):  # some commands only print a table
        raise Difference(f"{outcome.stderr.count('bake: error:')} errors: {outcome.stderr.strip()[-300:]}")


def attempt(one, place):
    """Runs one try. Returns what was seen, its seconds and its peak memory; raises Difference or Skip."""
    started = time.monotonic()
    prepared = one.function(place)
    if one.status is None:
        taken = time.monotonic() - started
        if taken > one.limit:
            raise Difference(f"took {taken:.0f} s")
        seen, seconds = prepared, taken
    else:
        outcome = place.measure(*prepared, limit=one.limit)
        expect(outcome, one.status, *one.words)
        seen, seconds = f"exit {outcome.status}", outcome.seconds
    peak = place.peak
    if peak > MEMORY_LIMIT:
        raise Difference(f"peak memory {peak / MEBIBYTE:.0f} MiB")
    # Processes that libguestfs ends may need a moment.
    deadline = time.monotonic() + 5
    while (left := place.left_behind(one.leaves_output)) and time.monotonic() < deadline:
        time.sleep(0.2)
    left += place.changed()
    if left:
        raise Difference("; ".join(left))
    place.prefix = []
    place.environment = {}
    if place.measure("bundle", "list").status != 0:
        raise Difference("the next run fails")
    return seen, seconds, peak


def expected_text(one):
    words = "; ".join(one.words)
    if isinstance(one.status, tuple):
        return "exit " + " or ".join(map(str, one.status)) + (f", {words}" if words else "")
    return (f"exit {one.status}" + (f", {words}" if words else "")) if one.status is not None else "held"


def row(group, name, expected, seen, seconds="", peak=""):
    print(f"{group:7} {name:44.44} {expected:60.60} {seen:40} {seconds:>8} {peak:>8}", flush=True)


def run_group(group, only=""):
    """Runs the tries of a group whose names contain `only`. Returns how many were tried, held and skipped, and the peak memory."""
    counts = {"tried": 0, "held": 0, "skipped": 0, "peak": 0}
    scratch = SOURCE / "build/hostile"
    scratch.mkdir(parents=True, exist_ok=True)
    for one in group.tries:
        if only not in one.name:
            continue
        directory = Path(tempfile.mkdtemp(prefix="try-", dir=scratch))
        place = Place(directory)
        try:
            seen, seconds, peak = attempt(one, place)
        except Skip as reason:
            counts["skipped"] += 1
            row(group.name, one.name, expected_text(one), f"skipped: {reason}")
            continue
        except (Difference, AssertionError, OSError, subprocess.SubprocessError) as difference:
            counts["tried"] += 1
            row(group.name, one.name, expected_text(one), f"DIFFERENT: {difference}")
            continue
        finally:
            counts["peak"] = max(counts["peak"], place.peak)
            shutil.rmtree(directory, ignore_errors=True)
        counts["tried"] += 1
        counts["held"] += 1
        row(group.name, one.name, expected_text(one), seen, f"{seconds:.1f} s", f"{peak / MEBIBYTE:.0f} MiB" if peak else "-")
    return counts


def main(groups, arguments):
    wanted = [group for group in groups if not arguments or group.name == arguments[0]]
    if not wanted:
        print(f"no group '{arguments[0]}'; there are: {', '.join(group.name for group in groups)}", file=sys.stderr)
        return 2
    row("group", "try", "expected", "seen", "seconds", "peak")
    total = {"tried": 0, "held": 0, "skipped": 0}
    summaries = []
    for group in wanted:
        counts = run_group(group, *arguments[1:2])
        summaries.append(f"{group.name:7} {counts['tried']} tried, {counts['held']} held, {counts['skipped']} skipped, "
                         f"peak {counts['peak'] / MEBIBYTE:.0f} MiB")
        for key in total:
            total[key] += counts[key]
    print("\n".join(summaries))
    print(f"{total['tried']} tried, {total['held']} held, {total['skipped']} skipped")
    if total["tried"] == 0 and total["skipped"]:
        print("skipped: no try of the group can run here")
        return 77
    return 0 if total["tried"] and total["tried"] == total["held"] else 1
