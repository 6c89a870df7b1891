#!/usr/bin/python3
"""Bad input: the right exit code, one clear message, no output, and an unchanged base."""
import json
import os
import signal
import struct
import subprocess
import unittest

from e2e import BINARY, UbuntuCase, run, sha256, standin

RECIPE = """schema: bake/v1
base: {base}
os: {os}
vm_sizes: [Standard_HB120rs_v2]
ofed: {ofed}
"""


def rewrite_footer(path, offset, data, fix_checksum=True):
    """Changes bytes of a VHD's footer, and updates its checksum if `fix_checksum`."""
    with open(path, "r+b") as file:
        file.seek(-512, os.SEEK_END)
        footer = bytearray(file.read(512))
        footer[offset:offset + len(data)] = data
        if fix_checksum:
            footer[64:68] = bytes(4)
            footer[64:68] = struct.pack(">I", ~sum(footer) & 0xFFFFFFFF)
        file.seek(-512, os.SEEK_END)
        file.write(footer)


class BadInput(UbuntuCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base_digest = sha256(cls.base)

    def tearDown(self):
        self.assertEqual([p.name for p in self.scratch.glob("out*") if not p.name.startswith("out-exists")], [])

    def recipe(self, base=None, os_name="ubuntu 20.04", ofed="5.5-1.0.3.2", more=""):
        path = self.scratch / "bad.yaml"
        path.write_text(RECIPE.format(base=base or self.base, os=os_name, ofed=ofed) + more)
        return path

    def image_fails(self, status, message, recipe):
        return self.bake_fails(status, message, "image", recipe, "-o", self.scratch / "out.vhd")

    def copy_of_base(self, name):
        path = self.scratch / name
        run("cp", "--sparse=always", self.base, path)
        return path

    def test_not_a_disk(self):
        text = self.scratch / "notes.txt"
        text.write_text("no disk at all\n" * 100)
        self.image_fails(5, "notes.txt", self.recipe(text))

    def test_missing_base(self):
        self.image_fails(2, "no such file", self.recipe(self.scratch / "nowhere.vhd"))

    def test_wrong_footer_checksum(self):
        disk = self.copy_of_base("checksum.vhd")
        rewrite_footer(disk, 24, b"\x01\x02\x03\x04", fix_checksum=False)
        self.image_fails(1, "checksum", self.recipe(disk))

    def test_size_is_not_a_multiple_of_1_mib(self):
        disk = self.scratch / "odd.raw"
        with open(disk, "wb") as file:
            file.truncate(10 * 2**20 + 512)
            file.seek(510)
            file.write(b"\x55\xaa")
        result = self.image_fails(1, "MiB", self.recipe(disk))
        self.assertIn("bake vhd wrap", result.stderr)

    def test_no_operating_system(self):
        disk = self.scratch / "empty.raw"
        with open(disk, "wb") as file:
            file.truncate(64 * 2**20)
        run("mke2fs", "-q", "-t", "ext4", disk)
        self.image_fails(1, "no operating system", self.recipe(disk))

    def test_disk_of_this_machine_fills_up_during_the_bake(self):
        # The output is on a separate file system in a separate mount namespace. The test shrinks it to its used size.
        small = self.scratch / "small"
        small.mkdir()
        root = os.geteuid() == 0
        inside = 'mount -t tmpfs -o size=3g tmpfs "$0" || exit; "$@"; status=$?; ls -A "$0"; exit $status'
        bake = [BINARY, "--store", self.store, "image", self.recipe(), "-o", small / "out.vhd"]
        process = subprocess.Popen(["unshare", "--mount", *([] if root else ["--map-root-user"]), "sh", "-c", inside, small, *bake],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            for line in process.stderr:
                if line.endswith("] change packages\n"):
                    break
            enter = ["nsenter", "-t", str(process.pid), "--mount", *([] if root else ["--user", "--preserve-credentials"])]
            used = int(run(*enter, "df", "--output=used", "-B1", small).stdout.split()[1])
            run(*enter, "mount", "-o", f"remount,size={used + 2 * 2**20}", small)
            stdout, stderr = process.communicate(timeout=300)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        self.assertEqual(process.returncode, 6, stderr)
        self.assertEqual(stdout, "", "a file was left next to the output")
        self.assertRegex(stderr, f"bake: error: writing '{small}/out.vhd.partial': this machine could not store all data of the "
                                 r"appliance; .* are free there \(.*error, dev sd[a-z], sector .*\)\n"
                                 "bake: hint: free some space on that file system, or choose another one\n$")
        self.assertEqual(run("pgrep", "-f", f"qemu.*{small}", check=False).stdout, "")

    def test_two_operating_systems(self):
        disk = self.scratch / "two.raw"
        tree = self.scratch / "tree"
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/os-release").write_text('ID=ubuntu\nVERSION_ID="20.04"\n')
        (tree / "etc/fstab").write_text("")
        with open(disk, "wb") as file:
            file.truncate(130 * 2**20)
        run("sfdisk", "-q", disk, input="label: gpt\nsize=64MiB\nsize=64MiB\n")
        part = self.scratch / "part.img"
        for start in (1, 65):
            part.unlink(missing_ok=True)
            with open(part, "wb") as file:
                file.truncate(64 * 2**20)
            run("mke2fs", "-q", "-t", "ext4", "-d", tree, part)
            run("dd", f"if={part}", f"of={disk}", "bs=1M", f"seek={start}", "conv=notrunc,sparse", "status=none")
        self.image_fails(1, "two operating systems", self.recipe(disk))

    def test_recipe_for_another_release(self):
        # The matrix knows 16.04, but the store has no bundle for it.
        self.image_fails(3, "none of the bundles that fit", self.recipe(os_name="ubuntu 16.04"))

    def test_disk_has_another_release_than_the_recipe(self):
        self.add_bundle(standin("bundle.sh", "5.5-1.0.3.2-ubuntu18.04"))
        self.image_fails(3, "the recipe says ubuntu 18.04, the disk has ubuntu 20.04", self.recipe(os_name="ubuntu 18.04"))

    def test_unsupported_release(self):
        self.image_fails(3, "20.05", self.recipe(os_name="ubuntu 20.05"))

    def test_unknown_size_names_the_closest(self):
        path = self.recipe()
        path.write_text(path.read_text().replace("HB120rs_v2", "HB120rs_v9"))
        self.image_fails(3, "Standard_HB120rs_v", path)

    def test_missing_package_is_named(self):
        recipe = self.scratch / "missing.yaml"
        recipe.write_text(RECIPE.format(base=self.base, os="ubuntu 20.04", ofed="\n  version: 5.5-1.0.3.2\n  packages: [no-such-package]"))
        self.image_fails(3, "no-such-package", recipe)

    def test_all_missing_dependencies_are_named_with_the_packages_that_need_them(self):
        recipe = self.scratch / "closure.yaml"
        recipe.write_text(RECIPE.format(base=self.base, os="ubuntu 20.04", ofed="\n  version: 5.5-1.0.3.2\n  packages: [knem, ucx]"))
        result = self.bake("plan", recipe, check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        stderr = result.stderr
        self.assertIn("planning 'closure': 3 problems", stderr)
        for missing, requirer in (("pkg-config", "knem"), ("libgomp1", "ucx"), ("libnuma1", "ucx")):
            self.assertRegex(stderr, f"{requirer}: nothing provides {missing}, needed by {requirer} ")

    def test_unknown_key(self):
        result = self.image_fails(5, "unknown key 'vm_size' in recipe", self.recipe(more="vm_size: x\n"))
        self.assertIn("did you mean 'vm_sizes'?", result.stderr)

    def test_output_exists(self):
        existing = self.scratch / "out-exists.vhd"
        existing.write_text("mine")
        self.bake_fails(2, "--force", "image", self.recipe(), "-o", existing)
        self.assertEqual(existing.read_text(), "mine")

    def test_base_is_pinned_to_another_digest(self):
        recipe = self.recipe()
        recipe.write_text(recipe.read_text().replace(f"base: {self.base}", f"base: {{path: {self.base}, sha256: {'0' * 64}}}"))
        self.image_fails(4, "the recipe pins 000000", recipe)

    def test_wrong_bundle_digest(self):
        self.bake_fails(4, "sha256", "bundle", "add", self.bundle, "--sha256", "0" * 64)

    def test_json_errors_are_one_document(self):
        result = self.bake("--json", "image", self.recipe(os_name="ubuntu 20.05"), check=False)
        self.assertEqual(result.returncode, 3)
        self.assertEqual(json.loads(result.stdout)["error"]["kind"], "incompatible")

    def test_wrong_usage(self):
        self.bake_fails(2, "bake: error:", "image")
        result = self.bake("--json", "image", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(json.loads(result.stdout)["error"]["kind"], "usage")

    @classmethod
    def tearDownClass(cls):
        assert sha256(cls.base) == cls.base_digest, "a failing bake changed its base"
        super().tearDownClass()


if __name__ == "__main__":
    unittest.main()
