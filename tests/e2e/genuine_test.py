#!/usr/bin/python3
"""tests/genuine/run.sh, the acceptance test on a user's own images: on a light stand-in it bakes it and names what differs."""
import os
import tempfile
import unittest
from pathlib import Path

from e2e import SOURCE, run, standin

RUN = SOURCE / "tests/genuine/run.sh"
EXPECTED = """os: rhel 8.2
kernels: [4.18.0-193.el8.x86_64]
default_kernel: 4.18.0-193.el8.x86_64
layout:
  partition_table: msdos
  lvm: false
  efi: false
  mounts: {/: ext4}
agent: 2.7.0.6
selinux: permissive
plan:
  says: [built for this kernel]
  never_says: [weak-updates]
"""


class Genuine(unittest.TestCase):
    def setUp(self):
        (SOURCE / "build/e2e").mkdir(parents=True, exist_ok=True)
        directory = tempfile.TemporaryDirectory(dir=SOURCE / "build/e2e")
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)
        self.images = self.scratch / "images"
        self.images.mkdir()

    def accept(self, *names):
        return run(RUN, self.images, *names, check=False, env=os.environ | {"GENUINE_WORK": str(self.scratch / "work")})

    def put(self, name, text):
        (self.images / f"{name}.yaml").write_text(text)

    def test_every_mistake_of_a_file_is_named_before_anything_starts(self):
        self.put("a", "os: rhel 8.2\nkernel: x\nlayout: {lvm: 1}\nbake: maybe\n")
        (self.images / "a.vhd").write_bytes(b"")
        self.put("b", "os: rhel 8.2\n")
        result = self.accept()
        self.assertEqual(result.returncode, 2)
        for words in ("unknown key 'kernel'", "'lvm' has the wrong type: 1", "not 'maybe'", "b.yaml: 0 disk images have this name"):
            self.assertIn(words, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_a_directory_without_expectations_is_refused(self):
        result = self.accept()
        self.assertEqual(result.returncode, 2)
        self.assertIn("has no expectations file", result.stderr)

    def test_an_image_is_baked_and_only_the_wrong_expectation_differs(self):
        os.link(standin("light-guest.sh", "rhel8.2"), self.images / "rhel.vhd")
        self.put("rhel", EXPECTED)
        result = self.accept("rhel")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("0 of 1 images as expected, 1 of 26 comparisons differ\n", result.stdout)
        (_, row) = result.stdout.split("  DIFF  ")
        self.assertEqual(row.split()[:8], ["agent", "expected", "2.7.0.6", "bake", "2.2.38", "other", "program", "2.2.38"])
        for words in ("plan: exit code", "verify: exit code", "one mlx5_core, outside kernel/", "driver packages that are missing"):
            self.assertRegex(result.stdout, f"  ok +{words}")


if __name__ == "__main__":
    unittest.main()
