#!/usr/bin/python3
"""bake batch --executor slurm on a real slurmctld, slurmd and munge: a lost node, a cancelled job, a second run."""
import json
import subprocess
import threading
import time
import unittest

import fleet as fleets
import slurm_cluster

SLURM = ("--executor", "slurm", "--json")


class SlurmBatch(fleets.FleetCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = slurm_cluster.Cluster(cls.scratch / "slurm", nodes=3)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()  # before its directory is deleted
        super().tearDownClass()

    def batch(self, *arguments):
        return self.cluster.run(*self.command(*arguments), check=False)

    def start(self, *arguments):
        process = subprocess.Popen(self.command(*arguments), env=self.cluster.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        lines = []
        thread = threading.Thread(target=lambda: lines.extend(process.stderr))
        thread.start()
        return process, thread, lines

    def finish(self, started):
        process, thread, lines = started
        stdout = process.stdout.read()
        process.wait()
        thread.join()
        process.stdout.close()
        process.stderr.close()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, "".join(lines))

    def running(self):
        """(task, node) pairs."""
        lines = self.cluster.run("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%i %N").stdout.splitlines()
        return [tuple(line.split()) for line in lines]

    def job_of(self, fleet):
        return json.loads((fleet.parent / "fleet.yaml.slurm/job.json").read_text())["job"]

    def wait_until_baking(self, fleet, node):
        """Waits until a task on `node` is in the middle of its bake; returns its index."""
        found = []

        def baking():
            for task, where in self.running():
                index = int(task.rpartition("_")[2])
                log = fleet.parent / f"out/{index}.vhd.log"
                if where == node and log.exists() and "] start the appliance" in log.read_text():
                    found.append(index)
            return bool(found)

        self.cluster.wait_for(f"a bake on {node}", baking, 300)
        return found[0]

    def test_a_lost_node_and_a_cancelled_job(self):
        fleet = self.write_fleet("lost", fleets.IMAGES)
        started = self.start(fleet, *SLURM)
        index = self.wait_until_baking(fleet, "node1")
        self.cluster.lose_node("node1")
        result = self.finish(started)
        self.assertEqual(result.returncode, 0, result.stderr + self.cluster.said())
        self.assertEqual(self.rows(result), ["done"] * fleets.IMAGES)
        self.assert_finished(fleet, fleets.IMAGES)
        task = self.cluster.run("scontrol", "show", "job", "-o", f"{self.job_of(fleet)}_{index}").stdout
        self.assertIn("Restarts=1", task)

        began = time.monotonic()
        result = self.batch(fleet, *SLURM)
        print(f"\nsecond run over {fleets.IMAGES} images: {time.monotonic() - began:.2f} s")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.rows(result), ["skipped"] * fleets.IMAGES)
        self.assertNotIn("Slurm job", result.stderr)  # nothing was submitted

        self.cluster.start_node("node1")
        self.cancel()

    def cancel(self):
        """A job that is cancelled in the middle is reported as such, not as success; the next run bakes the rest."""
        fleet = self.write_fleet("cancelled", 2)
        # One at a time: the first runs, the second has not started.
        started = self.start(fleet, *SLURM, "--jobs", "1")
        self.cluster.wait_for("the bake", lambda: "baking" in "".join(
            log.read_text() for log in fleet.parent.glob("fleet.yaml.slurm/*.log")), 120)
        busy = self.batch(fleet, *SLURM)
        self.assertEqual(busy.returncode, 6)
        self.assertIn("still has 2 tasks in the queue", busy.stderr)
        self.assertEqual(self.rows(self.batch("collect", fleet, "--json")), ["running", "waiting"])
        self.cluster.run("scancel", self.job_of(fleet))
        result = self.finish(started)
        self.assertEqual(result.returncode, 130, result.stdout + result.stderr)
        self.assertEqual(self.rows(result), ["interrupted", "vanished"])
        self.assertIn("Slurm says CANCELLED", json.loads(result.stdout)["images"][1]["message"])
        self.assertEqual(list((fleet.parent / "out").glob("*.vhd")), [])
        self.assertEqual(list((fleet.parent / "out").glob("*.partial*")), [])

        submitted = self.batch(fleet, *SLURM, "--no-wait")
        self.assertEqual(submitted.returncode, 0, submitted.stderr)
        self.assertNotIn("done", self.rows(submitted))
        self.cluster.wait_for("the job", lambda: not self.cluster.run("squeue", "-h").stdout, 300)
        result = self.batch("collect", fleet, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_finished(fleet, 2)


if __name__ == "__main__":
    unittest.main()
