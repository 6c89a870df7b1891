#!/usr/bin/python3
"""images/Containerfile, built with buildah on a base that is made from this machine's apt mirror, because a registry may be out
of reach. Compiles bake, so it takes half an hour on two processors. Nightly. $CONTAINER_BUILD_OPTIONS has more options for the
build, for example --volume with a cache of ccache."""
import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from e2e import SOURCE, debian_root, run, skip

BASE = "localhost/debian:12"


class Container(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (SOURCE / "build/e2e").mkdir(parents=True, exist_ok=True)
        cls.scratch_directory = tempfile.TemporaryDirectory(dir=SOURCE / "build/e2e")
        cls.addClassCleanup(cls.scratch_directory.cleanup)
        cls.scratch = Path(cls.scratch_directory.name)
        root = cls.scratch / "base.tar"
        debian_root("bookworm", root, "ca-certificates")
        base = cls.buildah("from", "scratch").stdout.strip()
        cls.buildah("add", base, root)
        cls.buildah("commit", "--rm", base, BASE)
        root.unlink()
        # The files that git knows: what a fresh checkout has.
        source = cls.scratch / "source"
        source.mkdir()
        names = run("git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
        for name in filter(None, names):
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, target, follow_symlinks=False)
        cls.built = cls.buildah("build", "--isolation", "chroot", "--build-arg", f"BASE={BASE}", "--tag", "bake",
                                *os.environ.get("CONTAINER_BUILD_OPTIONS", "").split(), "--file", source / "images/Containerfile", source)
        cls.container = cls.buildah("from", "--pull-never", "bake").stdout.strip()

    @classmethod
    def buildah(cls, *arguments, check=True):
        storage = cls.scratch / "storage"
        return run("buildah", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "vfs", *arguments,
                   check=check)

    def bake(self, *arguments, check=True):
        return self.buildah("run", "--isolation", "chroot", self.container, "--", "bake", *arguments, check=check)

    def test_the_program_runs_and_can_bake(self):
        self.assertRegex(self.bake("--version").stdout, r"\Abake \d+\.\d+\.\d+")
        checks = json.loads(self.bake("doctor", "--json").stdout)["checks"]
        self.assertEqual([check for check in checks if check["verdict"] == "problem"], [])

    def test_the_image_starts_bake_with_its_store(self):
        config = json.loads(self.buildah("inspect", "--type", "image", "bake").stdout)["OCIv1"]["config"]
        self.assertEqual(config["Entrypoint"], ["bake"])
        self.assertEqual(config["WorkingDir"], "/work")
        self.assertLessEqual({"BAKE_STORE=/store", "LIBGUESTFS_BACKEND=direct"}, set(config["Env"]))
        self.assertIn("/store", config["Volumes"])

    def test_the_package_is_installed_and_no_compiler(self):
        packages = self.buildah("run", "--isolation", "chroot", self.container, "--", "dpkg-query", "-W", "-f", "${Package}\n").stdout
        self.assertIn("bake\n", packages)
        self.assertNotIn("\ng++\n", packages)


if __name__ == "__main__":
    for tool in ("buildah", "mmdebstrap"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    if os.geteuid() != 0:
        skip("only root can build a container from a root file system")
    unittest.main()
