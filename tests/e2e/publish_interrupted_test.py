#!/usr/bin/python3
"""packer/publish with stand-ins for az and azcopy: after an interruption at any step and a second run there is exactly one
version and no staging disk. publish does not touch an upload of another machine."""
import json
import unittest

from e2e import sha256
from publishing import PublishCase

CHANGES = 8  # of a publish into an empty gallery: definition, disk, SAS, upload, revoke, mark, version, delete disk


class Interrupted(PublishCase):
    """Each test interrupts publish after each of its changes in turn, then runs it again."""

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
        """Exit code 130 as after Ctrl-C, because build servers send SIGTERM or SIGHUP."""
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
        """As after a cancelled job on a machine that cleared its workspace."""
        self.set_state(creating_looks=5)
        _, err = self.publish("--timeout", "0", status=1)
        self.assertIn("kept staging disk", err)
        self.bake(self.recipe, self.vhd)
        self.publish()
        self.assert_published_once()

    def test_baked_again_after_the_upload(self):
        """The disk contains other bytes than the new image; the version must match its tags."""
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

    def test_timeout_keeps_the_disk_that_azure_reads_and_continues_later(self):
        self.set_state(creating_looks=5)
        _, err = self.publish("--timeout", "0", status=1)
        self.assertIn("is still in state 'Creating' after 0 s; run again to continue waiting", err)
        self.assertIn("kept staging disk", err)
        self.assertEqual(len(self.state()["disks"]), 1)
        self.publish()
        self.assert_published_once()


class TwoMachines(PublishCase):
    """The same image from two machines: `machine` names the directory with a machine's lock and the id of its runs."""

    def leave_disk(self, after):
        """Kills a publish on the other machine after its change number `after`."""
        self.machine = "other"
        self.publish(fault=f"kill:{after}", status=-9)
        self.machine = "one"
        disk, = self.state()["disks"].values()
        return disk

    def test_an_unfinished_upload_of_another_machine_is_refused(self):
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

    def test_the_same_machine_continues_without_take_over(self):
        self.leave_disk(4)
        self.machine = "other"
        self.publish()
        self.assert_published_once()

    def test_a_finished_upload_of_another_machine_is_used_and_removed(self):
        self.leave_disk(6)
        _, err = self.publish()
        self.assertIn("already contains the image", err)
        self.assert_published_once()

    def test_a_failure_leaves_the_disk_of_another_machine(self):
        disk = self.leave_disk(6)
        self.publish(fault="fail-before:7", status=1)
        self.assertEqual(list(self.state()["disks"].values()), [disk])

    def test_a_version_that_another_machine_made_in_the_meantime_is_used(self):
        """publish looks for a version again after the upload, which may take hours."""
        out, _ = self.publish(fault="rival:6")
        self.assertEqual(out.strip().rsplit("/", 1)[1], "1.0.0")
        self.assert_published_once()

    def test_a_failure_keeps_the_disk_that_another_publish_uses(self):
        """Another publish found the finished upload and began to make its version; then this one fails."""
        _, err = self.publish(fault="rival-first:7", status=1)
        self.assertIn("kept staging disk", err)
        self.publish()
        self.assert_published_once()

    def test_an_upload_that_another_publish_took_over_fails(self):
        """The disk belongs to another publish when azcopy ends; this one does not revoke its access or remove it."""
        self.publish(fault="robbed:4", status=1)
        disk, = self.state()["disks"].values()
        self.assertEqual((disk["diskState"], disk["tags"]["bake_run"]), ("ActiveUpload", "another"))


if __name__ == "__main__":
    unittest.main()
