#!/usr/bin/python3
"""bake batch on this machine: skips finished images, repeats changed and failed ones, continues after an interruption."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from e2e import SOURCE, run
import fleet as fleets


class LocalBatch(fleets.FleetCase):
    def batch(self, *arguments):
        return run(*self.command(*arguments), check=False)

    def of_this_test(self, pattern):
        return run("pgrep", "-f", f"{pattern}.*{self.scratch}", check=False).stdout.split()

    def test_bad_fleets_start_nothing(self):
        fleet = self.write_fleet("bad", 2)
        (fleet.parent / "r1.yaml").write_text("schema: bake/v1\nos: ubuntu\n")
        with open(fleet, "a", encoding="utf-8") as file:
            file.write("  - {recipe: r9.yaml}\n  - {recipe: r0.yaml, output: ./out/../out/0.vhd}\n")
        result = self.batch(fleet)
        self.assertEqual(result.returncode, 5)
        self.assertEqual(result.stdout, "")
        for said in ("r1.yaml:1: recipe has no 'base'", "r1.yaml:2: 'os' must name a system",
                     f"{fleet}:5: there is no recipe", f"{fleet}:6: the output '{fleet.parent}/out/0.vhd' is also the output of {fleet}:3"):
            self.assertIn(said, result.stderr)
        self.assertFalse((fleet.parent / "out").exists())

    def test_slurm_is_not_installed(self):
        fleet = self.write_fleet("slurmless", 1)
        tools = self.scratch / "tools"
        tools.mkdir()
        result = subprocess.run(self.command(fleet, "--executor", "slurm"), capture_output=True, text=True, check=False,
                                env={**os.environ, "PATH": str(tools)})
        self.assertEqual(result.returncode, 6)
        self.assertIn("there is no 'sbatch' on PATH\nbake: hint: install Slurm's client programs", result.stderr)

    def test_a_fleet_from_start_to_end(self):
        """One long test, because every bake takes half a minute: interrupt, fail, continue, skip, change."""
        # The third fails, because the matrix does not have its release.
        fleet = self.write_fleet("story", 3, lambda text, number: text.replace("18.04", "18.05") if number == 2 else text)
        out = fleet.parent / "out"

        # Interrupted while the first two are baked: they end and leave no partial file.
        process = subprocess.Popen(self.command(fleet, "--jobs", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 300
        while len(self.of_this_test("qemu")) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertEqual(self.of_this_test("qemu"), [])
        self.assertIn("2 interrupted, 1 waiting", stdout)
        self.assertEqual(sorted(p.name for p in out.iterdir() if p.suffix == ".vhd" or ".partial" in p.name), [])

        # Again: two are done, the third fails and decides the exit code.
        result = self.batch(fleet, "--jobs", "2", "--json")
        self.assertEqual(result.returncode, 3, result.stderr)
        document = json.loads(result.stdout)
        self.assertEqual([row["state"] for row in document["images"]], ["done", "done", "failed"])
        self.assertEqual(document["status"], 3)
        self.assertIn("18.05", document["images"][2]["message"])
        self.assertIn("] change packages\n", self.log(fleet, 0))
        self.assert_finished(fleet, 2)

        # Without the third image there is nothing to do, and the two outputs stay unchanged.
        fleet.write_text("".join(line for line in fleet.read_text().splitlines(True) if "r2.yaml" not in line))
        before = [(out / f"{number}.vhd").stat() for number in (0, 1)]
        started = time.monotonic()
        result = self.batch(fleet, "--json")
        print(f"\nsecond run over 2 images: {time.monotonic() - started:.2f} s")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.rows(result), ["skipped", "skipped"])
        self.assertEqual([(out / f"{number}.vhd").stat() for number in (0, 1)], before)
        self.assertEqual(run(*self.command("collect", fleet, "--json")).returncode, 0)

        # The dry run says what would be baked, and why, after each kind of change.
        def reasons(*more):
            result = self.batch(fleet, "--dry-run", "--json", *more)
            self.assertEqual(result.returncode, 0, result.stderr)
            return [image["reason"] for image in json.loads(result.stdout)["images"]]

        recipe = fleet.parent / "r0.yaml"
        recipe.write_text("# a comment changes nothing\n" + recipe.read_text())
        os.utime(self.base)  # a new date changes nothing either
        self.assertEqual(reasons(), ["", ""])
        recipe.write_text(recipe.read_text() + "generalize: true\n")
        self.assertEqual(reasons(), ["the recipe changed", ""])
        recipe.write_text(recipe.read_text().replace("generalize: true\n", ""))

        overlay = self.scratch / "overlay"
        overlay.mkdir()
        shutil.copy(SOURCE / "matrix/inbox-drivers.yaml", overlay)
        self.assertEqual(reasons("--matrix", overlay), ["the matrix changed", "the matrix changed"])

        stat = (out / "1.vhd").stat()
        with open(out / "1.vhd", "r+b") as file:  # keeps size and date
            file.seek(1 << 20)
            file.write(b"x")
        os.utime(out / "1.vhd", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self.assertEqual(reasons("--verify"), ["", "its output was changed"])
        (out / "0.vhd.result.json").write_text('{"schema": "bake-result/v1", "stat')
        self.assertEqual(reasons(), ["", "its output was changed"])  # the image itself shows that it is done
        shutil.copy(self.base, self.scratch / "other.vhd")
        recipe = fleet.parent / "r1.yaml"
        recipe.write_text(recipe.read_text().replace(str(self.base), str(self.scratch / "other.vhd")))
        self.assertEqual(reasons()[1], "its output was changed")  # a copy of the base in another place counts as the same
        with open(self.scratch / "other.vhd", "r+b") as file:
            file.seek(1 << 20)
            file.write(b"x")
        self.assertEqual(reasons()[1], "the base changed")


if __name__ == "__main__":
    unittest.main()
