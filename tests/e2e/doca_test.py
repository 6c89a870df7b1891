#!/usr/bin/python3
"""DOCA-OFED. On the stand-in Ubuntu 24.04 guest, real dkms, gcc and headers compile the driver in the image. On light EL 9 guests, built
modules come from doca-host (weak-updates) or from a doca-kernel-repo."""
import json
import os
import unittest
from unittest import mock

from e2e import SOURCE, BakeCase, run, standin
import main_job  # as a module: unittest would run the base class too

STANDINS = SOURCE / "build/standins"


def guest():
    return standin("deb-guest.sh", STANDINS, "24.04")


class Doca(main_job.MainJob):
    recipe_edits = (("profile: ib-minimal ", "profile: basic "),)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = guest()
        cls.bundle = standin("doca.sh", STANDINS, "D1")
        cls.bake("bundle", "add", "--extra", standin("build-tools.sh"), "--for", "ubuntu24.04", "--name", "build tools")
        cls.bake_all()
        cls.kernel = cls.plan["kernel"]["release"]

    def test_the_driver_is_compiled_for_the_kernel(self):
        self.assertEqual(self.manifest["fit"]["verdict"], "needs build")
        check, = [c for c in self.manifest["checks"] if c["check"] == "dkms"]
        self.assertEqual(check["status"], "passed")
        self.assertEqual(check["evidence"], "the modules of " + ", ".join(
            f"{name}/25.10.OFED.25.10.3.1.8.1" for name in ("iser", "isert", "mlnx-ofed-kernel", "srp")) +
            f" are installed for {self.kernel}")

    def test_the_log_of_the_compiler_is_next_to_the_image(self):
        log = self.output.with_name("out.vhd.build.log").read_text()
        for name in ("mlx5_core", "ib_iser", "ib_isert", "ib_srp"):
            self.assertIn("CC [M]", log)
            self.assertIn(f"{name}.o", log)

    def test_the_modules_name_the_kernel_and_the_release(self):
        listed = main_job.guest_text(self.output, "ls", f"/lib/modules/{self.kernel}/updates/dkms").split()
        for name in ("ib_core", "mlx5_core", "mlx5_ib", "ib_iser", "ib_isert", "ib_srp"):
            self.assertIn(name, [file.split(".")[0] for file in listed])
        file = next(name for name in listed if name.startswith("mlx5_core."))
        copy = self.scratch / file
        run("guestfish", "--ro", "--format=raw", "-a", self.output, "-i", "download",
            f"/lib/modules/{self.kernel}/updates/dkms/{file}", copy)
        said = run("modinfo", copy).stdout
        self.assertRegex(said, r"version:\s+25\.10-3\.1\.8\n")
        self.assertRegex(said, rf"vermagic:\s+{self.kernel} ")

    def test_the_compiler_comes_from_the_extra_packages(self):
        extras = {c["name"] for c in self.plan["changes"] if c.get("from") == "extra packages"}
        for name in ("dkms", "gcc", "make", f"linux-headers-{self.kernel}"):
            self.assertIn(name, extras)

    def test_the_product_is_not_renamed(self):
        self.assertIn("OFED-internal-25.10-3.1.8", main_job.guest_text(self.output, "cat", "/usr/bin/ofed_info"))
        self.assertNotIn("/usr/local/bin/ofed_info", self.plan["configure"]["files"])

    def test_the_initramfs_of_the_base_is_edited(self):
        # its modules are unpacked, those of the image are .ko.zst
        self.assertNotIn("the guest builds another initramfs", self.baked.stderr)

    def test_another_image_gets_the_modules_without_a_compiler_run(self):
        file = self.scratch / "modules.tar.zst"
        with mock.patch.dict(os.environ, {"BAKE_CACHE": ""}):  # another test expects that the image was not verified before
            exported = json.loads(self.bake("modules", "export", self.output, "-o", file, "--json").stdout)
        self.assertEqual(exported["kernel"], self.kernel)
        self.assertEqual(sorted(s["name"] for s in exported["sources"]), ["iser-dkms", "isert-dkms", "mlnx-ofed-kernel-dkms", "srp-dkms"])
        self.bake_fails(4, "nothing vouches for it", "modules", "add", file)
        self.bake("modules", "add", file, "--sha256", exported["sha256"])
        self.addCleanup(self.bake, "modules", "remove", exported["sha256"])
        again = self.scratch / "again.vhd"
        manifest = json.loads(self.bake("image", self.recipe, "-o", again, "--json").stdout)
        self.assertEqual(manifest["driver"]["built_modules"]["sha256"], exported["sha256"])
        self.assertEqual(manifest["changes"], self.manifest["changes"])
        check, = [c for c in manifest["checks"] if c["check"] == "dkms"]
        self.assertEqual(check["status"], "passed", check["evidence"])
        steps = {s["step"]: s["seconds"] for s in manifest["product"]["timings"]}
        before = {s["step"]: s["seconds"] for s in self.manifest["product"]["timings"]}
        print(f"\nchange packages {before['change packages']} s and {before['build modules']} s; with the modules of the first image "
              f"{steps['change packages']} s and {steps['install built modules']} s")
        directory = f"/lib/modules/{self.kernel}/updates/dkms"
        listed = main_job.guest_text(self.output, "ls", directory).split()
        self.assertEqual(main_job.guest_text(again, "ls", directory).split(), listed)
        digests = [word for name in listed for word in (":", "checksum", "sha256", f"{directory}/{name}")][1:]
        self.assertEqual(main_job.guest_text(again, *digests), main_job.guest_text(self.output, *digests))

    def test_nothing_of_the_outer_package_is_in_the_image(self):
        listed = main_job.guest_text(self.output, "ls", "/etc/apt/sources.list.d")
        self.assertNotIn("doca.list", listed)


