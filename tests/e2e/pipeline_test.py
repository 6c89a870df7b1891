#!/usr/bin/python3
"""Both Packer templates with the real bake on small guests, and publish with the stand-in for Azure: two images in parallel,
each verified, recorded and published. A second run bakes and publishes nothing."""
import json
import os
import subprocess
import unittest

from e2e import BINARY, SOURCE, STANDINS, BakeCase, run, sha256, standin

# The builders of the JSON template, with the release of the guest and its bundle.
NAMES = {"centos-7.7-cx6": ("centos7.7", "5.5-1.0.3.2-rhel7.7"),
         "ubuntu-20.04-cx6": ("ubuntu20.04", "5.5-1.0.3.2-ubuntu20.04")}
PACKAGES = "packages: [ofed-scripts]"  # without kernel modules, so that no initramfs is made; the test is about the pipeline


class Pipeline(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.output, recipes = cls.scratch / "images", cls.scratch / "recipes"
        recipes.mkdir()
        for name, (release, bundle) in NAMES.items():
            cls.add_bundle(standin("bundle.sh", bundle))
            text = (SOURCE / f"images/recipes/{name}.yaml").read_text()
            for old, new in (("../base/" + name.rsplit("-", 1)[0] + ".vhd", str(standin("light-guest.sh", release))),
                             ("profile: ib-minimal        # or basic, hpc", PACKAGES),
                             ("hyper_v_generation: V2", "hyper_v_generation: V1")):  # the guests have no EFI partition
                assert old in text, f"{old!r} is not in {name}.yaml"
                text = text.replace(old, new)
            (recipes / f"{name}.yaml").write_text(text)
        cls.recipes = recipes
        cls.state = cls.scratch / "state.json"
        cls.state.write_text(json.dumps({"galleries": {"hpcgallery": {}}, "disks": {}, "changes": 0, "creating_looks": 0}))

    def build(self, template, recipes):
        """Runs packer build with publish=yes; returns its output."""
        environment = dict(os.environ, CHECKPOINT_DISABLE="1", HOME=str(self.scratch), BAKE_STORE=str(self.store),
                           PATH=f"{STANDINS}/azure:{os.environ['PATH']}", AZURE_STANDIN_STATE=str(self.state))
        result = subprocess.run(
            ["packer", "build", "-color=false", f"-var=bake_bin={BINARY}", f"-var=output_dir={self.output}", recipes,
             "-var=publish=yes", SOURCE / template], cwd=SOURCE, env=environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def manifests(self):
        return {name: json.loads((self.output / f"{name}.vhd.manifest.json").read_text()) for name in NAMES}

    def assert_published_once(self, manifests):
        """Each image has one version, with the digest and the key that its manifest had when it was published."""
        state = json.loads(self.state.read_text())
        self.assertEqual(state["disks"], {})
        gallery = state["galleries"]["hpcgallery"]
        seen = {name: {version: (entry["provisioningState"], entry["content"], entry["tags"]["bake_key"])
                       for version, entry in definition["versions"].items()} for name, definition in gallery.items()}
        self.assertEqual(seen, {name: {"1.0.0": ("Succeeded", manifest["product"]["sha256"], manifest["key"])}
                                for name, manifest in manifests.items()})

    def test_every_image_is_built_and_published_once(self):
        paths = json.dumps([f"{self.recipes}/{name}.yaml" for name in NAMES])
        self.build("packer/hcl", f"-var=recipes={paths}")
        first = self.manifests()
        for name, manifest in first.items():
            image = self.output / f"{name}.vhd"
            self.assertEqual(manifest["product"]["sha256"], sha256(image))
            record, = json.loads((self.output / f"{name}.packer.json").read_text())["builds"]
            self.assertEqual({file["name"] for file in record["files"]}, {str(image), f"{image}.manifest.json"})
        self.assert_published_once(first)

        # One image is lost. The other template bakes it again, and publish recognises it; the other image stays unchanged.
        kept, lost = NAMES  # the second bakes faster
        for file in self.output.glob(f"{lost}.*"):
            file.unlink()
        before = (self.output / f"{kept}.vhd").stat()
        said = self.build("packer/json/bake.json", f"-var=recipes_dir={self.recipes}")
        second = self.manifests()
        self.assertEqual((self.output / f"{kept}.vhd").stat(), before)
        self.assertIn(f"nothing to do: {kept}.vhd is the image of the recipe", said)
        self.assertNotEqual(second[lost]["time"], first[lost]["time"])
        self.assertEqual(second[lost]["key"], first[lost]["key"])
        self.assertEqual(said.count("already published as version 1.0.0"), 2)
        self.assert_published_once(first)

        # bake alone, without an appliance, gives the same answer.
        result = run(BINARY, "--store", self.store, "image", self.recipes / f"{kept}.yaml", "-o", self.output / f"{kept}.vhd",
                     "--if-needed", "--json")
        self.assertEqual(json.loads(result.stdout), second[kept])


if __name__ == "__main__":
    unittest.main()
