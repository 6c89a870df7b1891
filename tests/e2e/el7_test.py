#!/usr/bin/python3
"""The main job on a genuine CentOS 7 userland: its own rpm 4.11.3 and Berkeley DB database, no systemctl."""
import difflib
import json
import os
import unittest
from pathlib import Path

from e2e import SOURCE, skip, standin
import main_job  # as a module: unittest would run the base class too

# As el7-guest.sh looks for them: named by the environment, or in a directory next to the project.
PACKAGES = Path(os.environ.get("EL7_RPMS") or next(SOURCE.parent.glob("*/data/el7-rpms"), "nowhere"))


LIST = r"rpm -qa --queryformat '%{NAME} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n'"
NEXT = "===="
OTHER_INITRAMFS = "/boot/initramfs-3.10.0-1160.71.1.el7.x86_64.img"


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
        digest = ["checksum", "sha256", OTHER_INITRAMFS, ":", "echo", NEXT, ":"]
        cls.other_before, cls.before = main_job.guest_text(cls.base, *digest, "sh", LIST).split(NEXT + "\n")
        seen = main_job.guest_text(cls.output, *digest, "file", "/var/lib/rpm/Packages", ":", "echo", NEXT, ":",
                                   "sh", LIST, ":", "echo", NEXT, ":", "sh", f"rpm -V {' '.join(injected)} ; :")
        cls.other_after, cls.database, cls.after, cls.complaints = seen.split(NEXT + "\n")

    def test_the_modules_reach_the_later_kernel_through_weak_updates(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "weak-updates")
        evidence = {c["check"]: c["evidence"] for c in self.manifest["checks"]}
        self.assertIn("mlx5_core for 3.10.0-1160.76.1.el7.x86_64 is /lib/modules/3.10.0-1160.76.1.el7.x86_64/weak-updates/",
                      evidence["module"])
        self.assertRegex(evidence["initramfs"], "no driver of the card|loads the same RDMA modules as the image")

    def test_files_have_the_labels_of_the_policy(self):
        self.check_selinux_labels()

    def test_the_other_kernel_keeps_its_initramfs(self):
        self.assertRegex(self.other_before, "^[0-9a-f]{64}\n$")
        self.assertEqual(self.other_after, self.other_before)

    def test_the_layout_is_that_of_the_gallery_images(self):
        facts = json.loads(self.bake("inspect", self.base, "--json").stdout)
        devices = {mount["mount_point"]: mount["device"] for mount in facts["layout"]["mounts"]}
        self.assertEqual({point: devices[point] for point in ("/", "/usr", "/var", "/home", "/tmp", "/opt")},
                         {"/": "/dev/rootvg/rootlv", "/usr": "/dev/rootvg/usrlv", "/var": "/dev/rootvg/varlv",
                          "/home": "/dev/rootvg/homelv", "/tmp": "/dev/rootvg/tmplv", "/opt": "/dev/rootvg/optlv"})

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
        skip("the genuine CentOS 7 packages are not here; name their directory in EL7_RPMS")
    unittest.main()
