#!/usr/bin/python3
"""Another default kernel in the same bake. On the stand-in Ubuntu 22.04 guest, real dpkg, initramfs-tools and update-grub install a
genuine kernel that is older than the guest's, and the image boots it until ib-firstboot gives its verdict. On a light EL 9 guest, real
rpm and dracut do; the kernel is a stand-in."""
import json
import re
import unittest

from e2e import SOURCE, BakeCase, run, standin
import main_job  # as a module: unittest would run the base class too
from virtual_machine import Machine

STANDINS = SOURCE / "build/standins"
OFED = "24.10-4.1.4.0"
GRUB_DEFAULT = "/etc/default/grub.d/zz-bake-kernel.cfg"


def overlay_of(image, overlay):
    """A disk for a VM, which writes to the overlay."""
    size = image.stat().st_size - 512
    backing = json.dumps({"driver": "raw", "size": size, "file": {"driver": "file", "filename": str(image)}})
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", f"json:{backing}", overlay, str(size))
    return overlay


def default_entry(menu):
    """The linux and initrd lines of the entry that a grub.cfg of grub-mkconfig sets as its default by an id."""
    (default,) = [d for d in re.findall(r'set default="([^"]*)"', menu) if "$" not in d]
    entry = menu[menu.index(f"'{default.rpartition('>')[2]}'"):]
    return re.search(r"^\s*linux\s.*", entry, re.MULTILINE)[0].split(maxsplit=2), re.search(r"^\s*initrd\s.*", entry, re.MULTILINE)[0].split()


