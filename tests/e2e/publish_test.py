#!/usr/bin/python3
"""packer/publish with stand-ins for az and azcopy: normal runs and refusals."""
import base64
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

from e2e import SOURCE, sha256
from publishing import PUBLISH, RECIPE, PublishCase

GOLDEN = SOURCE / "tests/e2e/golden/publish-dry-run.txt"


class Publishing(PublishCase):
    def test_a_recipe_of_another_image_is_refused(self):
        self.recipe.write_text(RECIPE.replace("os: centos 7.7", "os: ubuntu 16.04"))
        _, err = self.publish(status=3)
        self.assertIn("it is for ubuntu 16.04, but the image is centos 7.7; give the recipe of this image", err)
        self.recipe.write_text(RECIPE.replace("generalize: true", "generalize: false"))
        self.bake(self.recipe, self.vhd)
        self.recipe.write_text(RECIPE)
        _, err = self.publish(status=3)
        self.assertIn("it says generalize: true, but the image is not generalized; bake it again", err)
        self.assertEqual(self.state()["changes"], 0)

    def test_dry_run_prints_every_command_and_runs_none(self):
        os.utime(self.vhd)
        out, err = self.publish("--dry-run", "--feature", "DiskControllerTypes=SCSI,NVMe", "--subscription", "sub 1",
                                path="/usr/bin:/bin")
        out = out.replace(sha256(f"{self.vhd}.manifest.json"), "MANIFEST-SHA256")
        key = self.manifest()["key"]
        out = out.replace(key, "KEY").replace(key[:32], "KEY-32")
        out = out.replace(sha256(self.vhd), "IMAGE-SHA256").replace(str(self.scratch), "DIR")
        self.assertEqual(err, "")
        if os.environ.get("BAKE_ACCEPT_GOLDEN") == "1":
            GOLDEN.write_text(out)
            self.fail(f"BAKE_ACCEPT_GOLDEN=1 wrote {GOLDEN}: read the change, then run the test without the variable")
        self.assertEqual(out, GOLDEN.read_text())
        self.assertFalse(self.log_file.exists())

    def test_end_to_end(self):
        out, err = self.publish()
        self.assert_published_once()
        self.assertEqual(out.strip().rsplit("/", 1)[1], "1.0.0")
        self.assertEqual(len(out.splitlines()), 1)
        self.assertIn("publish: published hpcgallery/centos-7.7-hpc 1.0.0\n", err)
        definition = self.definition()
        self.assertEqual(definition["osState"], "Generalized")
        self.assertEqual(definition["hyperVGeneration"], "V2")
        self.assertEqual(definition["features"], [{"name": "IsAcceleratedNetworkSupported", "value": "True"}])
        version = definition["versions"]["1.0.0"]
        self.assertEqual(version["regions"], ["northeurope=2", "westeurope"])
        tags = version["tags"]
        self.assertEqual(tags.pop("bake_key"), self.manifest()["key"])
        self.assertEqual(len(tags.pop("bake_manifest_sha256")), 64)
        self.assertEqual(len(tags.pop("bake_image_sha256")), 64)
        self.assertEqual(tags, {"bake_version": "0.0-standin", "bake_os": "centos 7.7", "bake_ofed": "5.5-1.0.3.2",
                                "bake_kernel": "3.10.0-1062.el7.x86_64", "bake_disk_bytes": "20971520",
                                "bake_vm_sizes": "Standard_HB120rs_v2,Standard_HC44rs"})

    def test_the_access_signature_is_in_no_message(self):
        out, err = self.publish()
        self.assertNotIn("sig=secret", out + err)

    def test_the_same_image_again_does_nothing(self):
        first, _ = self.publish()
        changes = self.state()["changes"]
        second, err = self.publish()
        self.assertEqual(second, first)
        self.assertIn("publish: already published as version 1.0.0\n", err)
        self.assertEqual(self.state()["changes"], changes)

    def test_another_bake_of_the_same_inputs_is_the_same_image(self):
        self.publish()
        self.bake(self.recipe, self.vhd)
        changes = self.state()["changes"]
        _, err = self.publish()
        self.assertIn("publish: already published as version 1.0.0\n", err)
        self.assertEqual(self.state()["changes"], changes)

    def test_manifest_alone_names_the_image(self):
        self.publish(image=["--recipe", self.recipe, "--manifest", f"{self.vhd}.manifest.json"])
        self.assert_published_once()

    def test_version_arithmetic(self):
        expected = []
        for wanted, version in (("+1", "1.0.0"), ("+1", "1.0.1"), ("1.9.9", "1.9.9"), ("1.10.0", "1.10.0"),
                                ("+1", "1.10.1"), ("1.0.+1", "1.0.2"), ("2.0.+1", "2.0.0"), ("1.9.+1", "1.9.10")):
            self.bake_another(version)
            self.publish("--version", wanted)
            expected.append(version)
            self.assertEqual(sorted(self.versions()), sorted(expected))
        self.assertEqual(self.state()["disks"], {})

    def test_two_publishers_at_once_take_two_numbers(self):
        self.publish("--version", "3.0.0")  # makes the definition
        images = [self.bake_another(name) for name in ("one", "other")]
        processes = [subprocess.Popen([PUBLISH, "--recipe", self.recipe, "--vhd", vhd, "--poll", "0"],
                                      env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                     for vhd in images]
        self.assertEqual([process.wait(timeout=60) for process in processes], [0, 0])
        self.assertEqual(sorted(self.versions()), ["3.0.0", "3.0.1", "3.0.2"])


class Refused(PublishCase):
    def refuse(self, status, message, *arguments, **options):
        out, err = self.publish(*arguments, status=status, **options)
        self.assertIn(message, err)
        self.assertEqual(out, "")
        self.assertEqual(self.state()["changes"], 0)
        return err

    def test_usage(self):
        self.refuse(2, "--recipe is missing", image=[])
        self.refuse(2, "--vhd or --manifest is missing", image=["--recipe", self.recipe])
        self.refuse(2, "unknown option '--force'", "--force", "x")
        self.refuse(2, "'--version' is not an option or has no value", "--version")
        for version in ("1.2", "1.2.3.4", "01.2.3", "v1.2.3", "1.2.x", "+2", ""):
            self.refuse(2, f"'{version}' is not a version", "--version", version)
        self.refuse(2, "--sas-hours takes 1 to 720", "--sas-hours", "721")
        self.refuse(2, "feature 'a b' is not KEY=VALUE", "--feature", "a b")

    def test_missing_tool(self):
        tools = self.scratch / "bin"
        tools.mkdir()
        for name in ("bash", "dirname", "readlink", "env"):
            (tools / name).symlink_to(f"/usr/bin/{name}")
        self.refuse(6, "looking for 'az': not on PATH", path=str(tools))

    def test_every_problem_of_the_gallery_block_at_once(self):
        self.recipe.write_text("gallery:\n  name: hpc-gallery\n  definition: d\n  hyper_v_generation: V3\n"
                               "  features: [A B=c]\n")
        err = self.refuse(5, "gallery has no 'resource_group'")
        for problem in ("'hpc-gallery' is not a valid 'name' in Azure", "gallery has no 'publisher'",
                        "gallery has no 'location'", "'hyper_v_generation' must be V1 or V2",
                        "'features' must be a list of KEY=VALUE"):
            self.assertIn(problem, err)

    def test_recipe_without_gallery(self):
        self.recipe.write_text("schema: bake/v1\n")
        self.refuse(5, "it has no 'gallery' block")

    def test_recipe_that_is_not_yaml(self):
        self.recipe.write_text("a: [\n")
        self.refuse(5, "reading recipe")

    def test_missing_recipe_image_and_manifest(self):
        self.refuse(5, "No such file", image=["--recipe", self.scratch / "no.yaml", "--vhd", self.vhd])
        self.refuse(5, "bake writes it next to the image", image=["--recipe", self.recipe, "--vhd", self.scratch / "no"])
        manifest = f"{self.vhd}.manifest.json"
        self.refuse(5, "reading image", image=["--recipe", self.recipe, "--vhd", self.scratch / "no", "--manifest", manifest])

    def test_manifest_of_another_kind(self):
        manifest = Path(f"{self.vhd}.manifest.json")
        for text in ("", "[]", "{}", '{"schema": "other"}', '{"schema": "bake-manifest/v1"}',
                     '{"schema": "bake-manifest/v1", "key": "x"}', "\xff"):
            manifest.write_text(text, encoding="latin-1")
            self.refuse(5, f"reading manifest '{manifest}'")

    def test_image_that_does_not_match_the_manifest(self):
        with open(self.vhd, "r+b") as file:
            file.seek(4 << 20)
            file.write(b"changed")
        self.refuse(4, "not the image of this manifest")
        os.truncate(self.vhd, 20 << 20)
        self.refuse(4, "not the image of this manifest")

    def test_generation_2_without_efi_partition(self):
        with open(self.vhd, "r+b") as file:
            file.seek(1024)
            file.write(b"\x11" * 16)
        document = self.manifest()
        document["product"]["sha256"] = sha256(self.vhd)
        Path(f"{self.vhd}.manifest.json").write_text(json.dumps(document))
        self.refuse(3, "the disk has no EFI system partition")
        self.recipe.write_text(RECIPE.replace("  hyper_v_generation: V2\n", ""))
        self.publish()
        self.assertEqual(self.definition()["hyperVGeneration"], "V1")

    def test_another_publish_of_the_same_image(self):
        key = self.manifest()["key"]
        directory = self.scratch / self.machine / "bake/publish"
        directory.mkdir(parents=True)
        with open(directory / f"bake-{key[:32]}", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuse(1, "another publish of this image is running")
            copy = self.scratch / "copy.vhd"  # a copy is still the same image
            for suffix in ("", ".manifest.json"):
                shutil.copy(f"{self.vhd}{suffix}", f"{copy}{suffix}")
            self.refuse(1, "another publish of this image is running", image=["--recipe", self.recipe, "--vhd", copy])

    def test_lock_directory_cannot_be_made(self):
        (self.scratch / self.machine).write_text("not a directory")
        self.refuse(6, "cannot lock a file below")

    def test_missing_gallery(self):
        self.set_state(galleries={})
        self.refuse(1, "'Microsoft.Compute/galleries/hpcgallery' was not found")

    def test_definition_of_another_kind(self):
        other = {"name": "centos-7.7-hpc", "osState": "Specialized", "hyperVGeneration": "V2", "features": None,
                 "versions": {}}
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        self.refuse(3, "the image is Generalized, but definition 'centos-7.7-hpc' is for Specialized images")
        other.update(osState="Generalized", hyperVGeneration="V1")
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        self.refuse(3, "the image is for Hyper-V generation V2, but definition 'centos-7.7-hpc' is for V1")

    def test_trusted_launch_is_warned_about(self):
        other = {"name": "centos-7.7-hpc", "osState": "Generalized", "hyperVGeneration": "V2", "versions": {},
                 "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]}
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        _, err = self.publish()
        self.assertIn("allows Trusted Launch", err)

    def test_newer_az_makes_no_trusted_launch_definition(self):
        """Since 2.61.0 az makes V2 definitions that allow Trusted Launch by default; older ones do not know the value Standard."""
        plain = [{"name": "IsAcceleratedNetworkSupported", "value": "True"}]
        for version in ("2.45.0", "2.60.0", "2.61.0", "2.100.0"):
            with self.subTest(version):
                self.set_state(az=version)
                _, err = self.publish()
                self.assertEqual(self.definition()["features"], plain)
                self.assertNotIn("Trusted Launch", err)

    def test_generation_1_needs_no_security_type(self):
        self.recipe.write_text(RECIPE.replace("V2", "V1"))
        self.set_state(az="2.76.0")
        self.publish()
        self.assertEqual(self.definition()["features"], [{"name": "IsAcceleratedNetworkSupported", "value": "True"}])

    def test_features_of_the_recipe(self):
        self.recipe.write_text(RECIPE + "  features: [SecurityType=TrustedLaunchSupported, \"DiskControllerTypes=SCSI,NVMe\"]\n")
        for version in ("2.45.0", "2.76.0"):
            with self.subTest(version):
                self.set_state(az=version)
                _, err = self.publish()
                self.assertEqual(self.definition()["features"],
                                 [{"name": "SecurityType", "value": "TrustedLaunchSupported"},
                                  {"name": "DiskControllerTypes", "value": "SCSI,NVMe"}])
                self.assertIn("allows Trusted Launch", err)  # read from the definition that was just made

    def test_features_of_the_command_line_replace_features_of_the_recipe(self):
        self.recipe.write_text(RECIPE + "  features: DiskControllerTypes=SCSI\n")
        self.publish("--feature", "IsHibernateSupported=True")
        self.assertEqual(self.definition()["features"], [{"name": "IsHibernateSupported", "value": "True"}])

    def test_version_that_another_image_has(self):
        self.publish("--version", "2.0.0")
        self.bake_another("other")
        _, err = self.publish("--version", "2.0.0", status=3)
        self.assertIn("version 2.0.0 already exists for another image", err)
        self.assertNotIn("make staging disk", err)
        self.assert_published_once("2.0.0")


class SecureBoot(PublishCase):
    """An image whose modules a key of the site signed."""

    def setUp(self):
        super().setUp()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-outform", "DER",
                        "-out", self.scratch / "site.der", "-subj", "/CN=site"], check=True, capture_output=True)
        self.der = (self.scratch / "site.der").read_bytes()
        self.sign(self.der)

    def sign(self, der, **changes):
        document = self.manifest()
        certificate = {"subject": "CN=site", "sha256": hashlib.sha256(der).hexdigest(),
                       "base64": base64.b64encode(der).decode()}
        document["secure_boot"] = {"certificates": [dict(certificate, **changes)]}
        Path(f"{self.vhd}.manifest.json").write_text(json.dumps(document))

    def test_the_version_carries_the_certificate(self):
        _, err = self.publish()
        self.assert_published_once()
        self.assertEqual(self.definition()["features"], [{"name": "IsAcceleratedNetworkSupported", "value": "True"},
                                                         {"name": "SecurityType", "value": "TrustedLaunchSupported"}])
        version = self.definition()["versions"]["1.0.0"]
        self.assertEqual(version["uefiSettings"], {
            "signatureTemplateNames": ["MicrosoftUefiCertificateAuthorityTemplate"],
            "additionalSignatures": {"db": [{"type": "x509", "value": [base64.b64encode(self.der).decode()]}]}})
        self.assertEqual(version["regions"], ["northeurope=2", "westeurope"])
        self.assertEqual(version["tags"]["bake_key"], self.manifest()["key"])
        self.assertIn("publish: version 1.0.0 has the keys of the manifest\n", err)
        self.assertNotIn("warning", err)

    def test_the_certificate_is_on_one_line(self):
        out, _ = self.publish("--dry-run", path="/usr/bin:/bin")
        line, = [line for line in out.splitlines() if line.startswith("az rest --method put")]
        arguments = shlex.split(line)
        document = json.loads(arguments[arguments.index("--body") + 1])
        value, = document["properties"]["securityProfile"]["uefiSettings"]["additionalSignatures"]["db"][0]["value"]
        self.assertNotIn("\n", value)
        self.assertEqual(base64.b64decode(value, validate=True), self.der)
        self.assertIn("/galleries/hpcgallery/images/centos-7.7-hpc/versions/1.0.0?api-version=2024-03-03",
                      arguments[arguments.index("--url") + 1])
        self.assertEqual(self.state()["changes"], 0)

    def test_a_second_run_compares_the_keys_again(self):
        self.publish()
        _, err = self.publish()
        self.assertIn("already published as version 1.0.0", err)
        self.assertIn("version 1.0.0 has the keys of the manifest", err)

    def test_azure_kept_other_keys(self):
        other = base64.b64encode(self.der + b"x").decode()
        self.set_state(keeps_keys={"signatureTemplateNames": ["NoSignatureTemplate"],
                                   "additionalSignatures": {"db": [{"type": "x509", "value": [other]}]}})
        _, err = self.publish(status=1)
        self.assertIn("checking the keys of version 1.0.0: the template is ['NoSignatureTemplate'], not "
                      "MicrosoftUefiCertificateAuthorityTemplate; db has 1 keys, and they are not those of the manifest", err)

    def test_azure_shows_no_keys(self):
        self.set_state(hides_keys=True)
        _, err = self.publish()
        self.assertIn("warning: Azure does not show the keys of version 1.0.0; look at them on a VM: mokutil --db", err)

    def test_definition_without_trusted_launch(self):
        other = {"name": "centos-7.7-hpc", "osState": "Generalized", "hyperVGeneration": "V2", "features": None, "versions": {}}
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        _, err = self.publish(status=3)
        self.assertIn("its modules are signed for Secure Boot, but definition 'centos-7.7-hpc' does not allow Trusted Launch", err)
        self.assertEqual(self.state()["changes"], 0)

    def test_existing_definition_with_trusted_launch(self):
        other = {"name": "centos-7.7-hpc", "osState": "Generalized", "hyperVGeneration": "V2", "versions": {},
                 "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]}
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        _, err = self.publish()
        self.assertNotIn("warning", err)
        self.assert_published_once()

    def test_recipe_that_contradicts(self):
        self.recipe.write_text(RECIPE.replace("V2", "V1") + "  features: [SecurityType=Standard]\n")
        _, err = self.publish(status=3)
        self.assertIn("which needs generation V2", err)
        self.assertIn("feature 'SecurityType=Standard' does not allow Trusted Launch", err)

    def test_regions_without_keys(self):
        self.recipe.write_text(RECIPE.replace("northeurope=2", "ukwest=2, usgovvirginia"))
        _, err = self.publish()
        self.assertIn("warning: Azure does not support keys of the firmware in region ukwest", err)
        self.assertIn("region usgovvirginia", err)

    def test_wrong_certificates(self):
        text = base64.b64encode(self.der).decode()
        for changes in ({"base64": text[:64] + "\n" + text[64:]}, {"sha256": "0" * 64}, {"base64": "bm8="}, {"base64": "*"}):
            with self.subTest(changes):
                self.sign(self.der, **changes)
                _, err = self.publish(status=5)
                self.assertIn("reading manifest", err)
        self.assertEqual(self.state()["changes"], 0)


if __name__ == "__main__":
    unittest.main()
