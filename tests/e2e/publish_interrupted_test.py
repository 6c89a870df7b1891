#!/usr/bin/python3
"""packer/publish against stand-ins for az and azcopy: an interruption at any of its steps, followed by a second run, ends with
exactly one version and no staging disk; and what another machine has begun is left alone."""
import json
import unittest

from e2e import sha256
from publishing import PublishCase

CHANGES = 8  # of a publish into an empty gallery: definition, disk, SAS, upload, revoke, mark, version, delete disk


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
        digest = sha256(self.vhd)
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


if __name__ == "__main__":
    unittest.main()
