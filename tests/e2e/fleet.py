"""Shared by the tests of `bake batch`: a guest that bakes quickly, recipes for it, a fleet of them.

FLEET_IMAGES (default 3) is the number of images that the test of the Slurm executor bakes."""
import json
import os
from pathlib import Path

from e2e import BINARY, BakeCase, run, standin

IMAGES = int(os.environ.get("FLEET_IMAGES", "3"))
# One package without kernel modules, so that no initramfs is made. These tests are about the fleet, not about its images.
RECIPE = """schema: bake/v1
base: {base}
os: ubuntu 18.04
vm_sizes: [Standard_HB120rs_v2]
ofed: {{version: 5.5-1.0.3.2, packages: [ofed-scripts]}}
"""
PARTITION = 1048576  # offset of the light guest's file system, in bytes


class FleetCase(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The bundle comes first, because it and the light guest share the userland of the big guest.
        cls.add_bundle(standin("bundle.sh", "5.5-1.0.3.2-ubuntu18.04"))
        cls.base = cls.scratch / "base.vhd"
        run("cp", "--sparse=always", "--reflink=auto", standin("light-guest.sh", "ubuntu18.04"), cls.base)
        run("debugfs", "-w", "-R", "rm /usr/sbin/update-initramfs", f"{cls.base}?offset={PARTITION}")

    def write_fleet(self, name, count, edit=None):
        """Makes a directory with `count` recipes and their fleet file; edit(recipe text, number) may change each recipe."""
        directory = self.scratch / name
        directory.mkdir()
        entries = []
        for number in range(count):
            text = RECIPE.format(base=self.base)
            (directory / f"r{number}.yaml").write_text(edit(text, number) if edit else text)
            entries.append(f"  - {{recipe: r{number}.yaml, output: out/{number}.vhd}}\n")
        fleet = directory / "fleet.yaml"
        fleet.write_text("schema: bake/fleet/v1\nimages:\n" + "".join(entries))
        return fleet

    def command(self, *arguments):
        return [str(word) for word in (BINARY, "--store", self.store, "batch", *arguments)]

    def rows(self, result):
        """The state of each image, in order, from a run with --json."""
        return [row["state"] for row in json.loads(result.stdout)["images"]]

    def log(self, fleet, number):
        return Path(f"{fleet.parent}/out/{number}.vhd.log").read_text()

    def assert_finished(self, fleet, count):
        """Every output exists and matches its manifest, and there is no partial file."""
        out = fleet.parent / "out"
        for number in range(count):
            manifest = json.loads((out / f"{number}.vhd.manifest.json").read_text())
            digest = run("sha256sum", out / f"{number}.vhd").stdout.split()[0]
            self.assertEqual(manifest["product"]["sha256"], digest)
            result = json.loads((out / f"{number}.vhd.result.json").read_text())
            self.assertEqual(manifest["key"], result["key"])
            self.assertEqual([check for check in manifest["checks"] if check["status"] == "failed" and check["level"] == "required"], [])
        self.assertEqual([p.name for p in out.iterdir() if ".partial" in p.name], [])
