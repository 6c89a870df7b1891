#!/usr/bin/python3
"""MLNX_OFED 24.10, the last release line of MLNX_OFED, on a stand-in Ubuntu 22.04 guest and on a light AlmaLinux 8.10 guest."""
import json
import unittest

from e2e import SOURCE, BakeCase, standin
import main_job  # as a module: unittest would run the base class too

STANDINS = SOURCE / "build/standins"
OFED = "24.10-4.1.4.0"


class Ubuntu2204(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh", STANDINS, "22.04")
        cls.kernel = (STANDINS / "ubuntu-22.04.kernel").read_text().strip()
        cls.bundle = standin("bundle.sh", f"{OFED}-ubuntu22.04", STANDINS, cls.kernel)
        cls.bake_all()

    def test_the_driver_is_of_this_release_and_kernel(self):
        self.assertEqual(self.manifest["driver"]["ofed"], OFED)
        self.assertEqual(self.manifest["fit"]["verdict"], "built for this kernel")
        self.assertEqual(self.manifest["kernel"]["release"], self.kernel)


class AlmaLinux810(BakeCase):
    newer = "4.18.0-553.22.1.el8_10.x86_64"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        base = standin("light-guest.sh", "almalinux8.10", STANDINS, cls.newer)
        cls.add_bundle(standin("bundle.sh", f"{OFED}-rhel8.10"))
        recipe = cls.scratch / "image.yaml"
        recipe.write_text(cls.bake("init", base, "--vm-size", "Standard_HB120rs_v3").stdout)
        cls.output = cls.scratch / "out.vhd"
        cls.plan = json.loads(cls.bake("plan", recipe, "--json").stdout)
        cls.manifest = json.loads(cls.bake("image", recipe, "-o", cls.output, "--json").stdout)

    def test_the_plan_is_what_was_done(self):
        self.assertEqual(self.manifest["changes"], self.plan["changes"])
        self.assertEqual(self.manifest["driver"]["ofed"], OFED)

    def test_weak_updates_serve_a_newer_kernel_of_the_minor_release(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "weak-updates")
        self.assertEqual(self.manifest["fit"]["kernel"], self.newer)

    def test_verify_agrees(self):
        self.assertTrue(json.loads(self.bake("verify", self.output, "--json").stdout)["ok"])


if __name__ == "__main__":
    unittest.main()