class UbuntuKernel(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh", STANDINS, "22.04")
        cls.old = (STANDINS / "ubuntu-22.04.kernel").read_text().strip()
        debs = standin("kernel-debs.sh")
        cls.kernel = debs.name
        cls.bundle = standin("bundle.sh", f"{OFED}-ubuntu22.04", STANDINS, cls.kernel)
        cls.recipe_edits = (("kernel: default ", f"kernel: {{release: {cls.kernel}}} "),)
        cls.add_bundle(cls.bundle)
        cls.recipe_is_refused_without_the_kernel()
        cls.bake("bundle", "add", "--extra", debs, "--for", "ubuntu22.04", "--name", "kernel")
        cls.bake_all()
        cls.menu = main_job.guest_text(cls.output, "cat", "/boot/grub/grub.cfg")

    @classmethod
    def recipe_is_refused_without_the_kernel(cls):
        recipe = cls.scratch / "without.yaml"
        recipe.write_text(f"schema: bake/v1\nbase: {cls.base}\nos: ubuntu 22.04\nvm_sizes: [{cls.vm_size}]\nofed: {OFED}\n"
                          f"kernel: {{release: {cls.kernel}}}\n")
        cls.refused = cls.bake("plan", recipe, check=False)
        cls.wanted = cls.bake("extras", "wanted", recipe).stdout

    def test_without_its_packages_it_is_refused(self):
        self.assertEqual(self.refused.returncode, 3)
        self.assertIn(f"linux-image-{self.kernel}: neither the image nor the extra packages have it", self.refused.stderr)
        self.assertIn(f" linux-image-{self.kernel}", self.wanted)

    def test_the_plan_names_the_change(self):
        change = self.plan["kernel"]["change"]
        self.assertEqual(self.plan["kernel"]["release"], self.kernel)
        self.assertEqual(change["previous"], self.old)
        self.assertIn(f"linux-image-{self.kernel}", [c["name"] for c in change["changes"]])
        self.assertEqual(self.manifest["kernel"], self.plan["kernel"])

    def test_the_default_is_the_id_of_its_entry(self):
        (_, image, _), (_, initrd) = default_entry(self.menu)
        self.assertEqual(image, f"/boot/vmlinuz-{self.kernel}")
        self.assertEqual(initrd, f"/boot/initrd.img-{self.kernel}")
        self.assertIn("GRUB_DEFAULT='gnulinux-advanced-", main_job.guest_text(self.output, "cat", GRUB_DEFAULT))

    def test_the_old_kernel_stays_in_the_menu(self):
        self.assertIn(f"/boot/vmlinuz-{self.old} ", self.menu)
        self.assertIn(f"initrd.img-{self.old}", main_job.guest_text(self.output, "ls", "/boot"))

    def test_the_menu_names_nothing_of_the_appliance(self):
        self.assertNotIn("/dev/sd", self.menu)
        self.assertNotIn("osprober", self.menu)

    def test_the_driver_is_for_the_new_kernel(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "built for this kernel")
        self.assertEqual(self.manifest["fit"]["kernel"], self.kernel)
        listed = main_job.guest_text(self.output, "ls", f"/lib/modules/{self.kernel}/updates/dkms")
        self.assertIn("mlx5_core.ko", listed)

    def test_the_sbom_lists_what_was_installed(self):
        sbom = json.loads(self.output.with_name("out.vhd.sbom.spdx.json").read_text())
        injected = [package for package in sbom["packages"] if "annotations" in package]
        self.assertIn(f"linux-image-{self.kernel}", [package["name"] for package in injected])
        self.assertEqual([p["name"] for p in injected if len(p["checksums"][0]["checksumValue"]) != 64], [])

    def test_the_image_boots_it_until_the_verdict(self):
        (_, image, arguments), (_, initrd) = default_entry(self.menu)
        boot = self.scratch / "boot"
        boot.mkdir()
        for path in (image, initrd):
            run("guestfish", "--ro", "--format=raw", "-a", self.output, "-i", "download", path, boot / path.rpartition("/")[2])
        overlay = overlay_of(self.output, self.scratch / "overlay.qcow2")
        with Machine(overlay, boot / f"vmlinuz-{self.kernel}", boot / f"initrd.img-{self.kernel}", arguments,
                     "8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c22", self.scratch / "console.log", self.scratch) as machine:
            machine.wait_until_booted()
            running = machine.ask("uname -r").strip()
            unit = machine.properties("ib-firstboot.service", "ActiveState", "Result", "ExecMainStatus")
            state = machine.ask("cat /var/lib/ib-firstboot/state")
            machine.power_off()
        self.assertEqual(running, self.kernel)
        self.assertEqual((unit["ActiveState"], unit["Result"], unit["ExecMainStatus"]), ("failed", "exit-code", "10"))  # no Hyper-V here
        self.assertIn(f"KERNEL={self.kernel}\n", state)


class EnterpriseLinuxKernel(BakeCase):
    old, new = "5.14.0-570.12.1.el9_6.x86_64", "5.14.0-570.62.1.el9_6.x86_64"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_bundle(standin("doca.sh", STANDINS, "D2"))
        cls.bake("bundle", "add", "--extra", standin("kernel-rpms.sh", "rhel9.6", cls.new), "--for", "rhel9.6", "--name", "kernel")
        recipe = cls.scratch / "image.yaml"
        recipe.write_text(f"schema: bake/v1\nbase: {standin('light-guest.sh', 'rhel9.6', STANDINS, cls.old)}\nos: rhel 9.6\n"
                          f"vm_sizes: [Standard_HB120rs_v2]\nofed: {{version: doca-3.1.0-091000, profile: basic}}\n"
                          f"kernel: {{release: {cls.new}}}\n")
        cls.output = cls.scratch / "out.vhd"
        cls.manifest = json.loads(cls.bake("image", recipe, "-o", cls.output, "--json").stdout)

    def file(self, path):
        return main_job.guest_text(self.output, "cat", path)

    def test_the_new_kernel_is_the_default(self):
        self.assertEqual(self.manifest["kernel"]["release"], self.new)
        entry, = [line for line in self.file("/boot/grub2/grubenv").splitlines() if line.startswith("saved_entry=")]
        self.assertTrue(entry.endswith(f"-{self.new}"), entry)
        text = self.file(f"/boot/loader/entries/{entry.partition('=')[2]}.conf")
        self.assertIn(f"linux /boot/vmlinuz-{self.new}\n", text)
        self.assertIn("console=ttyS0", text)

    def test_the_old_kernel_stays(self):
        listed = main_job.guest_text(self.output, "ls", "/boot")
        for kernel in (self.old, self.new):
            self.assertIn(f"vmlinuz-{kernel}\n", listed)
            self.assertIn(f"initramfs-{kernel}.img\n", listed)
        packages = [p["name"] for p in self.manifest["expectations"]["packages"]]
        self.assertIn("kernel-core", packages)

    def test_the_driver_is_for_the_new_kernel(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "weak-updates")
        self.assertEqual(self.manifest["fit"]["kernel"], self.new)

    def test_verify_agrees(self):
        self.assertTrue(json.loads(self.bake("verify", self.output, "--json").stdout)["ok"])


if __name__ == "__main__":
    unittest.main()
