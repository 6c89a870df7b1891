#!/usr/bin/python3
"""`bake image` on a guest of each release that the VM extension supports, with a recipe of images/recipes: baked without a
network, verified by `bake verify`, and looked at by programs that know nothing of bake (debugfs; the host's dpkg-query and
rpm).

  releases_test.py                 two releases, for a quick look: DEB with prebuilt modules, EL8 with BLS (el7_test.py: EL7)
  releases_test.py --all           all fifteen: the nightly tier
  releases_test.py RELEASE…        these

Rows of EL7 run on the genuine CentOS 7 userland when its packages are there (tests/standins/el7-guest.sh). Each prints one line.
"""
import json
import sys
import time
import unittest

from e2e import SOURCE, BakeCase, run, sha256, standin
from el7_test import PACKAGES

# release: (card of the recipe, driver that the recipe names, how the bundle's modules fit the guest's kernel). The
# kernels of EL 7.4 to 7.6 are those that the extension pins, newer than the ones that the bundles are built for.
RELEASES = {
    "ubuntu16.04": ("cx3pro", "4.9-4.1.7.0", "built for this kernel"),
    "ubuntu18.04": ("cx5", "5.5-1.0.3.2", "built for this kernel"),
    "ubuntu20.04": ("cx6", "5.5-1.0.3.2", "built for this kernel"),
    "centos7.4": ("cx5", "5.5-1.0.3.2", "weak-updates"),
    "centos7.5": ("cx3pro", "4.9-4.1.7.0", "weak-updates"),
    "centos7.6": ("cx6", "5.5-1.0.3.2", "weak-updates"),
    "centos7.7": ("cx3pro", "4.9-4.1.7.0", "built for this kernel"),
    "centos8.1": ("cx5", "5.5-1.0.3.2", "built for this kernel"),
    "centos8.2": ("cx6", "5.5-1.0.3.2", "built for this kernel"),
    "rhel7.4": ("cx3pro", "4.9-4.1.7.0", "weak-updates"),
    "rhel7.5": ("cx5", "5.5-1.0.3.2", "weak-updates"),
    "rhel7.6": ("cx6", "5.5-1.0.3.2", "weak-updates"),
    "rhel7.7": ("cx5", "5.5-1.0.3.2", "built for this kernel"),
    "rhel8.1": ("cx3pro", "4.9-4.1.7.0", "built for this kernel"),
    "rhel8.2": ("cx6", "5.5-1.0.3.2", "built for this kernel"),
}
QUICK = ("ubuntu18.04", "rhel8.2")
WITH_OVERLAY = "rhel8.2"  # baked with a matrix overlay, which the manifest must record
PARTITION = 1 << 20  # where the only partition of these guests begins
STANDIN_OUTPUT = SOURCE / "build/standins"


def split_release(release):
    digit = next(i for i, c in enumerate(release) if c.isdigit())
    return release[:digit], release[digit:]


def is_genuine_el7(release):
    return release.startswith(("centos7", "rhel7")) and PACKAGES.is_dir()


def guest_of(release):
    if is_genuine_el7(release):
        return standin("el7-guest.sh", STANDIN_OUTPUT, release)
    return standin("light-guest.sh", release)


def bundle_of(release, ofed):
    name, version = split_release(release)
    distro = release if name == "ubuntu" else f"rhel{version}"
    # The stand-in of Ubuntu 20.04 that boots has another kernel than this guest.
    kernel = (STANDIN_OUTPUT, "5.4.0-26-generic") if release == "ubuntu20.04" else ()
    return standin("bundle.sh", f"{ofed}-{distro}", *kernel)


