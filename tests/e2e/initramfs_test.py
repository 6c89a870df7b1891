#!/usr/bin/python3
"""A base whose initramfs cannot be read: the guest's own tool (initramfs-tools, genuine dracut) builds another one. The other
suites only edit the initramfs of the base."""
import json
import os
import shutil
import unittest
from pathlib import Path

from e2e import BakeCase, run, standin, STANDINS
import el8_test  # as a module: unittest would run its cases too


class DamagedInitramfs(BakeCase):
    def bake_damaged(self, base, bundle, initramfs):
        """Bakes a copy of `base` whose initramfs is truncated and gives the manifest."""
        copy = self.scratch / "base.vhd"
        shutil.copyfile(base, copy)
        run("guestfish", "--rw", "--format=raw", "-a", copy, "-i", "truncate-size", initramfs, "1000")
        self.add_bundle(bundle)
        recipe = self.scratch / "image.yaml"
        recipe.write_text(self.bake("init", copy, "--vm-size", "Standard_HB120rs_v2").stdout)
        output = self.scratch / "out.vhd"
        manifest = json.loads(self.bake("image", recipe, "-o", output, "--force", "--json").stdout)
        self.assertRegex(manifest["configure"]["initramfs_reason"], f"^reading '{initramfs}': damaged or truncated: ")
        self.assertEqual(manifest["configure"]["initramfs_leaves_out"], [])
        self.assertEqual(manifest["configure"]["initramfs_adds"], [])
        self.assertTrue(json.loads(self.bake("verify", output, "--json").stdout)["ok"])
        return {check["check"]: check for check in manifest["checks"]}

    def test_initramfs_tools_build_another(self):
        base = standin("deb-guest.sh")
        kernel = json.loads(self.bake("inspect", base, "--json").stdout)["default_kernel"]
        checks = self.bake_damaged(base, standin("bundle.sh", "5.5-1.0.3.2-ubuntu20.04"), f"/boot/initrd.img-{kernel}")
        self.assertEqual(checks["initramfs"]["status"], "passed", checks["initramfs"])

    @unittest.skipUnless(el8_test.PACKAGES.is_dir(), "the genuine Enterprise Linux 8 packages are not here (EL8_RPMS)")
    def test_dracut_builds_another(self):
        base = standin("el8-guest.sh")
        facts = os.environ | {"STANDIN_IMAGE_FACTS": str(el8_test.OUTPUT / "rhel-8.3.facts")}
        bundle = Path(run(STANDINS / "bundle.sh", "5.5-1.0.3.2-rhel8.3", el8_test.OUTPUT, el8_test.KERNEL, env=facts).stdout.strip())
        checks = self.bake_damaged(base, bundle, f"/boot/initramfs-{el8_test.KERNEL}.img")
        self.assertEqual(checks["initramfs"]["status"], "passed", checks["initramfs"])


if __name__ == "__main__":
    unittest.main()
