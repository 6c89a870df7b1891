"""The main job end to end, the same for every guest: the five commands of the README and their results."""
import json
import os

from e2e import BakeCase, run, sha256

MEBIBYTE = 1 << 20


class MainJob(BakeCase):
    """Subclasses set `base` and `bundle` in setUpClass and call bake_all()."""

    vm_size = "Standard_HB120rs_v2"
    recipe_edits = ()  # (old text, new text) pairs

    @classmethod
    def bake_all(cls):
        cls.base_digest = sha256(cls.base)
        cls.add_bundle(cls.bundle)
        cls.recipe = cls.scratch / "image.yaml"
        text = cls.bake("init", cls.base, "--vm-size", cls.vm_size).stdout
        for old, new in cls.recipe_edits:
            assert old in text, f"{old!r} is not in the recipe:\n{text}"
            text = text.replace(old, new)
        cls.recipe.write_text(text)
        cls.output = cls.scratch / "out.vhd"
        cls.plan = json.loads(cls.bake("plan", cls.recipe, "--json").stdout)
        # No network at all: the job runs in an empty network namespace.
        cls.bake("key", "new", "--out", cls.scratch / "site")
        cls.baked = cls.bake("image", cls.recipe, "-o", cls.output, "--json", "--sign-key", cls.scratch / "site.key",
                             prefix=("unshare", "-n"))
        cls.manifest = json.loads(cls.baked.stdout)

    def test_the_base_is_untouched(self):
        self.assertEqual(sha256(self.base), self.base_digest)
        self.assertEqual(self.manifest["base"]["sha256"], self.base_digest)

    def test_the_output_is_a_fixed_vhd_of_whole_mebibytes(self):
        self.assertEqual(self.virtual_size(self.output) % MEBIBYTE, 0)
        self.assertEqual(self.output.stat().st_size, self.virtual_size(self.output) + 512)
        self.bake("vhd", "check", self.output)

    def test_the_output_is_sparse(self):
        self.assertLess(self.output.stat().st_blocks * 512, self.output.stat().st_size)

    def test_one_appliance_launch(self):
        self.assertEqual(self.manifest["product"]["appliance_launches"], 1)

    def test_the_plan_is_what_was_done(self):
        self.assertTrue(self.plan["works"])
        self.assertEqual(self.manifest["changes"], self.plan["changes"])
        self.assertEqual(self.manifest["fit"], self.plan["fit"])

    def test_no_check_failed(self):
        self.assertEqual([c for c in self.manifest["checks"] if c["status"] == "failed" and c["level"] == "required"], [])

    def test_the_manifest_is_next_to_the_image(self):
        written = self.output.with_name("out.vhd.manifest.json")
        self.assertEqual(json.loads(written.read_text()), self.manifest)
        self.assertEqual(self.manifest["product"]["sha256"], sha256(self.output))

    def test_the_sboms_list_every_package_of_the_image(self):
        spdx = json.loads(self.output.with_name("out.vhd.sbom.spdx.json").read_text())
        image, *packages = spdx["packages"]
        self.assertEqual(image["checksums"][0]["checksumValue"], sha256(self.output))
        self.assertEqual([(p["name"], p["versionInfo"]) for p in packages],
                         [(p["name"], p["version"]) for p in self.manifest["packages"]])
        self.assertLessEqual(set(self.inspected_packages(self.output)) - {"gpg-pubkey"}, {p["name"] for p in packages})
        installed = [c for c in self.plan["changes"] if c["action"] != "remove"]
        injected = [p for p in packages if "annotations" in p]
        self.assertEqual(sorted((p["name"], p["versionInfo"]) for p in injected),
                         sorted((c["name"], c["version"]) for c in installed))
        self.assertEqual([p["name"] for p in injected if len(p["checksums"][0]["checksumValue"]) != 64], [])
        cyclonedx = json.loads(self.output.with_name("out.vhd.sbom.cdx.json").read_text())
        self.assertEqual([c["purl"] for c in cyclonedx["components"]],
                         [p["externalRefs"][0]["referenceLocator"] for p in packages])

    def test_sha256sum_accepts_the_checksums(self):
        run("sha256sum", "--strict", "-c", "out.vhd.SHA256SUMS", cwd=self.output.parent)

    def test_verify_agrees(self):
        result = json.loads(self.bake("verify", self.output, "--key", self.scratch / "site.pub", "--json").stdout)
        self.assertTrue(result["ok"])
        passed = [check["check"] for check in result["checks"] if check["status"] == "passed"]
        for name in ("container", "packages", "package database", "kernel", "module", "services", "agent", "holds",
                     "module loading", "locked memory", "ib-firstboot", "setuid files", "file capabilities", "authorized keys", "traces",
                     "digest", "manifest", "files", "sbom", "sbom cyclonedx", "provenance", "signature", "checksums"):
            self.assertIn(name, passed)
        # No file changed since: the third run shows the checks of the second and starts no appliance.
        without_key = self.bake("verify", self.output, "--json")
        again = self.bake("verify", self.output, "--json")
        self.assertEqual(json.loads(again.stdout)["checks"], json.loads(without_key.stdout)["checks"])
        self.assertIn("verified_at", json.loads(again.stdout))
        self.assertNotIn("verified_at", json.loads(without_key.stdout))
        self.assertNotIn("start the appliance", again.stderr)

    def test_a_second_plan_uses_the_facts_of_the_first(self):
        if self.base.stat().st_uid != os.geteuid():
            self.skipTest("another user owns the base, so bake keeps no facts about it")
        again = self.bake("plan", self.recipe, "--json")
        self.assertEqual(json.loads(again.stdout), self.plan)
        self.assertNotIn("start the appliance", again.stderr)

    def test_another_program_sees_the_packages(self):
        seen = self.inspected_packages(self.output)
        for package in self.manifest["expectations"]["packages"]:
            self.assertIn(package["name"], seen)
        self.assertNotIn("mlnx-fw-updater", seen)

    def check_selinux_labels(self):
        """For guests with SELinux: the labels agree with the guest's policy. Without setfiles the first boot sets them."""
        label, = [c for c in self.manifest["checks"] if c["check"] == "SELinux labels"]
        if self.plan["configure"]["selinux_labels"] != "setfiles":
            self.assertEqual(label["status"], "skipped", label["evidence"])
            self.skipTest(f"the guest has no setfiles or no policy: {label['evidence']}")
        self.assertEqual(label["status"], "passed", label["evidence"])
        self.assertIn("has the label that the guest's policy names", label["evidence"])

    def test_progress_went_to_standard_error_line_by_line(self):
        self.assertIn("] inspect\n", self.baked.stderr)
        self.assertNotIn("\r", self.baked.stderr)
        self.assertEqual(self.baked.stderr.count("copy"), 1, self.baked.stderr)


def guest_text(output, *commands):
    """What guestfish prints of the baked disk; a program other than bake looks."""
    return run("guestfish", "--ro", "--format=raw", "-a", output, "-i", *commands).stdout
