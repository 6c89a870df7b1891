"""Times 8 images of a small guest, one after the other with `bake image`, then as one fleet with `bake batch`.

  fleet.py [IMAGES [JOBS…]]    JOBS: the values of `bake batch --jobs` to compare; default: bake's own choice

Prints the seconds and the ratios; writes fleet.json."""
import json
import os
import shutil
import sys

from peers import WORK, bake, run, standin, timed

RECIPE = """schema: bake/v1
base: {base}
os: ubuntu 18.04
vm_sizes: [Standard_HB120rs_v2]
ofed: {{version: 5.5-1.0.3.2, packages: [ofed-scripts]}}
"""


def prepare(images):
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    os.environ["BAKE_CACHE"] = ""  # every run does all its work
    archive = standin("bundle.sh", "5.5-1.0.3.2-ubuntu18.04")
    keys = next(directory for directory in archive.parents if (directory / "keys").is_dir()) / "keys"
    bake("bundle", "trust", keys / "trusted.gpg")
    bake("bundle", "add", archive, "--sha256", (archive.parent / f"{archive.name}.sha256").read_text().split()[0])
    base = standin("light-guest.sh", "ubuntu18.04")
    entries = []
    for number in range(images):
        (WORK / f"{number}.yaml").write_text(RECIPE.format(base=base))
        entries.append(f"  - {{recipe: {number}.yaml, output: out/{number}.vhd}}\n")
    (WORK / "fleet.yaml").write_text("schema: bake/fleet/v1\nimages:\n" + "".join(entries))


def singles(images):
    for number in range(images):
        bake("image", WORK / f"{number}.yaml", "-o", WORK / f"single-{number}.vhd", "--force")
        (WORK / f"single-{number}.vhd").unlink()


def batch(jobs):
    shutil.rmtree(WORK / "out", ignore_errors=True)
    bake("batch", WORK / "fleet.yaml", *(["--jobs", jobs] if jobs else []))


def main():
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    prepare(images)
    alone, _ = timed(lambda: singles(images))
    print(f"{images} singles       {alone:7.1f} s", flush=True)
    results = {"images": images, "processors": os.cpu_count(), "singles": round(alone, 1)}
    for jobs in sys.argv[2:] or [""]:
        together, _ = timed(lambda: batch(jobs))
        name = f"batch --jobs {jobs}" if jobs else "batch"
        results[name] = {"seconds": round(together, 1), "batch/singles": round(together / alone, 2)}
        print(f"{name:<15} {together:7.1f} s, {together / alone:.2f} of the singles", flush=True)
    (WORK / "fleet.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