class Releases(BakeCase):
    def file_in(self, image, path):
        """Content of a file of the image, by debugfs: no appliance, no code of bake."""
        return run("debugfs", "-R", f"cat {path}", f"{image}?offset={PARTITION}").stdout

    def dump(self, image, path, to):
        run("debugfs", "-R", f"dump {path} {to}", f"{image}?offset={PARTITION}")
        return to

    def installed(self, image, directory):
        """name → versions of the packages, as the host's own dpkg-query or rpm read the guest's database."""
        directory.mkdir()
        if self.file_in(image, "/var/lib/dpkg/status"):
            self.dump(image, "/var/lib/dpkg/status", directory / "status")
            lines = run("dpkg-query", f"--admindir={directory}", "-W", "-f", "${Package} ${Version}\n").stdout
        else:
            for name in ("rpmdb.sqlite", "Packages"):
                self.dump(image, f"/var/lib/rpm/{name}", directory / name)
            kept = [name for name in ("rpmdb.sqlite", "Packages") if (directory / name).is_file()]
            backend = "bdb_ro" if kept == ["Packages"] else "sqlite"
            lines = run("rpm", "--dbpath", directory, "--define", f"_db_backend {backend}", "-qa", "--queryformat",
                        "%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n").stdout
        packages = {}
        for line in lines.splitlines():
            name, version = line.split(" ", 1)
            packages.setdefault(name, set()).add(version)
        return packages

    def check_by_others(self, release, image, manifest):
        """Reads the image without bake and compares it with the manifest."""
        kernel = manifest["kernel"]["release"]
        installed = self.installed(image, self.scratch / f"{release}-packages")
        for package in manifest["expectations"]["packages"]:
            self.assertIn(package["version"], installed.get(package["name"], set()), package["name"])
        self.assertNotIn("mlnx-fw-updater", installed)
        self.assertEqual(self.file_in(image, "/FIRMWARE-WAS-FLASHED"), "")
        self.assertIn("\nOS.EnableRDMA=y\n", self.file_in(image, "/etc/waagent.conf"))
        module = "mlx4_core" if RELEASES[release][0] == "cx3pro" else "mlx5_core"
        entries = [line.split(":")[0] for line in self.file_in(image, f"/lib/modules/{kernel}/modules.dep").splitlines()]
        chosen = [entry for entry in entries if entry.split("/")[-1].split(".")[0] == module]
        self.assertEqual(len(chosen), 1, chosen)
        self.assertIn(chosen[0].split("/")[0], ("updates", "extra", "weak-updates"))
        self.assertEqual(json.loads(self.file_in(image, "/etc/bake-manifest.json"))["changes"], manifest["changes"])

    def recipe_for(self, release, base):
        """The recipe that users find for this release, with the guest for its base."""
        name = "{}-{}".format(*split_release(release))
        text = (SOURCE / f"images/recipes/{name}-{RELEASES[release][0]}.yaml").read_text()
        self.assertIn(f"path: ../base/{name}.vhd\n", text)
        recipe = self.scratch / f"{release}.yaml"
        recipe.write_text(text.replace(f"../base/{name}.vhd", str(base)))
        return recipe

    def overlay(self):
        """A directory with a row of the user's own."""
        directory = self.scratch / "overlay"
        directory.mkdir()
        row = "{name: Standard_Own1, family: Own, transport: none, source: ours}"
        (directory / "own.yaml").write_text(f"vm_sizes:\n  - {row}\n")
        return directory

    def bake_release(self, release):
        card, ofed, verdict = RELEASES[release]
        base, bundle = guest_of(release), bundle_of(release, ofed)
        before = sha256(base)
        self.add_bundle(bundle)
        recipe, output = self.recipe_for(release, base), self.scratch / f"{release}.vhd"
        overlays = [self.overlay()] if release == WITH_OVERLAY else []
        options = [f"--matrix={overlay}" for overlay in overlays]
        began = time.monotonic()
        manifest = json.loads(self.bake(*options, "image", recipe, "-o", output, "--json", prefix=("unshare", "-n")).stdout)
        seconds = time.monotonic() - began
        installs = [change for change in manifest["changes"] if change["action"] != "remove"]
        print(f"{release:12} {card:7} {manifest['kernel']['release']:28} {bundle.name.removesuffix('.tgz'):46} "
              f"{manifest['fit']['verdict']:22} {len(installs):3} packages {seconds:4.0f} s"
              f"{'  genuine EL7' if is_genuine_el7(release) else ''}", file=sys.stderr, flush=True)
        self.assertEqual(manifest["fit"]["verdict"], verdict)
        self.assertEqual(manifest["driver"]["bundle"]["name"], bundle.name.removesuffix(".tgz"))
        self.assertEqual(manifest["product"]["appliance_launches"], 1)
        self.assertEqual(manifest["matrix"]["overlays"], [str(overlay) for overlay in overlays])
        digest = json.loads(self.bake(*options, "matrix", "list", "--json").stdout)["digest"]
        self.assertEqual(manifest["matrix"]["sha256"], digest)
        self.assertEqual([check for check in manifest["checks"] if check["status"] == "failed" and check["level"] == "required"], [])
        result = json.loads(self.bake("verify", output, "--manifest", f"{output}.manifest.json", "--json").stdout)
        self.assertEqual([check for check in result["checks"] if check["status"] == "failed" and check["level"] == "required"], [])
        self.assertTrue(result["ok"])
        self.assertEqual(sha256(base), before)
        self.check_by_others(release, output, manifest)
        output.unlink()


def add_test(release):
    setattr(Releases, f"test_{release.replace('.', '_')}", lambda self: self.bake_release(release))


if __name__ == "__main__":
    names = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for wanted in names or (RELEASES if "--all" in sys.argv else QUICK):
        if wanted not in RELEASES:
            sys.exit(f"no such release: {wanted}; known: {', '.join(RELEASES)}")
        add_test(wanted)
    if not PACKAGES.is_dir():
        print("The genuine CentOS 7 packages are not here: EL7 rows run on light stand-ins.", file=sys.stderr)
    unittest.main(argv=[sys.argv[0], *(["-v"] if "-v" in sys.argv else [])])
