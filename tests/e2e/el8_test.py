#!/usr/bin/python3
"""The main job on a genuine Enterprise Linux 8 userland: rpm 4.14.3, dracut 049, kmod 25, systemd 239, on the disk layout of
RHEL's gallery images, with genuine symbol versions where they are next to the packages."""
import json
import os
import unittest
from pathlib import Path

from e2e import SOURCE, run, skip, STANDINS, standin
import main_job  # as a module: unittest would run the base class too

# As el8-guest.sh looks for them: named by the environment, or in a directory next to the project.
PACKAGES = Path(os.environ.get("EL8_RPMS") or next(SOURCE.parent.glob("*/data/el8-rpms"), "nowhere"))
KERNEL = "4.18.0-240.15.1.el8_3.x86_64"
OTHER = "4.18.0-240.1.1.el8_3.x86_64"
OUTPUT = SOURCE / "build/standins"
LIST = r"rpm -qa --queryformat '%{NAME} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n'"
# What modprobe in the initramfs takes for mlx5_core, by the initramfs's own modules.dep; nothing when it is not in it.
# guestfish mounts the file systems read-only, so it is unpacked into a tmpfs.
IN_INITRAMFS = ("mount -t tmpfs none /tmp && cd /tmp && mkdir look && cd look && "
                f"TMPDIR=/tmp lsinitrd --unpack /boot/initramfs-{KERNEL}.img >/dev/null && "
                f"ls usr/lib/modules && (grep -E '(^|/)mlx5_core[.]ko' usr/lib/modules/{KERNEL}/modules.dep | cut -d: -f1)")
NEXT = "===="


def packages_of(listing):
    """(name, name-version-release.arch) of every package, from what the guest's own rpm printed."""
    return {tuple(line.split()) for line in listing.splitlines() if line}


class GenuineEl8(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("el8-guest.sh")
        facts = os.environ | {"STANDIN_IMAGE_FACTS": str(OUTPUT / "rhel-8.3.facts")}
        cls.bundle = Path(run(STANDINS / "bundle.sh", "5.5-1.0.3.2-rhel8.3", OUTPUT, KERNEL, env=facts).stdout.strip())
        cls.bake_all()
        cls.look_inside()

    @classmethod
    def look_inside(cls):
        """What another program than bake, and the guest's own rpm, say of the disks; one appliance for each disk."""
        injected = sorted(c["name"] for c in cls.manifest["changes"] if c["action"] != "remove")
        digest = ["checksum", "sha256", f"/boot/initramfs-{OTHER}.img", ":", "echo", NEXT, ":"]
        cls.other_before, cls.before = main_job.guest_text(cls.base, *digest, "sh", LIST).split(NEXT + "\n")
        seen = main_job.guest_text(cls.output, *digest, "sh", LIST, ":", "echo", NEXT, ":",
                                   "sh", f"rpm -V {' '.join(injected)} ; :", ":", "echo", NEXT, ":", "sh", IN_INITRAMFS)
        cls.other_after, cls.after, cls.complaints, cls.in_initramfs = seen.split(NEXT + "\n")

    def test_the_default_kernel_is_the_one_that_boots(self):
        """08_fallback_counting sets default=1 only when a countdown has ended; here none runs."""
        self.assertEqual(self.manifest["kernel"]["release"], KERNEL)

    def test_the_modules_were_built_for_the_default_kernel(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "built for this kernel")

    def test_the_layout_is_that_of_the_gallery_images(self):
        facts = json.loads(self.bake("inspect", self.base, "--json").stdout)
        devices = {mount["mount_point"]: mount["device"] for mount in facts["layout"]["mounts"]}
        self.assertEqual({point: devices[point] for point in ("/", "/usr", "/var", "/home", "/tmp", "/var/crash")},
                         {"/": "/dev/rootvg/rootlv", "/usr": "/dev/rootvg/usrlv", "/var": "/dev/rootvg/varlv",
                          "/home": "/dev/rootvg/homelv", "/tmp": "/dev/rootvg/tmplv", "/var/crash": "/dev/rootvg/crashlv"})

    def test_the_initramfs_resolves_to_the_new_module_or_has_none(self):
        directory, *chosen = self.in_initramfs.split()
        self.assertEqual(directory, KERNEL)
        self.assertEqual([path for path in chosen if not path.startswith(("extra/", "updates/"))], [])

    def test_files_have_the_labels_of_the_policy(self):
        self.check_selinux_labels()
        if "EL8_TREE" in os.environ:  # el8-guest.sh takes the label of this file away
            label = main_job.guest_text(self.output, "lgetxattr", "/usr/bin/true", "security.selinux")
            self.assertEqual(label.strip("\0\n"), "system_u:object_r:bin_t:s0")

    def test_the_other_kernel_keeps_its_initramfs(self):
        self.assertRegex(self.other_before, "^[0-9a-f]{64}\n$")
        self.assertEqual(self.other_after, self.other_before)

    def test_the_guests_own_rpm_lists_what_was_planned_and_verifies_it(self):
        before, after = packages_of(self.before), packages_of(self.after)
        changes = self.manifest["changes"]
        self.assertEqual(sorted(name for name, _ in after - before),
                         sorted(c["name"] for c in changes if c["action"] != "remove"))
        self.assertEqual(sorted(name for name, _ in before - after),
                         sorted(c["name"] for c in changes if c["action"] != "install"))
        self.assertEqual([line for line in self.complaints.splitlines() if line], [])


if __name__ == "__main__":
    if not PACKAGES.is_dir():
        skip("the genuine Enterprise Linux 8 packages are not here; name their directory in EL8_RPMS")
    unittest.main()
