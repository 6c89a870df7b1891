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

    def test_what_belongs_to_the_machine_is_gone(self):
        self.assertIn({"what": "user azureuser (uid 1000, named by /var/lib/waagent/ovf-env.xml and /etc/sudoers.d/waagent)",
                       "paths": ["/home/azureuser"]}, self.plan["configure"]["removals"])
        accounts = main_job.guest_text(self.output, "cat", "/etc/passwd")
        self.assertIn("root:x:0:0:", accounts)
        self.assertNotIn("azureuser", accounts)
        self.assertEqual(main_job.guest_text(self.output, "cat", "/etc/hostname").strip(), "localhost.localdomain")
        self.assertNotIn("00:0d:3a", main_job.guest_text(self.output, "cat", "/etc/netplan/50-cloud-init.yaml"))

    def test_the_mask_of_the_rule_generator_is_kept(self):
        rule = "/etc/udev/rules.d/75-persistent-net-generator.rules"
        self.assertEqual(main_job.guest_text(self.output, "readlink", rule).strip(), "/dev/null")


if __name__ == "__main__":
    unittest.main()
