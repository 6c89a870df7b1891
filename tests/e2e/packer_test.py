#!/usr/bin/python3
"""Runs both Packer templates with the real Packer. bake is a stand-in, so that the tests take seconds; pipeline_test.py uses the
real bake."""
import functools
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
STANDINS = SOURCE / "tests/standins"
NAMES = ["centos-7.7-cx6", "ubuntu-20.04-cx6"]  # the builders of the JSON template


def for_each_template(test):
    """Calls `test(self, kind)` for the HCL2 and for the JSON template, each in a subtest and after a reset."""
    @functools.wraps(test)
    def both(self):
        for kind in ("hcl", "json"):
            with self.subTest(kind):
                self.reset()
                test(self, kind)
    return both


class PackerCase(unittest.TestCase):
    maxDiff = None
    bake = str(STANDINS / "pipeline/bake")

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="packer test ")  # with a space
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)
        self.output = self.scratch / "images"
        self.recipes = self.scratch / "recipes"
        self.state = self.scratch / "state.json"
        self.reset()
        self.environment = dict(os.environ, AZURE_STANDIN_STATE=str(self.state), CHECKPOINT_DISABLE="1",
                                PATH=f"{STANDINS}/azure:{os.environ['PATH']}", HOME=str(self.scratch))
        self.environment.pop("BAKE_STANDIN", None)

    def reset(self):
        """Restores the recipes, the empty gallery and the empty output directory, so that a result of one template does not count
        for the other."""
        shutil.rmtree(self.recipes, ignore_errors=True)
        self.recipes.mkdir()
        for name in NAMES:
            shutil.copy(SOURCE / f"images/recipes/{name}.yaml", self.recipes)
        self.state.write_text(json.dumps({"galleries": {"hpcgallery": {}}, "disks": {}, "changes": 0,
                                          "creating_looks": 0}))
        shutil.rmtree(self.output, ignore_errors=True)

    def template(self, kind):
        """The template, and the variables that name the recipes."""
        if kind == "hcl":
            recipes = json.dumps([f"{self.recipes}/{name}.yaml" for name in NAMES])
            return [SOURCE / "packer/hcl"], {"recipes": recipes}
        return [SOURCE / "packer/json/bake.json"], {"recipes_dir": str(self.recipes)}

    def packer(self, command, kind, status=0, **variables):
        template, recipes = self.template(kind)
        values = dict(recipes, **variables)
        if command == "build":
            values = {"output_dir": str(self.output), "bake_bin": self.bake, **values}
        arguments = [f"-var={name}={value}" for name, value in values.items() if value is not None]
        color = ["-color=false"] if command == "build" else []
        result = subprocess.run(["packer", command, *color, *arguments, *template], env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=SOURCE, check=False)
        self.assertEqual(result.returncode, status, result.stdout)
        return result.stdout

    def versions(self):
        gallery = json.loads(self.state.read_text())["galleries"]["hpcgallery"]
        return {name: {version: entry["provisioningState"] for version, entry in definition["versions"].items()}
                for name, definition in gallery.items()}


class Validate(PackerCase):
    @for_each_template
    def test_both_templates(self, kind):
        out = self.packer("validate", kind)
        self.assertNotIn("Error", out)

    def test_examples(self):
        for example in sorted((SOURCE / "packer/examples").iterdir()):
            template = "packer/json/bake.json" if example.suffix == ".json" else "packer/hcl"
            with self.subTest(example.name):
                result = subprocess.run(["packer", "validate", f"-var-file={example}", template], cwd=SOURCE, text=True,
                                        env=self.environment, capture_output=True, check=False)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def sentence(self, kind, sentence, **variables):
        out = self.packer("validate", kind, status=1, **variables)
        self.assertIn(sentence, " ".join(out.split()))

    def test_missing_variable(self):
        self.sentence("hcl", "The variable 'recipes' must name at least one recipe", recipes=None)
        self.sentence("json", "required variable not set: recipes_dir", recipes_dir=None)

    def test_wrong_variables(self):
        self.sentence("hcl", "The variable 'recipes' must name YAML files: every name must end in .yaml.",
                      recipes='["image.txt"]')
        self.sentence("hcl", "The variable 'recipes' must not name two recipes with the same file name",
                      recipes='["a/x.yaml", "b/x.yaml"]')
        self.sentence("hcl", "The variable 'publish' must be no, dry-run or yes.", publish="maybe")
        for version in ("1.2", "x", "1.2.3.4", "+2"):
            self.sentence("hcl", "The variable 'image_version' must be like 2.1.0, 2.1.+1 or +1.", image_version=version)
        self.sentence("hcl", "The variable 'bake_bin' must name the program bake.", bake_bin="")
        self.sentence("hcl", "The variable 'output_dir' must name a directory.", output_dir="")

    def test_formatted(self):
        for directory in ("hcl", "plugins", "examples"):
            result = subprocess.run(["packer", "fmt", "-check", SOURCE / "packer" / directory], capture_output=True,
                                    text=True, env=self.environment, check=False)
            self.assertEqual((result.returncode, result.stdout), (0, ""), directory)

    def test_required_plugins_are_in_a_separate_file(self):
        """Packer 1.6 refuses the block, so it must not be in the template."""
        self.assertNotIn("required_plugins", (SOURCE / "packer/hcl/bake.pkr.hcl").read_text())
        self.assertIn("required_plugins", (SOURCE / "packer/plugins/plugins.pkr.hcl").read_text())


