"""Times `bake image` on the same data in disks of two virtual sizes, 30 GiB and 1 TiB. The plain sha256 of the base and of the
output reads every byte of the virtual size, so its steps are shown apart.

Prints the seconds of both and the growth without those steps; writes sizes.json."""
import json
import os
import re
import sys

from peers import Bench, WORK, bake, run, timed

GIB = 1 << 30
SIZES = "30 GiB", "1 TiB"
HASHING = ("check the digests of the base and the payloads", "hash the output")


def bytes_of(name):
    number, unit = name.split()
    return int(number) * {"GiB": GIB, "TiB": 1024 * GIB}[unit]


def base_of(bench, name, size):
    """A fixed VHD with the data of the bench's base and a larger virtual size."""
    raw = WORK / f"{name.replace(' ', '-')}.raw"
    bake("vhd", "unwrap", bench.base, "-o", raw)
    os.truncate(raw, size)
    base = raw.with_suffix(".vhd")
    bake("vhd", "wrap", raw, "-o", base)
    raw.unlink()
    return base


def main():
    sizes = {name: bytes_of(name) for name in sys.argv[1:] or SIZES}
    bench = Bench("deb")
    text = re.sub(r"\n  sha256: .*", "", bench.recipe.read_text())  # of the base as it was
    results = {}
    for name, size in sizes.items():
        base = base_of(bench, name, size)
        bench.recipe.write_text(text.replace(str(bench.base), str(base)))
        took, steps = timed(bench.time_bake)
        hashing = sum(seconds for step, seconds in steps.items() if step in HASHING)
        results[name] = {"seconds": round(took, 1), "without the plain sha256": round(took - hashing, 1), "steps": steps}
        print(f"{name:<7} {took:7.1f} s, without the plain sha256 {took - hashing:7.1f} s", flush=True)
        base.unlink()
    if len(results) == 2:
        small, large = (result["without the plain sha256"] for result in results.values())
        results["growth"] = f"{(large / small - 1) * 100:+.0f} %"
        print(results["growth"])
    (WORK / "sizes.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