class EnterpriseLinux(BakeCase):
    newer = "5.14.0-570.62.1.el9_6.x86_64"

    def baked(self, name, kernel, ofed, *bundles):
        """The manifest of an image of the light EL 9.6 guest with this kernel."""
        base = standin("light-guest.sh", "rhel9.6", STANDINS, kernel)
        for bundle in bundles:
            self.add_bundle(bundle)
        recipe = self.scratch / f"{name}.yaml"
        recipe.write_text(f"schema: bake/v1\nbase: {base}\nos: rhel 9.6\nvm_sizes: [Standard_HB120rs_v2]\nofed: {{version: {ofed}, "
                          "profile: basic}\n")
        output = self.scratch / f"{name}.vhd"
        manifest = json.loads(self.bake("image", recipe, "-o", output, "--json").stdout)
        self.assertTrue(json.loads(self.bake("verify", output, "--json").stdout)["ok"])
        return manifest

    def test_built_modules_serve_a_newer_kernel_of_the_minor_release(self):
        manifest = self.baked("d2", self.newer, "doca-3.1.0-091000", standin("doca.sh", STANDINS, "D2"))
        self.assertEqual(manifest["fit"]["verdict"], "weak-updates")
        self.assertEqual(manifest["fit"]["built_for"], "5.14.0-570.12.1.el9_6.x86_64")
        self.assertNotIn("kernel_bundle", manifest["driver"])

    def test_a_doca_kernel_repo_replaces_the_compiler(self):
        manifest = self.baked("d3", self.newer, "doca-3.2.2-035000", standin("doca.sh", STANDINS, "D3"),
                              standin("doca.sh", STANDINS, "E", self.newer))
        self.assertEqual(manifest["fit"]["verdict"], "built for this kernel")
        self.assertEqual(manifest["driver"]["kernel_bundle"]["kernel"], self.newer)
        kmod, = [c for c in manifest["changes"] if c["name"] == "kmod-mlnx-ofa_kernel"]
        self.assertEqual(kmod["from"], "doca-kernel-repo")
        self.assertEqual([c["name"] for c in manifest["changes"] if c["name"].endswith("-dkms")], [])


class EnterpriseLinuxWithoutCompiler(BakeCase):
    def test_without_a_compiler_the_sources_are_refused(self):
        base = standin("light-guest.sh", "rhel9.6", STANDINS, "5.14.0-570.30.1.el9_6.x86_64")
        self.add_bundle(standin("doca.sh", STANDINS, "D3"))
        self.add_bundle(standin("doca.sh", STANDINS, "E", EnterpriseLinux.newer))
        recipe = self.scratch / "other.yaml"
        recipe.write_text(f"schema: bake/v1\nbase: {base}\nos: rhel 9.6\nvm_sizes: [Standard_HB120rs_v2]\n"
                          "ofed: doca-3.2.2-035000\n")
        result = self.bake("plan", recipe, check=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn(f"has modules for {EnterpriseLinux.newer}, not for 5.14.0-570.30.1.el9_6.x86_64", result.stderr)
        wanted = self.bake("extras", "wanted", recipe).stdout
        self.assertIn("kernel-devel-5.14.0-570.30.1.el9_6", wanted)
        self.assertIn("--for rhel9.6", wanted)


class OfUbuntu(BakeCase):
    """A store with a D1 package in it, `broken` or not, and a recipe."""

    broken = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = guest()
        cls.add_bundle(standin("doca.sh", STANDINS, "D1", *cls.broken))
        cls.recipe = cls.scratch / "image.yaml"
        cls.recipe.write_text(f"schema: bake/v1\nbase: {cls.base}\nos: ubuntu 24.04\nvm_sizes: [Standard_HB120rs_v2]\n"
                              "ofed: {version: doca-3.2.3-019000, profile: basic}\n")


class WithoutCompiler(OfUbuntu):
    def test_the_plan_names_what_the_guest_lacks(self):
        result = self.bake("plan", self.recipe, check=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn("missing: dkms", result.stderr)
        wanted = self.bake("extras", "wanted", self.recipe).stdout
        self.assertIn("dkms", wanted)
        self.assertIn("linux-headers-", wanted)


class BrokenSources(OfUbuntu):
    broken = ("srp",)

    def test_the_bake_ends_with_the_log_of_the_compiler(self):
        self.bake("bundle", "add", "--extra", standin("build-tools.sh"), "--for", "ubuntu24.04", "--name", "build tools")
        output = self.scratch / "out.vhd"
        result = self.bake_fails(7, "this stand-in does not compile", "image", self.recipe, "-o", output)
        self.assertIn("srp", result.stderr)
        self.assertFalse(output.exists())
        self.assertFalse(output.with_name("out.vhd.partial").exists())


if __name__ == "__main__":
    unittest.main()
