#!/usr/bin/python3
"""The main job on a genuine CentOS 7 userland: its own rpm 4.11.3 and Berkeley DB database, no systemctl."""
import os
import sys
import unittest
from pathlib import Path

from e2e import SOURCE, standin
import main_job  # as a module: unittest would run the base class too

# As el7-guest.sh looks for them: named by the environment, or in a directory beside the project.
PACKAGES = Path(os.environ.get("EL7_RPMS") or next(SOURCE.parent.glob("*/data/el7-rpms"), "nowhere"))


class GenuineEl7(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("el7-guest.sh")
        cls.bundle = standin("bundle.sh", "5.5-1.0.3.2-rhel7.9")
        cls.bake_all()

    def test_the_database_is_still_berkeley_db(self):
        evidence = [c["evidence"] for c in self.manifest["checks"] if c["check"] == "package database"]
        self.assertEqual(evidence, ["rpm-bdb, consistent; the injected packages verify clean"])


if __name__ == "__main__":
    if not PACKAGES.is_dir():
        print("=" * 80, "\nThe genuine CentOS 7 packages are not here: THIS SUITE DID NOT RUN.\n", "=" * 80, file=sys.stderr)
        sys.exit(0)
    unittest.main()
