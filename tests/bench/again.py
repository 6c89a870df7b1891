"""Times what repeats earlier work on files that did not change: `bake plan`, `bake image --if-needed` and `bake verify`.

Prints the seconds of the first and of the second run; writes again.json."""
import json
import os

from peers import Bench, WORK, bake, timed


def main():
    bench = Bench("deb")
    cache = WORK / "cache"
    cache.mkdir(mode=0o700)
    os.environ["BAKE_CACHE"] = str(cache)
    output = WORK / "out.vhd"
    image = ["image", bench.recipe, "-o", output]
    results = {}

    def measure(name, *arguments):
        took, _ = timed(lambda: bake(*arguments))
        results.setdefault(name, []).append(round(took, 2))
        print(f"{name:<20} {took:7.2f} s", flush=True)

    for _ in range(2):
        measure("plan", "plan", bench.recipe)
    measure("image", *image)
    measure("image --if-needed", *image, "--if-needed")
    for _ in range(2):
        measure("verify", "verify", output)
    (WORK / "again.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
