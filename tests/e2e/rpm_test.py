#!/usr/bin/python3
"""The main job on the stand-in CentOS 7.7 guest: GPT, LVM, XFS, SELinux."""
import unittest

from e2e import standin
import main_job  # as a module: unittest would run the base class too


class CentosGuest(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("rpm-guest.sh")
        cls.bundle = standin("bundle.sh", "5.5-1.0.3.2-rhel7.7")
        cls.bake_all()

    def test_the_modules_were_built_for_the_default_kernel(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "built for this kernel")
        self.assertEqual(self.manifest["kernel"]["release"], "3.10.0-1062.el7.x86_64")

    def test_files_are_labelled(self):
        labels = [c for c in self.manifest["checks"] if c["check"] == "SELinux labels"]
        self.assertEqual([c["evidence"].split(": ")[1] for c in labels], ["labelled"])


if __name__ == "__main__":
    unittest.main()
