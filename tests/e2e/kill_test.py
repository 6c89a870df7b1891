#!/usr/bin/python3
"""kill -9 during apply: no output, no qemu after 5 s, an unchanged base, and the next run succeeds. SIGINT and SIGTERM: exit
code 130, and no file and no process is left when bake has ended."""
import os
import signal
import subprocess
import time
import unittest

from e2e import BINARY, UbuntuCase, run, sha256


class Killed(UbuntuCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recipe = cls.write_recipe()
        cls.output = cls.scratch / "out.vhd"

    def qemu_of_this_test(self):
        return run("pgrep", "-f", f"qemu.*{self.scratch}", check=False).stdout.split()

    def test_kill_in_the_middle_of_apply(self):
        before = sha256(self.base)
        process = subprocess.Popen([BINARY, "--store", self.store, "image", self.recipe, "-o", self.output],
                                   stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if line.endswith("] change packages\n"):
                break
        time.sleep(3)
        self.assertNotEqual(self.qemu_of_this_test(), [])
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
        time.sleep(5)
        self.assertEqual(self.qemu_of_this_test(), [])
        self.assertFalse(self.output.exists())
        self.assertEqual(sha256(self.base), before)
        self.bake("image", self.recipe, "-o", self.output)
        self.assertTrue(self.output.exists())

    def interrupt(self, step, number):
        """Starts a bake, waits until `step` has begun and a qemu runs, and sends the signal. Returns the exit code and the
        messages after it."""
        output = self.scratch / "interrupted.vhd"
        process = subprocess.Popen([BINARY, "--store", self.store, "image", self.recipe, "-o", output],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if line.endswith(f"] {step}\n"):
                break
        while not self.qemu_of_this_test():
            time.sleep(0.1)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(stdout, "")
        self.assertEqual(self.qemu_of_this_test(), [])
        self.assertEqual(list(self.scratch.glob("interrupted.vhd*")), [])
        return process.returncode, stderr

    def test_interrupted(self):
        before = sha256(self.base)
        message = ("bake: error: working: interrupted by a signal\n"
                   "bake: hint: no incomplete file was left behind; run it again\n")
        for step, number in (("start the appliance", signal.SIGTERM), ("change packages", signal.SIGINT)):
            with self.subTest(step):
                status, said = self.interrupt(step, number)
                self.assertEqual(status, 130, said)
                self.assertTrue(said.endswith(message), said)
        self.assertEqual(sha256(self.base), before)


if __name__ == "__main__":
    unittest.main()
