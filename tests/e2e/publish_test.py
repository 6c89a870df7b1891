#!/usr/bin/python3
"""packer/publish against stand-ins for az and azcopy: what it does, what it refuses, and that an interruption at any of
its steps, followed by a second run, ends with exactly one version and no staging disk."""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PUBLISH = SOURCE / "packer/publish"
STANDINS = SOURCE / "tests/standins"
GOLDEN = SOURCE / "tests/e2e/golden/publish-dry-run.txt"
CHANGES = 8  # of a publish into an empty gallery: definition, disk, SAS, upload, revoke, mark, version, delete disk

RECIPE = """\
schema: bake/v1
os: centos 7.7
vm_sizes: [Standard_HB120rs_v2, Standard_HC44rs]
generalize: true
gallery:
  resource_group: images
  name: hpcgallery
  definition: centos-7.7-hpc
  publisher: contoso
  offer: hpc
  sku: 7.7
  location: westeurope
  hyper_v_generation: V2
  target_regions: [northeurope=2, westeurope]
"""


class PublishCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)
        self.state_file = self.scratch / "state.json"
        self.log_file = self.scratch / "log"
        self.set_state()
        self.recipe = self.scratch / "image.yaml"
        self.recipe.write_text(RECIPE)
        self.vhd = self.scratch / "image.vhd"
        self.bake(self.recipe, self.vhd)
        self.machine = "one"

    def bake(self, recipe, vhd):
        subprocess.run([STANDINS / "pipeline/bake", "--progress", "plain", "image", recipe, "-o", vhd, "--force"],
                       check=True, capture_output=True)

    def bake_another(self, name):
        """Bakes an image of another content address, to publish next."""
        self.recipe.write_text(RECIPE + f"name: {name}\n")
        self.vhd = self.scratch / f"{name}.vhd"
        self.bake(self.recipe, self.vhd)
        return self.vhd

    def set_state(self, **values):
        self.state_file.write_text(json.dumps(
            dict({"galleries": {"hpcgallery": {}}, "disks": {}, "changes": 0, "creating_looks": 1}, **values)))

    def state(self):
        return json.loads(self.state_file.read_text())

    def definition(self):
        return self.state()["galleries"]["hpcgallery"]["centos-7.7-hpc"]

    def versions(self):
        return {name: version["provisioningState"] for name, version in self.definition()["versions"].items()}

    def publish(self, *arguments, status=0, fault="", path=f"{STANDINS}/azure:{os.environ['PATH']}", image=None):
        """Runs publish in a process group of its own, which the stand-ins may kill."""
        image = ["--recipe", self.recipe, "--vhd", self.vhd] if image is None else image
        environment = dict(os.environ, PATH=path, XDG_STATE_HOME=str(self.scratch / self.machine), AZURE_STANDIN_STATE=str(self.state_file),
                           AZURE_STANDIN_LOG=str(self.log_file), AZURE_STANDIN_FAULT=fault)
        process = subprocess.Popen([PUBLISH, *image, "--poll", "0", *arguments], env=environment, text=True,
                                   start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   # A test run in the background has it ignored, which bash cannot undo.
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, status, err)
        return out, err

    def calls(self):
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def assert_published_once(self, version="1.0.0"):
        self.assertEqual(self.versions(), {version: "Succeeded"})
        self.assertEqual(self.state()["disks"], {})


