#!/usr/bin/python3
"""Across an air gap: one side exports, the other imports and plans with nothing but the archive."""
import json
import shutil
import unittest

from e2e import BINARY, UbuntuCase, run, sha256


class Carry(UbuntuCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        recipe = cls.write_recipe()
        cls.bake("key", "new", "--out", cls.scratch / "site")
        cls.archive = cls.scratch / "carry.tar.zst"
        cls.exported = json.loads(cls.bake("export", "--recipe", recipe, "--key", cls.scratch / "site.key", "--out", cls.archive,
                                           "--json").stdout)
        recipe.unlink()

    def other_side(self, *arguments, **options):
        return run(BINARY, "--store", self.scratch / "inner-store", *arguments, **options)

    def test_the_archive_is_small_and_arrives_sparse(self):
        self.assertLess(self.archive.stat().st_size, self.base.stat().st_blocks * 512 * 1.1)
        to = self.scratch / "looked-at"
        self.other_side("import", self.archive, "--trust", self.scratch / "site.pub", "--to", to)
        carried = to / "bases" / self.base.name
        self.assertEqual(sha256(carried), sha256(self.base))
        self.assertLess(carried.stat().st_blocks, carried.stat().st_size / 512)
        shutil.rmtree(to)

    def test_the_other_side_can_plan(self):
        to = self.scratch / "carried"
        imported = json.loads(self.other_side("import", self.archive, "--trust", self.scratch / "site.pub", "--to", to,
                                              "--json").stdout)
        self.assertEqual(imported["signer"], self.exported["signer"])
        self.assertEqual(imported["recipes"], [str(to / "recipes/image.yaml")])
        plan = json.loads(self.other_side("plan", imported["recipes"][0], "--json").stdout)
        self.assertTrue(plan["works"], plan["refusals"])
        self.assertEqual(plan["bundle"]["name"], "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64")
        self.assertEqual([w for w in plan["warnings"] if "no public source confirms" in w], [])
        shutil.rmtree(to)

    def test_a_changed_archive_leaves_nothing(self):
        changed = self.scratch / "changed.tar.zst"
        with open(self.archive, "rb") as source, open(changed, "wb") as target:
            shutil.copyfileobj(source, target)
        with open(changed, "r+b") as file:
            file.seek(changed.stat().st_size // 2)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 1]))
        result = run(BINARY, "--store", self.scratch / "no-store", "import", changed, "--trust", self.scratch / "site.pub", "--to",
                     self.scratch / "never", check=False)
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertEqual([p.name for p in self.scratch.glob("never*")], [])
        self.assertEqual([p.name for p in (self.scratch / "no-store").glob("*")], ["lock"])


if __name__ == "__main__":
    unittest.main()
