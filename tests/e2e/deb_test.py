#!/usr/bin/python3
"""The main job on the stand-in Ubuntu 20.04 guest."""
import unittest

import baked
from e2e import standin
import main_job  # as a module: unittest would run the base class too


class UbuntuGuest(main_job.MainJob):
    recipe_edits = (("generalize: false", "generalize: true"),)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh")
        cls.bundle = standin("bundle.sh", "5.5-1.0.3.2-ubuntu20.04")
        cls.bake_all()
        baked.keep(cls.output)  # for the test that boots it

    def test_prebuilt_modules_fit(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "built for this kernel")

    def test_inbox_packages_are_upgraded(self):
        upgraded = {c["name"] for c in self.manifest["changes"] if c["action"] == "upgrade"}
        self.assertIn("libibverbs1", upgraded)


if __name__ == "__main__":
    unittest.main()
