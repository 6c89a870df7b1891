"""Shared by the end-to-end tests: runs the built programs on stand-in guests, as a user would."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("BAKE_BINARY", SOURCE / "build/dev/bin/bake"))
STANDINS = SOURCE / "tests/standins"
os.umask(0o022)  # bake keeps no facts about a file that the group may write to
os.environ.setdefault("LIBGUESTFS_BACKEND", "direct")
os.environ.setdefault("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg")


def run(*arguments, check=True, **options):
    """Runs a program and gives its result; with check, a failure shows both streams."""
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, **options)
    if check and result.returncode != 0:
        raise AssertionError(f"{arguments}: exit {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def standin(script, *arguments):
    """Builds (or finds) a stand-in and gives its path: the last line that the script prints."""
    return Path(run(STANDINS / script, *arguments).stdout.strip().splitlines()[-1])


def skip(reason):
    """Ends the suite as skipped: CMakeLists.txt and tests/count-results.py know the exit status and the line."""
    print(f"skipped: {reason}", flush=True)
    sys.exit(77)


def debian_root(release, target, *packages):
    """Makes a Debian from this machine's apt mirror: a directory, or a .tar. It also has apt's sources."""
    script = r"""apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v release="$1" '$2 ~ "^" release && $3 == "main" {
            print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, $3 }' | sort -u"""
    sources = run("sh", "-c", script, "sh", release).stdout
    if not sources:
        raise unittest.SkipTest(f"apt knows no mirror of {release}")
    run("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}", release, target, "-", input=sources)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


class BakeCase(unittest.TestCase):
    """A test case with a separate scratch directory and store."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        (SOURCE / "build/e2e").mkdir(parents=True, exist_ok=True)
        cls.scratch_directory = tempfile.TemporaryDirectory(dir=SOURCE / "build/e2e")
        cls.scratch = Path(cls.scratch_directory.name)
        cls.store = cls.scratch / "store"
        os.environ["BAKE_CACHE"] = str(cls.scratch / "cache")

    @classmethod
    def tearDownClass(cls):
        cls.scratch_directory.cleanup()

    @classmethod
    def bake(cls, *arguments, check=True, prefix=()):
        return run(*prefix, BINARY, "--store", cls.store, *arguments, check=check)

    @classmethod
    def add_bundle(cls, bundle):
        output = next(directory for directory in bundle.parents if (directory / "keys").is_dir())
        cls.bake("bundle", "trust", output / "keys/trusted.gpg")
        cls.bake("bundle", "add", bundle, "--sha256", Path(f"{bundle}.sha256").read_text().split()[0])

    def bake_fails(self, status, message, *arguments):
        """The command must end with `status`, say `message` on standard error and print no result."""
        result = self.bake(*arguments, check=False)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(message, result.stderr)
        self.assertEqual(result.stdout, "")
        return result

    def virtual_size(self, vhd):
        """What qemu-img says, told that it is a VHD."""
        return json.loads(run("qemu-img", "info", "-f", "vpc", "--output=json", vhd).stdout)["virtual-size"]

    def inspected_packages(self, vhd):
        """name → version as virt-inspector, another program than bake, lists them."""
        import xml.etree.ElementTree as ElementTree
        overlay = self.scratch / "inspect.qcow2"
        size = vhd.stat().st_size - 512
        backing = json.dumps({"driver": "raw", "size": size, "file": {"driver": "file", "filename": str(vhd)}})
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", f"json:{backing}", overlay, str(size))
        document = ElementTree.fromstring(run("virt-inspector", "--format=qcow2", "-a", overlay).stdout)
        overlay.unlink()
        return {item.findtext("name"): item.findtext("version") for item in document.iter("application")}


class UbuntuCase(BakeCase):
    """A BakeCase with the stand-in Ubuntu 20.04 guest as `base`, and the bundle for it in the store."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh")
        cls.bundle = standin("bundle.sh", "5.5-1.0.3.2-ubuntu20.04")
        cls.add_bundle(cls.bundle)

    @classmethod
    def write_recipe(cls):
        """Writes a recipe for that guest and that bundle and gives its path."""
        recipe = cls.scratch / "image.yaml"
        recipe.write_text(f"schema: bake/v1\nbase: {cls.base}\nos: ubuntu 20.04\n"
                          "vm_sizes: [Standard_HB120rs_v2]\nofed: 5.5-1.0.3.2\n")
        return recipe