class Publishing(PublishCase):
    def test_dry_run_prints_every_command_and_contacts_nobody(self):
        os.utime(self.vhd)
        out, err = self.publish("--dry-run", "--feature", "DiskControllerTypes=SCSI,NVMe", "--subscription", "sub 1",
                                path="/usr/bin:/bin")
        digest = subprocess.run(["sha256sum", f"{self.vhd}.manifest.json"], capture_output=True, text=True).stdout[:64]
        out = out.replace(digest, "MANIFEST-SHA256")
        key = json.loads(Path(f"{self.vhd}.manifest.json").read_text())["key"]
        out = out.replace(key, "KEY").replace(key[:32], "KEY-32")
        image = subprocess.run(["sha256sum", self.vhd], capture_output=True, text=True).stdout[:64]
        out = out.replace(image, "IMAGE-SHA256").replace(str(self.scratch), "DIR")
        self.assertEqual(err, "")
        if os.environ.get("BAKE_ACCEPT_GOLDEN") == "1":
            GOLDEN.write_text(out)
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
        manifest = json.loads(Path(f"{self.vhd}.manifest.json").read_text())
        self.assertEqual(tags.pop("bake_key"), manifest["key"])
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

    def test_another_bake_of_the_same_is_the_same_image(self):
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
        environment = dict(os.environ, PATH=f"{STANDINS}/azure:{os.environ['PATH']}",
                           XDG_STATE_HOME=str(self.scratch / self.machine), AZURE_STANDIN_STATE=str(self.state_file))
        self.publish("--version", "3.0.0")  # the definition is there
        images = [self.bake_another(name) for name in ("one", "other")]
        processes = [subprocess.Popen([PUBLISH, "--recipe", self.recipe, "--vhd", vhd, "--poll", "0"], env=environment,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for vhd in images]
        self.assertEqual([process.wait(timeout=60) for process in processes], [0, 0])
        self.assertEqual(sorted(self.versions()), ["3.0.0", "3.0.1", "3.0.2"])


class Interrupted(PublishCase):
    """Interrupted after each of its changes in turn, then run again."""

    def interrupt(self, kind, status):
        for number in range(1, CHANGES + 1):
            with self.subTest(fault=f"{kind}:{number}"):
                self.set_state()
                self.publish(fault=f"{kind}:{number}", status=status)
                if kind != "kill" and not self.any_versions():
                    self.assertEqual(self.state()["disks"], {}, "a failed run leaves no staging disk")
                self.publish()
                self.assert_published_once()

    def any_versions(self):
        return "centos-7.7-hpc" in self.state()["galleries"]["hpcgallery"] and self.versions()

    def test_the_number_of_changes(self):
        self.publish()
        self.assertEqual(self.state()["changes"], CHANGES)

    def test_killed(self):
        self.interrupt("kill", -9)

    def test_interrupted_by_ctrl_c(self):
        self.interrupt("int", 130)

    def test_terminated(self):
        """130 as after Ctrl-C, and as bake itself ends: what build servers send is SIGTERM or SIGHUP."""
        self.interrupt("term", 130)

    def test_hung_up(self):
        self.publish(fault="hup:4", status=130)
        self.assertEqual(self.state()["disks"], {})

    def test_command_fails_before_it_acts(self):
        self.interrupt("fail-before", 1)

    def test_command_fails_after_it_acted(self):
        self.interrupt("fail-after", 1)

    def test_version_fails_in_azure(self):
        self.set_state(ends_as="Failed")
        _, err = self.publish(status=1)
        self.assertIn("Azure ended version 1.0.0 in state 'Failed'; run again to replace it", err)
        self.assertEqual(self.versions(), {"1.0.0": "Failed"})
        self.assertEqual(self.state()["disks"], {})
        state = self.state()
        del state["ends_as"]
        self.state_file.write_text(json.dumps(state))
        self.publish()
        self.assert_published_once()

    def test_baked_again_while_azure_makes_the_version(self):
        """A job that was cancelled then, on a machine that cleared its workspace."""
        self.set_state(creating_looks=5)
        _, err = self.publish("--timeout", "0", status=1)
        self.assertIn("kept staging disk", err)
        self.bake(self.recipe, self.vhd)
        self.publish()
        self.assert_published_once()

    def test_baked_again_after_the_upload(self):
        """The disk holds other bytes than the image of now: the version must be what its tags say."""
        self.publish(fault="kill:6", status=-9)
        disk, = self.state()["disks"].values()
        self.assertEqual(disk["tags"]["bake_upload"], "complete")
        self.bake(self.recipe, self.vhd)
        self.publish()
        self.assert_published_once()
        image, = self.definition()["versions"].values()
        digest = subprocess.run(["sha256sum", self.vhd], capture_output=True, text=True).stdout[:64]
        self.assertEqual(image["tags"]["bake_image_sha256"], digest)
        self.assertEqual(image["content"], digest)

    def test_timeout_keeps_the_disk_that_azure_reads_and_goes_on_later(self):
        self.set_state(creating_looks=5)
        _, err = self.publish("--timeout", "0", status=1)
        self.assertIn("is still in state 'Creating' after 0 s; run again to go on waiting", err)
        self.assertIn("kept staging disk", err)
        self.assertEqual(len(self.state()["disks"]), 1)
        self.publish()
        self.assert_published_once()


class TwoMachines(PublishCase):
    """The same image from two machines: `machine` is where the lock and the id of a machine's runs lie."""

    def leave_disk(self, after):
        """Kills a publish on the other machine after its change of that number."""
        self.machine = "other"
        self.publish(fault=f"kill:{after}", status=-9)
        self.machine = "one"
        disk, = self.state()["disks"].values()
        return disk

    def test_an_unfinished_upload_of_another_machine_is_left_alone(self):
        for after, state in ((2, "ReadyToUpload"), (3, "ActiveUpload"), (4, "ActiveUpload"), (5, "Unattached")):
            with self.subTest(state=state, after=after):
                self.set_state()
                disk = self.leave_disk(after)
                self.assertEqual(disk["diskState"], state)
                _, err = self.publish(status=1)
                self.assertIn(f"another machine is uploading this image to staging disk '{disk['name']}'", err)
                self.assertIn("--take-over", err)
                self.assertEqual(list(self.state()["disks"].values()), [disk])
                self.publish("--take-over")
                self.assert_published_once()

    def test_its_own_machine_goes_on_by_itself(self):
        self.leave_disk(4)
        self.machine = "other"
        self.publish()
        self.assert_published_once()

    def test_a_finished_upload_of_another_machine_is_used_and_removed(self):
        self.leave_disk(6)
        _, err = self.publish()
        self.assertIn("holds the image already", err)
        self.assert_published_once()

    def test_a_failure_leaves_the_disk_of_another_machine(self):
        disk = self.leave_disk(6)
        self.publish(fault="fail-before:7", status=1)
        self.assertEqual(list(self.state()["disks"].values()), [disk])

    def test_a_version_that_another_made_in_the_meantime_is_taken(self):
        """Looked for once more when the upload is done: it took hours."""
        out, _ = self.publish(fault="rival:6")
        self.assertEqual(out.strip().rsplit("/", 1)[1], "1.0.0")
        self.assert_published_once()

    def test_a_failure_leaves_the_disk_that_another_makes_its_version_of(self):
        """Another publish found the finished upload and began its version; then this one fails."""
        _, err = self.publish(fault="rival-first:7", status=1)
        self.assertIn("kept staging disk", err)
        self.publish()
        self.assert_published_once()

    def test_an_upload_that_was_taken_over_is_given_up(self):
        """The disk is another's when azcopy comes back: its access is not revoked, and it is not removed."""
        self.publish(fault="robbed:4", status=1)
        disk, = self.state()["disks"].values()
        self.assertEqual((disk["diskState"], disk["tags"]["bake_run"]), ("ActiveUpload", "another"))


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
        self.refuse(2, "'--version' is unknown or lacks its value", "--version")
        for version in ("1.2", "1.2.3.4", "01.2.3", "v1.2.3", "1.2.x", "+2", ""):
            self.refuse(2, f"'{version}' is no version", "--version", version)
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
        self.refuse(5, "bake writes it beside the image", image=["--recipe", self.recipe, "--vhd", self.scratch / "no"])
        manifest = f"{self.vhd}.manifest.json"
        self.refuse(5, "reading image", image=["--recipe", self.recipe, "--vhd", self.scratch / "no", "--manifest", manifest])

    def test_manifest_of_something_else(self):
        manifest = Path(f"{self.vhd}.manifest.json")
        for text in ("", "[]", "{}", '{"schema": "other"}', '{"schema": "bake-manifest/v1"}',
                     '{"schema": "bake-manifest/v1", "key": "x"}', "\xff"):
            manifest.write_text(text, encoding="latin-1")
            self.refuse(5, f"reading manifest '{manifest}'")

    def test_image_that_is_not_the_one_of_the_manifest(self):
        with open(self.vhd, "r+b") as file:
            file.seek(4 << 20)
            file.write(b"changed")
        self.refuse(4, "not the image of this manifest")
        os.truncate(self.vhd, 20 << 20)
        self.refuse(4, "not the image of this manifest")

    def test_generation_2_without_efi_partition(self):
        manifest = Path(f"{self.vhd}.manifest.json")
        document = json.loads(manifest.read_text())
        with open(self.vhd, "r+b") as file:
            file.seek(1024)
            file.write(b"\x11" * 16)
        document["product"]["sha256"] = subprocess.run(["sha256sum", self.vhd], capture_output=True,
                                                       text=True).stdout[:64]
        manifest.write_text(json.dumps(document))
        self.refuse(3, "the disk has no EFI system partition")
        self.recipe.write_text(RECIPE.replace("  hyper_v_generation: V2\n", ""))
        self.publish()
        self.assertEqual(self.definition()["hyperVGeneration"], "V1")

    def test_another_publish_of_the_same_image(self):
        key = json.loads(Path(f"{self.vhd}.manifest.json").read_text())["key"]
        directory = self.scratch / self.machine / "bake/publish"
        directory.mkdir(parents=True)
        with open(directory / f"bake-{key[:32]}", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuse(1, "another publish of it is running")
            copy = self.scratch / "copy.vhd"  # elsewhere it is the same image still
            for suffix in ("", ".manifest.json"):
                shutil.copy(f"{self.vhd}{suffix}", f"{copy}{suffix}")
            self.refuse(1, "another publish of it is running", image=["--recipe", self.recipe, "--vhd", copy])

    def test_nowhere_to_lock(self):
        (self.scratch / self.machine).write_text("no directory")
        self.refuse(6, "no lock")

    def test_missing_gallery(self):
        self.set_state(galleries={})
        self.refuse(1, "'Microsoft.Compute/galleries/hpcgallery' was not found")

    def test_definition_of_another_kind(self):
        other = {"name": "centos-7.7-hpc", "osState": "Specialized", "hyperVGeneration": "V2", "features": None,
                 "versions": {}}
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        self.refuse(3, "the image is Generalized, but definition 'centos-7.7-hpc' holds Specialized images")
        other.update(osState="Generalized", hyperVGeneration="V1")
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        self.refuse(3, "the image is for Hyper-V generation V2, but definition 'centos-7.7-hpc' holds V1")

    def test_trusted_launch_is_warned_about(self):
        other = {"name": "centos-7.7-hpc", "osState": "Generalized", "hyperVGeneration": "V2", "versions": {},
                 "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]}
        self.set_state(galleries={"hpcgallery": {"centos-7.7-hpc": other}})
        _, err = self.publish()
        self.assertIn("allows Trusted Launch", err)

    def test_newer_az_makes_no_trusted_launch_definition(self):
        """Since 2.61.0 az makes V2 definitions that allow Trusted Launch unless told otherwise; older ones know no Standard."""
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
                self.assertIn("allows Trusted Launch", err)  # seen in the definition that was just made

    def test_features_of_the_command_line_go_before_those_of_the_recipe(self):
        self.recipe.write_text(RECIPE + "  features: DiskControllerTypes=SCSI\n")
        self.publish("--feature", "IsHibernateSupported=True")
        self.assertEqual(self.definition()["features"], [{"name": "IsHibernateSupported", "value": "True"}])

    def test_version_that_another_image_has(self):
        self.publish("--version", "2.0.0")
        self.bake_another("other")
        _, err = self.publish("--version", "2.0.0", status=3)
        self.assertIn("version 2.0.0 exists and is another image", err)
        self.assertNotIn("make staging disk", err)
        self.assert_published_once("2.0.0")


if __name__ == "__main__":
    unittest.main()
