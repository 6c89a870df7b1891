"""Times `bake image` and two peers on the same base and the same packages, in turn:

  bare      copy, virt-customize that installs the packages and rebuilds depmod's files and the initramfs
  pipeline  the same with the evidence that bake gives: virt-inspector before and after, digests, openssl signature

Prints minimum, median and maximum, and the ratios of the medians; writes results.json and results.svg."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/e2e"))
from e2e import BINARY, run, standin  # noqa: E402

WORK = SOURCE / "build/bench"
GUESTS = {
    "deb": ("deb-guest.sh", "5.5-1.0.3.2-ubuntu20.04", "dpkg -i --force-overwrite --force-depends *.deb",
            "update-initramfs -u -k {kernel}"),
    "el8": ("el8-guest.sh", "5.5-1.0.3.2-rhel8.3", "rpm -U --force --nodeps *.rpm",
            "dracut --force --no-hostonly /boot/initramfs-{kernel}.img {kernel}"),
}


def bake(*arguments, **options):
    return run(BINARY, "--store", WORK / "store", *arguments, **options)


class Bench:
    def __init__(self, guest):
        script, bundle, self.install, self.initramfs = GUESTS[guest]
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        os.environ["BAKE_CACHE"] = ""  # every run does all its work
        self.base = standin(script)
        extra = []
        if guest == "el8":
            facts = self.base.with_suffix(".facts")
            os.environ["STANDIN_IMAGE_FACTS"] = str(facts)
            kernel = json.loads(bake("inspect", self.base, "--json").stdout)["default_kernel"]
            extra = [SOURCE / "build/standins", kernel]
        archive = standin("bundle.sh", bundle, *extra)
        keys = next(directory for directory in archive.parents if (directory / "keys").is_dir()) / "keys"
        bake("bundle", "trust", keys / "trusted.gpg")
        bake("bundle", "add", archive, "--sha256", Path(f"{archive}.sha256").read_text().split()[0])
        bake("key", "new", "--out", WORK / "site")
        self.recipe = WORK / "image.yaml"
        self.recipe.write_text(bake("init", self.base, "--vm-size", "Standard_HB120rs_v2").stdout)
        self.plan = json.loads(bake("plan", self.recipe, "--json").stdout)
        self.kernel = self.plan["kernel"]["release"]
        with tarfile.open(archive) as tree:
            tree.extractall(WORK / "tree")
        self.packages = WORK / "packages"
        self.packages.mkdir()
        for change in self.plan["changes"]:
            if change["action"] != "remove":
                found = next((WORK / "tree").rglob(Path(change["file"]).name))
                shutil.copy(found, self.packages)

    def time_bake(self):
        output = WORK / "bake.vhd"
        result = bake("image", self.recipe, "-o", output, "--force", "--json", "--sign-key", WORK / "site.key", "--trace",
                      WORK / "trace.json")
        manifest = json.loads(result.stdout)
        output.unlink()
        return {step["step"]: step["seconds"] for step in manifest["product"]["timings"]}

    def customize(self):
        raw = WORK / "peer.raw"
        run("cp", "--sparse=always", self.base, raw)
        os.truncate(raw, raw.stat().st_size - 512)
        run("virt-customize", "-q", "--no-network", "--format", "raw", "-a", raw,
            "--copy-in", f"{self.packages}:/root",
            "--run-command", f"cd /root/packages && {self.install}",
            "--run-command", f"depmod -a {self.kernel} && {self.initramfs.format(kernel=self.kernel)}",
            "--run-command", "rm -rf /root/packages")
        return raw

    def time_bare(self):
        self.customize().unlink()

    def time_pipeline(self):
        run("sha256sum", self.base)
        base = WORK / "base.raw"
        run("cp", "--sparse=always", self.base, base)
        os.truncate(base, base.stat().st_size - 512)
        (WORK / "before.xml").write_text(run("virt-inspector", "--format=raw", "-a", base).stdout)
        base.unlink()
        raw = self.customize()
        (WORK / "after.xml").write_text(run("virt-inspector", "--format=raw", "-a", raw).stdout)
        vhd = WORK / "peer.vhd"
        run("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", "subformat=fixed,force_size=on", raw, vhd)
        (WORK / "digest").write_text(run("sha256sum", vhd).stdout)
        run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", WORK / "site.key", "-in", WORK / "digest", "-out", WORK / "sig")
        raw.unlink()
        vhd.unlink()


def timed(work):
    start = time.monotonic()
    steps = work()
    return time.monotonic() - start, steps


def picture(results):
    """A bar for the median of each way, with a line from minimum to maximum."""
    largest = max(max(r["seconds"]) for r in results.values())
    rows = []
    for i, (name, result) in enumerate(results.items()):
        y, scale = 20 + 34 * i, 480 / largest
        rows.append(f'<text x="90" y="{y + 16}" text-anchor="end">{name}</text>'
                    f'<rect x="100" y="{y}" width="{result["median"] * scale:.0f}" height="22" fill="#3b7dd8"/>'
                    f'<line x1="{100 + result["min"] * scale:.0f}" x2="{100 + result["max"] * scale:.0f}" y1="{y + 11}" '
                    f'y2="{y + 11}" stroke="black"/>'
                    f'<text x="{108 + result["max"] * scale:.0f}" y="{y + 16}">{result["median"]:.0f} s</text>')
    height = 34 * len(results) + 30
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{height}" font-family="sans-serif" font-size="14">'
            f'{"".join(rows)}</svg>\n')


def main():
    guest = sys.argv[1] if len(sys.argv) > 1 else "deb"
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    bench = Bench(guest)
    ways = {"bare": bench.time_bare, "bake": bench.time_bake, "pipeline": bench.time_pipeline}
    ways = {name: ways[name] for name in sys.argv[3:] or ways}
    seconds = {name: [] for name in ways}
    steps = {}
    for _ in range(pairs):
        for name, work in ways.items():
            took, detail = timed(work)
            seconds[name].append(round(took, 1))
            if detail:
                steps = detail
            print(f"{name:<9} {took:7.1f} s", flush=True)
    results = {name: {"seconds": runs, "min": min(runs), "median": statistics.median(runs), "max": max(runs)}
               for name, runs in seconds.items()}
    median = {name: result["median"] for name, result in results.items()}
    document = {"guest": guest, "packages": len(list(bench.packages.iterdir())), "processors": os.cpu_count(),
                "results": results, "steps of the last bake": steps}
    for peer in ("bare", "pipeline"):
        if peer in median and "bake" in median:
            document[f"bake/{peer}"] = round(median["bake"] / median[peer], 2)
    (WORK / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (WORK / "results.svg").write_text(picture(results))
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
