#!/usr/bin/python3
"""images/recipes has one recipe for each release that the VM extension supports and each family of cards of that time, and one for
each current release and each current family. All have the same form, and bake and its matrix accept them."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

SOURCE = Path(__file__).resolve().parents[2]
RECIPES = SOURCE / "images/recipes"
BINARY = Path(os.environ.get("BAKE_BINARY", SOURCE / "build/dev/bin/bake"))
sys.path.insert(0, str(SOURCE / "packer/lib"))
import image_facts  # noqa: E402

ENTERPRISE = ["7.4", "7.5", "7.6", "7.7", "8.1", "8.2"]
RELEASES = ([("ubuntu", version) for version in ("16.04", "18.04", "20.04")] +
            [(system, version) for system in ("centos", "rhel") for version in ENTERPRISE])
# family → sizes, driver (Azure/azhpc-extensions@9092b59 InfiniBand/resources.json)
FAMILIES = {
    "cx3pro": (["Standard_NC24rs_v3"], "4.9-4.1.7.0"),
    "cx5": (["Standard_HB60rs", "Standard_HC44rs", "Standard_ND40rs_v2"], "5.5-1.0.3.2"),
    "cx6": (["Standard_HB120rs_v2", "Standard_HB120rs_v3", "Standard_ND96asr_v4"], "5.5-1.0.3.2"),
}
# release → driver, the first choice of the matrix for the kernel of Azure's current image
CURRENT_RELEASES = {
    ("ubuntu", "22.04"): "24.10-3.2.5.0",
    ("ubuntu", "24.04"): "doca-3.2.3-019000",
    ("almalinux", "8.10"): "24.10-3.2.5.0",
    ("rhel", "8.10"): "24.10-3.2.5.0",
    ("almalinux", "9.4"): "24.10-3.2.5.0",
    ("rhel", "9.4"): "24.10-3.2.5.0",
    ("almalinux", "9.6"): "24.10-3.2.5.0",
    ("rhel", "9.6"): "24.10-3.2.5.0",
}
# family → sizes
CURRENT_FAMILIES = {
    "cx6": ["Standard_HB120rs_v2", "Standard_HB120rs_v3", "Standard_ND96asr_v4"],
    "cx7": ["Standard_HB176rs_v4", "Standard_HX176rs", "Standard_ND96isr_H100_v5"],
}


def extension_images():
    """System, version, family, sizes and driver of each recipe for a release of the VM extension."""
    return [(*release, family, sizes, ofed) for release in RELEASES for family, (sizes, ofed) in FAMILIES.items()]


def current_images():
    """The same for the current releases."""
    return [(*release, family, sizes, ofed) for release, ofed in CURRENT_RELEASES.items()
            for family, sizes in CURRENT_FAMILIES.items()]


def load(path):
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)


def keys(value, prefix=""):
    """Every key of a recipe as a path: base, base.path, …"""
    found = set()
    for key, item in value.items():
        found.add(prefix + key)
        if isinstance(item, dict):
            found |= keys(item, prefix + key + ".")
    return found


def documented_keys():
    text = (SOURCE / "docs/recipe.md").read_text()
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)
    return keys(yaml.load(block, Loader=yaml.BaseLoader))


class Recipes(unittest.TestCase):
    maxDiff = None

    def test_fifteen_releases_by_three_families_and_eight_by_two(self):
        self.assertEqual(len(extension_images()), 45)
        self.assertEqual(len(current_images()), 16)
        wanted = [f"{system}-{version}-{family}.yaml" for system, version, family, *_ in extension_images() + current_images()]
        self.assertEqual(sorted(path.name for path in RECIPES.iterdir()), sorted(wanted))

    def test_every_key_is_documented(self):
        documented = documented_keys()
        for path in sorted(RECIPES.iterdir()):
            self.assertLessEqual(keys(load(path)), documented, path.name)

    def test_content(self):
        for system, version, family, sizes, ofed in extension_images() + current_images():
            name = f"{system}-{version}-{family}"
            recipe = load(RECIPES / f"{name}.yaml")
            with self.subTest(name):
                self.assertEqual(recipe["schema"], "bake/v1")
                self.assertEqual(recipe["name"], name)
                self.assertEqual(recipe["base"], {"path": f"../base/{system}-{version}.vhd"})
                self.assertEqual(recipe["os"], f"{system} {version}")
                self.assertEqual(recipe["vm_sizes"], sizes)
                self.assertEqual(recipe["kernel"], "default")
                self.assertEqual(recipe["ofed"], {"version": ofed, "profile": "ib-minimal"})
                self.assertEqual(recipe["generalize"], "true")

    def test_current_recipes_that_compile_say_so(self):
        """Ubuntu boots an -azure kernel on Azure, for which no bundle has modules."""
        for system, version, family, *_ in current_images():
            name = f"{system}-{version}-{family}"
            with self.subTest(name):
                self.assertEqual("# bake compiles the modules in the image" in (RECIPES / f"{name}.yaml").read_text(),
                                 system == "ubuntu")

    def test_gallery_definitions(self):
        seen = set()
        for path in sorted(RECIPES.iterdir()):
            with self.subTest(path.name):
                gallery = image_facts.read_gallery(str(path))
                self.assertEqual(gallery["definition"], path.stem)
                seen.add((gallery["publisher"], gallery["offer"], gallery["sku"]))  # Azure requires a unique triple
                only_generation_2 = not path.stem.endswith("cx3pro")
                self.assertEqual(gallery.get("hyper_v_generation"), "V2" if only_generation_2 else None)
        self.assertEqual(len(seen), 61)


class KnownToBake(unittest.TestCase):
    def bake(self, *arguments):
        return subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=False)

    def resolve(self, system, version, sizes):
        result = self.bake("--json", "matrix", "resolve", f"{system}{version}", *sizes)
        self.assertEqual(result.returncode, 0, result.stderr)
        document = json.loads(result.stdout)
        self.assertEqual(document["refusals"], [])
        return [choice["ofed"] for choice in document["choices"]]

    def test_matrix_agrees(self):
        """The matrix offers the driver of the recipe, the release of the VM extension, and refuses nothing. It may rank a release
        first whose archive has a public digest."""
        for system, version, family, sizes, ofed in extension_images():
            with self.subTest(f"{system}-{version}-{family}"):
                self.assertIn(ofed, self.resolve(system, version, sizes))

    def test_current_drivers_are_the_first_choices_of_the_matrix(self):
        for system, version, family, sizes, ofed in current_images():
            with self.subTest(f"{system}-{version}-{family}"):
                self.assertEqual(ofed, self.resolve(system, version, sizes)[0])

    def test_recipes_parse(self):
        """Without base and bundle, the plan fails because of these two and for no other reason."""
        with tempfile.TemporaryDirectory() as store:
            for path in sorted(RECIPES.iterdir()):
                with self.subTest(path.name):
                    result = self.bake("--store", store, "plan", str(path))
                    base = SOURCE / "images/base" / f"{path.stem.rsplit('-', 1)[0]}.vhd"
                    self.assertNotEqual(result.returncode, 0)
                    self.assertEqual(result.stderr.splitlines()[0],
                                     f"bake: error: opening '{base}': no such file; and choosing a driver for '{path.stem}': "
                                     f"the store '{store}' has none of the bundles that fit")

    def test_the_fleet_has_every_recipe_once(self):
        document = load(SOURCE / "images/fleet.yaml")
        self.assertEqual(document["images"], sorted(f"recipes/{path.name}" for path in RECIPES.iterdir()))

    def test_the_fleet_needs_only_its_bases(self):
        """Without the bases, bake reports them and nothing else; with the bases, it would bake all images."""
        with tempfile.TemporaryDirectory() as directory:
            images = Path(directory) / "images"
            shutil.copytree(RECIPES, images / "recipes")
            fleet = Path(shutil.copy(SOURCE / "images/fleet.yaml", images))
            first = fleet.read_text().splitlines().index("images:") + 2
            paths = sorted(path.stem for path in RECIPES.iterdir())
            missing = self.bake("--store", directory, "batch", str(fleet), "--dry-run")
            self.assertEqual(missing.returncode, 5)
            self.assertEqual(missing.stderr.splitlines(), [f"bake: error: reading fleet '{fleet}': 61 problems"] + [
                f"  {fleet}:{first + number}: the base '{images}/base/{name.rsplit('-', 1)[0]}.vhd' of recipe "
                f"'{images}/recipes/{name}.yaml' does not exist" for number, name in enumerate(paths)])
            (images / "base").mkdir()
            for name in paths:
                (images / "base" / f"{name.rsplit('-', 1)[0]}.vhd").touch()
            result = self.bake("--store", directory, "batch", str(fleet), "--dry-run")
            self.assertEqual(result.returncode, 3, result.stderr)  # these bases are not disks, and the store is empty
            lines = result.stdout.splitlines()
            self.assertEqual(lines[::4], [f"bake  out/{name}.vhd  (not baked yet)" for name in paths])
            for name, refusal, hint, command in zip(paths, lines[1::4], lines[2::4], lines[3::4], strict=True):
                self.assertIn(f"choosing a driver for '{name}': the store '{directory}' has none of the bundles that fit",
                              refusal)
                archive = "doca-host_3.2.3-" if name.startswith("ubuntu-24.04") else "MLNX_OFED_LINUX-"
                self.assertIn(f"hint: add {archive}", hint)
                self.assertIn(f"run: bake bundle add {archive}", command)
            self.assertEqual(sorted(path.name for path in images.iterdir()), ["base", "fleet.yaml", "recipes"])



if __name__ == "__main__":
    unittest.main()
