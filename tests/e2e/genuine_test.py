#!/usr/bin/python3
"""tests/genuine/run.sh, the acceptance test on a user's own images: on a light stand-in it bakes it and names what differs."""
import os
import shutil
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

    def test_an_unreadable_file_is_named(self):
        (self.images / "a.vhd").write_bytes(b"")
        (self.images / "a.yaml").write_bytes(b"os: rhel 8.2 \xff\n")
        result = self.accept()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"^\S+/a\.yaml: cannot be read: 'utf-8' codec")
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_a_directory_without_expectations_is_refused(self):
        result = self.accept()
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr, f"{self.images}: has no expectations file (NAME.yaml next to NAME.vhd); "
                                        "it has no disk image either\n")
        (self.images / "a.qcow2").write_bytes(b"")
        self.assertIn("write one for each image: a.qcow2\n", self.accept().stderr)
        shutil.rmtree(self.images)
        self.assertEqual(self.accept().stderr, f"{self.images}: is not a directory\n")

    def test_an_image_that_cannot_be_read_does_not_stop_the_others(self):
        for name in ("a", "b"):
            (self.images / f"{name}.raw").write_bytes(b"")
            self.put(name, "os: rhel 8.2\n")
        (self.images / "c.raw").write_bytes(b"")
        result = self.accept()
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("0 of 2 images as expected, 2 of 2 comparisons differ\n", result.stdout)
        self.assertIn("c.raw: left out, it has no expectations file\n", result.stderr)

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
