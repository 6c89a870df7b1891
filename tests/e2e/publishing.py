"""Shared by the tests of packer/publish: an image with its recipe, an empty gallery, stand-ins for az and azcopy."""
import json
import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from e2e import SOURCE, STANDINS

PUBLISH = SOURCE / "packer/publish"
AZURE_PATH = f"{STANDINS}/azure:{os.environ['PATH']}"

RECIPE = """\
schema: bake/v1
os: centos 7.7
vm_sizes: [Standard_HB120rs_v2, Standard_HC44rs]
generalize: true
gallery:
  resource_group: images
  name: hpcgallery
  definition: centos-7.7-hpc
  publisher: contoso
  offer: hpc
  sku: 7.7
  location: westeurope
  hyper_v_generation: V2
  target_regions: [northeurope=2, westeurope]
"""


class PublishCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)
        self.state_file = self.scratch / "state.json"
        self.log_file = self.scratch / "log"
        self.set_state()
        self.recipe = self.scratch / "image.yaml"
        self.recipe.write_text(RECIPE)
        self.vhd = self.scratch / "image.vhd"
        self.bake(self.recipe, self.vhd)
        self.machine = "one"

    def bake(self, recipe, vhd):
        subprocess.run([STANDINS / "pipeline/bake", "--progress", "plain", "image", recipe, "-o", vhd, "--force"],
                       check=True, capture_output=True)

    def bake_another(self, name):
        """Bakes an image with another content address, to publish next."""
        self.recipe.write_text(RECIPE + f"name: {name}\n")
        self.vhd = self.scratch / f"{name}.vhd"
        self.bake(self.recipe, self.vhd)
        return self.vhd

    def set_state(self, **values):
        self.state_file.write_text(json.dumps(
            dict({"galleries": {"hpcgallery": {}}, "disks": {}, "changes": 0, "creating_looks": 1}, **values)))

    def state(self):
        return json.loads(self.state_file.read_text())

    def definition(self):
        return self.state()["galleries"]["hpcgallery"]["centos-7.7-hpc"]

    def versions(self):
        return {name: version["provisioningState"] for name, version in self.definition()["versions"].items()}

    def manifest(self):
        return json.loads(Path(f"{self.vhd}.manifest.json").read_text())

    def environment(self, path=AZURE_PATH, fault=""):
        """The environment with the stand-ins for az and azcopy on the current machine; `fault` names the change that fails."""
        return dict(os.environ, PATH=path, XDG_STATE_HOME=str(self.scratch / self.machine),
                    AZURE_STANDIN_STATE=str(self.state_file), AZURE_STANDIN_LOG=str(self.log_file),
                    AZURE_STANDIN_FAULT=fault)

    def publish(self, *arguments, status=0, fault="", path=AZURE_PATH, image=None):
        """Runs publish in a separate process group, which the stand-ins may kill."""
        image = ["--recipe", self.recipe, "--vhd", self.vhd] if image is None else image
        process = subprocess.Popen([PUBLISH, *image, "--poll", "0", *arguments], env=self.environment(path, fault),
                                   text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   # A background test run ignores SIGINT, and bash cannot undo that.
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, status, err)
        return out, err

    def assert_published_once(self, version="1.0.0"):
        self.assertEqual(self.versions(), {version: "Succeeded"})
        self.assertEqual(self.state()["disks"], {})
