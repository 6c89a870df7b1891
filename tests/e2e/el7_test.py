#!/usr/bin/python3
"""The main job on a genuine CentOS 7 userland: its own rpm 4.11.3 and Berkeley DB database, no systemctl."""
import difflib
import os
import sys
import unittest
from pathlib import Path

from e2e import SOURCE, run, standin
import main_job  # as a module: unittest would run the base class too

MEBIBYTE = 1 << 20
# As el7-guest.sh looks for them: named by the environment, or in a directory beside the project.
PACKAGES = Path(os.environ.get("EL7_RPMS") or next(SOURCE.parent.glob("*/data/el7-rpms"), "nowhere"))


LIST = r"rpm -qa --queryformat '%{NAME} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n'"
NEXT = "===="


def packages_of(listing):
    """(name, name-version-release.arch) of every package, from what the guest's own rpm printed."""
    return {tuple(line.split()) for line in listing.splitlines() if line}


class GenuineEl7(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("el7-guest.sh")
        cls.bundle = standin("bundle.sh", "5.5-1.0.3.2-rhel7.9")
        cls.bake_all()
        cls.look_inside()

    @classmethod
    def look_inside(cls):
        """What another program than bake, and the guest's own rpm, say of the disks; one appliance for each disk."""
        injected = sorted(c["name"] for c in cls.manifest["changes"] if c["action"] != "remove")
        cls.before = main_job.guest_text(cls.base, "sh", LIST)
        seen = main_job.guest_text(cls.output, "file", "/var/lib/rpm/Packages", ":", "echo", NEXT, ":",
                                   "sh", LIST, ":", "echo", NEXT, ":", "sh", f"rpm -V {' '.join(injected)} ; :")
        cls.database, cls.after, cls.complaints = seen.split(NEXT + "\n")

    def test_the_modules_reach_the_later_kernel_through_weak_updates(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "weak-updates")
        evidence = {c["check"]: c["evidence"] for c in self.manifest["checks"]}
        self.assertIn("mlx5_core for 3.10.0-1160.76.1.el7.x86_64 is /lib/modules/3.10.0-1160.76.1.el7.x86_64/weak-updates/",
                      evidence["module"])
        self.assertIn("no stale RDMA module", evidence["initramfs"])

    def file_of(self, disk, path):
        """Read out of the ext4 file system by another program, without an appliance."""
        copy = self.scratch / "copy"
        run("debugfs", "-R", f"dump {path} {copy}", f"{disk}?offset={MEBIBYTE}")
        return copy.read_bytes()

    def test_the_other_kernel_keeps_its_initramfs(self):
        path = "/boot/initramfs-3.10.0-1160.71.1.el7.x86_64.img"
        before = self.file_of(self.base, path)
        self.assertGreater(len(before), MEBIBYTE)
        self.assertEqual(self.file_of(self.output, path), before)

    def test_the_database_is_still_berkeley_db(self):
        evidence = [c["evidence"] for c in self.manifest["checks"] if c["check"] == "package database"]
        self.assertEqual(evidence, ["rpm-bdb, consistent; the injected packages have no fault"])
        self.assertIn("Berkeley DB", self.database)

    def test_the_guests_own_rpm_lists_what_was_planned_and_verifies_it(self):
        before, after = packages_of(self.before), packages_of(self.after)
        changes = self.manifest["changes"]
        listings = [sorted(package for _, package in side) for side in (before, after)]
        print("\n".join(difflib.unified_diff(*listings, "rpm -qa before", "rpm -qa after", n=0, lineterm="")))
        self.assertEqual(sorted(name for name, _ in after - before),
                         sorted(c["name"] for c in changes if c["action"] != "remove"))
        self.assertEqual(sorted(name for name, _ in before - after),
                         sorted(c["name"] for c in changes if c["action"] != "install"))
        # Nothing differs but the one configuration file in which bake sets FORCE_MODE.
        complaints = [line.split()[1:] for line in self.complaints.splitlines() if line]
        self.assertEqual(complaints, [["c", "/etc/infiniband/openib.conf"]])


if __name__ == "__main__":
    if not PACKAGES.is_dir():
        print("=" * 80, "\nThe genuine CentOS 7 packages are not here: THIS SUITE DID NOT RUN.\n", "=" * 80, file=sys.stderr)
        sys.exit(0)
    unittest.main()
