#!/usr/bin/python3
"""`customize` of a recipe: everything at once on the stand-in Ubuntu 22.04 guest and on a light RHEL 9.6 guest, in one launch of the
appliance; guestfish looks at the result."""
import json
import unittest

from e2e import SOURCE, BakeCase, run, standin
import main_job  # as a module: unittest would run the base class too

STANDINS = SOURCE / "build/standins"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ stand-in"


class Customized(BakeCase):
    """Subclasses set `system`, `base`, `ofed`, `removed` and `extra`."""

    @classmethod
    def bake_customized(cls):
        (cls.scratch / "site/bin").mkdir(parents=True)
        (cls.scratch / "site/bin/site-tool").write_text("#!/bin/sh\n")
        (cls.scratch / "site/bin/site-tool").chmod(0o755)
        (cls.scratch / "motd").write_text("welcome\n")
        (cls.scratch / "hpc.pub").write_text(KEY + "\n")
        (cls.scratch / "setup.sh").write_text("#!/bin/sh\nset -e\necho running as $(id -u)\necho made by a script >/etc/made-by-script\n")
        (cls.scratch / "first.sh").write_text("#!/bin/sh\ntouch /var/lib/first-boot-ran\n")
        cls.recipe = cls.scratch / "image.yaml"
        cls.recipe.write_text(f"""schema: bake/v1
base: {cls.base}
os: {cls.system}
vm_sizes: [Standard_HB120rs_v2]
ofed: {cls.ofed}
customize:
  packages: [{cls.extra}]
  remove: [{cls.removed}]
  files:
    - {{source: motd, path: /etc/motd, mode: 0640, owner: 0:4}}
    - {{source: site, path: /opt/site}}
  lines:
    - {{path: /etc/fstab, line: "tmpfs /scratch tmpfs size=1g 0 0"}}
  sysctl: {{vm.nr_hugepages: 1024}}
  services: {{enable: [systemd-networkd], mask: [ctrl-alt-del.target]}}
  users:
    - {{name: hpcadmin, groups: [adm], authorized_keys: hpc.pub}}
  run: [setup.sh]
  first_boot: [first.sh]
""")
        cls.output = cls.scratch / "out.vhd"
        cls.plan = json.loads(cls.bake("plan", cls.recipe, "--json").stdout)
        cls.baked = cls.bake("image", cls.recipe, "-o", cls.output, "--json", "--log", cls.scratch / "bake.log", "-v")
        cls.manifest = json.loads(cls.baked.stdout)

    def text(self, *command):
        return main_job.guest_text(self.output, *command)

    def test_one_launch_and_every_check_passed(self):
        self.assertEqual(self.manifest["product"]["appliance_launches"], 1)
        check, = [c for c in self.manifest["checks"] if c["check"] == "customize"]
        self.assertEqual(check["status"], "passed", check["evidence"])
        self.assertIn("what setup.sh changed is not checked", check["evidence"])
        self.assertTrue(json.loads(self.bake("verify", self.output, "--json").stdout)["ok"])

    def test_the_plan_is_what_was_done(self):
        self.assertEqual(self.manifest["changes"], self.plan["changes"])
        self.assertEqual(self.manifest["customize"], self.plan["customize"])

    def test_packages_came_and_went(self):
        seen = self.inspected_packages(self.output)
        self.assertIn(self.extra, seen)
        self.assertNotIn(self.removed, seen)

    def test_files(self):
        self.assertEqual(self.text("cat", "/etc/motd").rstrip(), "welcome")
        stat = self.text("stat", "/etc/motd")
        self.assertIn(f"mode: {0o100640}\n", stat)
        self.assertIn("gid: 4\n", stat)
        self.assertIn("tmpfs /scratch tmpfs size=1g 0 0", self.text("cat", "/etc/fstab").splitlines())
        self.assertIn("vm.nr_hugepages = 1024", self.text("cat", "/etc/sysctl.d/90-bake.conf"))
        self.assertIn("site-tool", self.text("ls", "/opt/site/bin"))
        self.assertEqual(self.text("cat", "/etc/made-by-script").rstrip(), "made by a script")

    def test_the_user_is_locked_and_has_the_key(self):
        shadow, = [line for line in self.text("cat", "/etc/shadow").splitlines() if line.startswith("hpcadmin:")]
        self.assertTrue(shadow.split(":")[1].startswith("!"), shadow)
        self.assertEqual(self.text("cat", "/home/hpcadmin/.ssh/authorized_keys").rstrip(), KEY)

    def test_services_and_the_first_boot(self):
        self.assertEqual(self.text("readlink", "/etc/systemd/system/ctrl-alt-del.target"), "/dev/null\n")
        self.assertIn("bake-first-boot.service", self.text("ls", "/etc/systemd/system/multi-user.target.wants"))
        self.assertIn("01-first.sh", self.text("ls", "/usr/lib/bake/first-boot.d"))

    def test_the_output_of_the_script_is_in_the_log(self):
        self.assertIn("running as 0", (self.scratch / "bake.log").read_text())

    def test_no_secret_is_in_the_manifest(self):
        text = json.dumps(self.manifest)
        self.assertNotIn("AAAAC3Nza", text)
        self.assertNotIn("tmpfs /scratch", text)

    def test_a_script_that_fails_leaves_nothing(self):
        (self.scratch / "setup.sh").write_text("#!/bin/sh\necho this one fails; exit 3\n")
        output = self.scratch / "failed.vhd"
        self.bake_fails(1, "running script 'setup.sh' in the guest: exit status 3: this one fails", "image", self.recipe, "-o", output)
        self.assertFalse(output.exists())
        self.assertFalse(output.with_name("failed.vhd.partial").exists())


class Ubuntu(Customized):
    system, extra, removed, ofed = "ubuntu 22.04", "tree", "net-tools", "24.10-4.1.4.0"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh", STANDINS, "22.04")
        kernel = (STANDINS / "ubuntu-22.04.kernel").read_text().strip()
        cls.add_bundle(standin("bundle.sh", f"{cls.ofed}-ubuntu22.04", STANDINS, kernel))
        debs = cls.scratch / "debs"
        debs.mkdir()
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", cls.extra, cwd=debs)
        cls.bake("bundle", "add", "--extra", debs, "--for", "ubuntu22.04")
        cls.bake_customized()


class EnterpriseLinux(Customized):
    system, extra, removed, ofed = "rhel 9.6", "site-extra", "site-tools", "doca-3.1.0-091000"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("light-guest.sh", "rhel9.6", STANDINS, "5.14.0-570.12.1.el9_6.x86_64")
        cls.add_bundle(standin("doca.sh", STANDINS, "D2"))
        spec = cls.scratch / "extra.spec"
        spec.write_text("Name: site-extra\nVersion: 1\nRelease: 1\nSummary: stand-in\nLicense: none\nBuildArch: noarch\n%description\nx\n%files\n")
        run("rpmbuild", "-bb", "--define", f"_topdir {cls.scratch}/rpm", "--define", f"_rpmdir {cls.scratch}/rpms",
            "--define", "_build_name_fmt %%{NAME}.rpm", spec)
        cls.bake("bundle", "add", "--extra", cls.scratch / "rpms", "--for", "rhel9.6")
        cls.bake_customized()


del Customized  # only its subclasses are tests

if __name__ == "__main__":
    unittest.main()