class Build(PackerCase):
    @for_each_template
    def test_two_images_in_parallel(self, kind):
        out = self.packer("build", kind)
        self.assertIn("Builds finished. The artifacts of successful builds are:", out)
        self.assertNotIn("\r", out)
        self.assertNotIn("Some builds didn't complete", out)
        for name in NAMES:
            record = json.loads((self.output / f"{name}.packer.json").read_text())
            image = self.output / f"{name}.vhd"
            self.assertEqual(len(record["builds"]), 1)
            build = record["builds"][0]
            self.assertEqual({file["name"]: file["size"] for file in build["files"]},
                             {str(path): path.stat().st_size for path in (image, Path(f"{image}.manifest.json"))})
            self.assertEqual(build["custom_data"], {"recipe": f"{self.recipes}/{name}.yaml"})

    def test_a_second_build_replaces_the_record(self):
        self.packer("build", "hcl")
        self.packer("build", "hcl")
        for name in NAMES:
            self.assertEqual(len(json.loads((self.output / f"{name}.packer.json").read_text())["builds"]), 1)

    @for_each_template
    def test_broken_recipe_fails_and_leaves_the_other_image(self, kind):
        broken = self.recipes / f"{NAMES[0]}.yaml"
        broken.unlink()
        broken.write_text("schema: bake/v1\nos: centos 7.7\n")
        out = self.packer("build", kind, status=1)
        self.assertIn("recipe has no 'vm_sizes'", out)
        self.assertIn("Some builds didn't complete successfully and had errors:", out)
        self.assertEqual(sorted(path.name for path in self.output.iterdir()),
                         [f"{NAMES[1]}{ending}" for ending in (".packer.json", ".vhd", ".vhd.manifest.json")])

    @for_each_template
    def test_missing_recipe(self, kind):
        (self.recipes / f"{NAMES[0]}.yaml").unlink()
        self.assertIn(f"{NAMES[0]}.yaml", self.packer("build", kind, status=1))

    @for_each_template
    def test_missing_program(self, kind):
        self.packer("build", kind, status=1, bake_bin="/no/bake")

    @for_each_template
    def test_publish_dry_run(self, kind):
        out = self.packer("build", kind, publish="dry-run", image_version="3.1.+1")
        self.assertEqual(out.count("az sig image-version create"), 2)
        self.assertEqual(out.count("--gallery-image-version 3.1.0 --location"), 2)
        self.assertEqual(json.loads(self.state.read_text())["changes"], 0)

    @for_each_template
    def test_publish(self, kind):
        self.packer("build", kind, publish="yes")
        self.assert_published_once()

    def assert_published_once(self):
        self.assertEqual(self.versions(), {name: {"1.0.0": "Succeeded"} for name in NAMES})
        self.assertEqual(json.loads(self.state.read_text())["disks"], {})

    def digests(self):
        return {name: json.loads((self.output / f"{name}.vhd.manifest.json").read_text())["product"]["sha256"]
                for name in NAMES}

    @for_each_template
    def test_a_second_build_bakes_and_publishes_nothing(self, kind):
        self.packer("build", kind)
        before = self.digests()
        self.packer("build", kind, publish="yes")
        self.assertEqual(self.digests(), before)
        self.packer("build", kind, publish="yes")
        self.assert_published_once()

    @for_each_template
    def test_lost_images_are_baked_again_and_count_as_published(self, kind):
        self.packer("build", kind, publish="yes")
        before = self.digests()
        shutil.rmtree(self.output)
        out = self.packer("build", kind, publish="yes")
        self.assertNotEqual(self.digests(), before)
        self.assertEqual(out.count("already published as version 1.0.0"), 2)
        self.assert_published_once()

    @for_each_template
    def test_a_changed_recipe_is_baked_and_published_as_the_next_version(self, kind):
        self.packer("build", kind, publish="yes")
        recipe = self.recipes / f"{NAMES[0]}.yaml"
        text = recipe.read_text()
        self.assertIn("profile: ib-minimal", text)
        recipe.write_text(text.replace("profile: ib-minimal", "profile: hpc"))
        self.packer("build", kind, publish="yes")
        self.assertEqual(self.versions(), {NAMES[0]: {"1.0.0": "Succeeded", "1.0.1": "Succeeded"},
                                           NAMES[1]: {"1.0.0": "Succeeded"}})

    @for_each_template
    def test_failed_publish_fails_the_build(self, kind):
        self.state.write_text(json.dumps({"galleries": {}, "disks": {}, "changes": 0}))
        out = self.packer("build", kind, status=1, publish="yes")
        self.assertIn("'Microsoft.Compute/galleries/hpcgallery' was not found", out)

    def test_wrong_publish_in_json_fails_before_baking(self):
        out = self.packer("build", "json", status=1, publish="maybe")
        self.assertIn("The variable 'publish' must be no, dry-run or yes.", out)
        self.assertFalse(self.output.exists())


class Misbehaving(PackerCase):
    @for_each_template
    def test_a_bake_that_leaves_no_image_fails_the_build(self, kind):
        self.environment["BAKE_STANDIN"] = "nothing"
        self.assertIn("bake left no image", self.packer("build", kind, status=1))

    @for_each_template
    def test_an_image_that_fails_verification_fails_the_build(self, kind):
        self.environment["BAKE_STANDIN"] = "damaged"
        out = self.packer("build", kind, status=1, publish="yes")
        self.assertIn("it is not the image of its manifest", out)
        self.assertEqual(self.versions(), {})


if __name__ == "__main__":
    unittest.main()
