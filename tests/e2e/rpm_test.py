#!/usr/bin/python3
"""The main job on the stand-in CentOS 7.7 guest: the disk layout of RHEL's gallery images, thousands of modules, SELinux."""
import json
import unittest

from e2e import standin
import main_job  # as a module: unittest would run the base class too

KERNEL = "3.10.0-1062.el7.x86_64"
MODULES = f"/usr/lib/modules/{KERNEL}/extra/mlnx-ofa_kernel"
# One file of each kind that bake or a package put on each file system, with the type that the guest's policy names.
TYPES = {
    f"{MODULES}/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko": "modules_object_t",
    "/usr/lib/systemd/system/openibd.service": "systemd_unit_file_t",
    "/etc/systemd/system/ib-firstboot.service": "etc_t",
    "/usr/sbin/ib-firstboot": "bin_t",
    "/usr/bin/ibv_devinfo": "bin_t",
    "/etc/init.d/openibd": "etc_t",
    "/etc/bake-manifest.json": "etc_t",
    "/var/lib/rpm/rpmdb.sqlite": "rpm_var_lib_t",
    f"/boot/initramfs-{KERNEL}.img": "boot_t",
    "/boot/grub2/grub.cfg": "boot_t",
    "/opt/site/bin/site-report": "usr_t",  # default_t in the base
    "/opt/site/share/index.html": "httpd_sys_content_t",  # a customized type of the base: kept
    "/home": "user_home_t",
    "/tmp": "tmp_t",
}
MOUNTS = {"/": "rootlv", "/usr": "usrlv", "/var": "varlv", "/home": "homelv", "/tmp": "tmplv", "/opt": "optlv"}
# Without the mount points of a file system that stores no labels: /boot/efi (vfat) and /run (tmpfs in a running guest).
UNLABELLED = (r"find / \( -path /run -o -path /boot/efi \) -prune -o -fstype xfs -printf '%Z %p\n'"
              r" | grep -v ':object_r:' | head -n 20; :")
NEXT = "===="


class CentosGuest(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("rpm-guest.sh")
        cls.bundle = standin("bundle.sh", "5.5-1.0.3.2-rhel7.7")
        cls.bake_all()

    def test_the_modules_were_built_for_the_default_kernel(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "built for this kernel")
        self.assertEqual(self.manifest["kernel"]["release"], KERNEL)

    def test_the_layout_is_that_of_the_gallery_images(self):
        facts = json.loads(self.bake("inspect", self.base, "--json").stdout)
        mounts = {mount["mount_point"]: mount for mount in facts["layout"]["mounts"]}
        self.assertEqual({point: mounts[point]["device"] for point in MOUNTS},
                         {point: f"/dev/rootvg/{volume}" for point, volume in MOUNTS.items()})
        self.assertEqual({mounts[point]["type"] for point in [*MOUNTS, "/boot"]}, {"xfs"})
        self.assertGreater(len(facts["packages"]["installed"]), 400)

    def test_files_have_the_labels_of_the_policy(self):
        self.assertEqual(self.plan["configure"]["selinux_labels"], "setfiles")
        self.check_selinux_labels()

    def test_another_program_reads_the_labels_of_every_file_system(self):
        commands = []
        for path in TYPES:
            commands += ["getxattr", path, "security.selinux", ":", "echo", NEXT, ":"]
        *labels, unlabelled = main_job.guest_text(self.output, *commands, "sh", UNLABELLED).split(NEXT + "\n")
        types = {path: (label.strip("\0\n ").split(":") + [""] * 3)[2] for path, label in zip(TYPES, labels)}
        self.assertEqual(types, TYPES)
        self.assertEqual(unlabelled.strip(), "")


if __name__ == "__main__":
    unittest.main()
