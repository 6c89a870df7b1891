#!/usr/bin/python3
"""The packages of bake: what `cmake --install` and cpack write. With --nightly, the .deb also goes with its dependencies into a
clean Debian root, made from this machine's apt mirror, and the installed bake makes an image there."""
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from e2e import BINARY, SOURCE, debian_root, run, sha256, skip, standin

BUILD = BINARY.resolve().parents[1]
EPOCH = "1700000000"
NIGHTLY = "--nightly" in sys.argv
PAGES = {"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"}
# Manuals and completions come from the help of bake; their own test looks at them.
GENERATED = ("share/man/", "share/bash-completion/", "share/zsh/", "share/fish/")


def files_below(directory):
    """The paths of all files and links, relative to the directory."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_symlink() or not path.is_dir()}


def installed_files():
    """What an installation has below its prefix, as this source tree says it, without what is generated."""
    tree = {f"share/bake/packer/{name}" for name in files_below(SOURCE / "packer") if "__pycache__" not in name}
    tree |= {f"share/bake/recipes/{name}" for name in files_below(SOURCE / "images/recipes")}
    tree |= {f"share/doc/bake/docs/{name}" for name in files_below(SOURCE / "docs") if name.endswith(".md")}
    tree |= {f"share/bake/schema/{kind}.schema.json" for kind in ("recipe", "fleet", "matrix")}
    return tree | {f"share/doc/bake/{name}" for name in PAGES} | {"bin/bake", "share/bake/fleet.yaml"}


def without_generated(names):
    return {name for name in names if not name.startswith(GENERATED)}


class PackageCase(unittest.TestCase):
    """A test case with the packages of this build."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        (SOURCE / "build/e2e").mkdir(parents=True, exist_ok=True)
        cls.scratch_directory = tempfile.TemporaryDirectory(dir=SOURCE / "build/e2e")
        cls.scratch = Path(cls.scratch_directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.scratch_directory.cleanup()

    @classmethod
    def pack(cls, generator, name="packages"):
        """Packs this build and gives the path of the package."""
        directory = cls.scratch / name
        run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", generator, "-B", directory,
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
        package, = directory.glob(f"*.{generator.lower()}")
        return package


class Installation(PackageCase):
    def test_destdir_has_every_file_and_no_other(self):
        root = self.scratch / "root"
        run("cmake", "--install", BUILD, "--prefix", "/opt/bake", env={**os.environ, "DESTDIR": str(root)})
        self.assertEqual(without_generated(files_below(root / "opt/bake")), installed_files())
        self.assertEqual(files_below(root), {f"opt/bake/{name}" for name in files_below(root / "opt/bake")})
        self.assertTrue(os.access(root / "opt/bake/share/bake/packer/publish", os.X_OK))

    def test_the_recipes_name_the_installed_schema(self):
        root = self.scratch / "editor"
        run("cmake", "--install", BUILD, "--prefix", root)
        for recipe in [root / "share/bake/fleet.yaml", *(root / "share/bake/recipes").iterdir()]:
            schema, = re.findall(r"(?m)^# yaml-language-server: \$schema=(.*)$", recipe.read_text())
            self.assertEqual((recipe.parent / schema).resolve().parent, (root / "share/bake/schema").resolve(), recipe.name)
            self.assertTrue((recipe.parent / schema).is_file(), recipe.name)
        recipe = "centos-7.7-cx6.yaml"
        lines = [(directory / recipe).read_text().splitlines() for directory in (root / "share/bake/recipes", SOURCE / "images/recipes")]
        self.assertEqual([line for line in lines[0] if line not in lines[1]], ["# yaml-language-server: $schema=../schema/recipe.schema.json"])


class DebPackage(PackageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deb = cls.pack("DEB")
        cls.tree = cls.scratch / "tree"
        run("dpkg-deb", "--extract", cls.deb, cls.tree)

    def field(self, name):
        return run("dpkg-deb", "--field", self.deb, name).stdout.strip()

    def test_the_version_names_the_system(self):
        release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        system = release["ID"] + release["VERSION_ID"].strip('"')
        self.assertRegex(self.field("Version"), rf"\A\d+\.\d+\.\d+-1~{re.escape(system)}\Z")
        self.assertEqual(self.deb.name, f"bake_{self.field('Version')}_{self.field('Architecture')}.deb")

    def test_it_depends_on_the_libraries_and_on_the_parts_of_the_appliance(self):
        depends = [re.split(r"[ (]", part.strip())[0] for part in self.field("Depends").split(",")]
        for name in ("supermin", "qemu-system-x86", "qemu-utils", "linux-image-amd64", "libguestfs0", "librnp0", "libsolv1",
                     "libsolvext1", "libc6"):
            self.assertIn(name, depends)
        for library in ("libarchive", "libelf", "libfmt", "libssl", "libyaml-cpp"):
            self.assertEqual(len([name for name in depends if name.startswith(library)]), 1, library)
        self.assertIn("libguestfs-xfs", self.field("Recommends"))

    def test_it_has_the_installed_files_in_the_form_that_debian_wants(self):
        documents = {f"share/doc/bake/{name}" for name in ("copyright", "changelog.gz", "changelog.Debian.gz")}
        licences = {f"share/doc/bake/{name}.copyright" for name in ("libcli11-dev", "nlohmann-json3-dev", "musl")}
        expected = (installed_files() | documents | licences | {"share/lintian/overrides/bake"}) \
            - {"share/doc/bake/LICENSE", "share/doc/bake/CHANGELOG.md"}
        self.assertEqual(without_generated(files_below(self.tree / "usr")), expected)
        self.assertEqual({path.name for path in self.tree.iterdir()}, {"usr"})
        changes = gzip.decompress((self.tree / "usr/share/doc/bake/changelog.gz").read_bytes()).decode()
        self.assertEqual(changes, (SOURCE / "CHANGELOG.md").read_text())

    def test_every_manual_is_compressed(self):
        manuals = [name for name in files_below(self.tree / "usr") if name.startswith("share/man/")]
        self.assertEqual([name for name in manuals if not name.endswith(".gz")], [])

    def test_the_program_is_that_of_the_build_and_names_no_directory_of_it(self):
        program = self.tree / "usr/bin/bake"
        self.assertEqual(run(program, "--version").stdout, run(BINARY, "--version").stdout)
        content = program.read_bytes()
        for directory in (SOURCE, BUILD):
            self.assertNotIn(str(directory).encode(), content)

    def test_a_second_package_is_equal(self):
        self.assertEqual(sha256(self.pack("DEB", "again")), sha256(self.deb))

    def test_lintian_finds_no_error(self):
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        # The manual is generated from the help of bake; a build without it has none.
        result = run("lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", "no-manual-page", self.deb,
                     check=False)
        self.assertEqual((result.returncode, result.stdout), (0, ""))


class RpmPackage(PackageCase):
    """Built here, it needs the libraries of this system: its files can be checked, not its dependencies on EL."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("rpmbuild"):
            raise unittest.SkipTest("rpmbuild is not installed")
        cls.rpm = cls.pack("RPM")
        cls.root = cls.scratch / "root"
        cls.root.mkdir()
        run("rpm", "--root", cls.root, "--initdb")
        run("rpm", "--root", cls.root, "--install", "--nodeps", cls.rpm)

    def ask(self, *arguments):
        return run("rpm", "--root", self.root, "--query", *arguments, "bake").stdout.splitlines()

    def test_a_clean_root_gets_the_installed_files(self):
        self.assertEqual([name for name in self.ask("--list") if not name.startswith("/usr/")], [])
        self.assertEqual(without_generated(files_below(self.root / "usr")), installed_files())
        run("rpm", "--root", self.root, "--verify", "--nodeps", "bake")

    def test_it_requires_the_parts_of_the_appliance_by_their_names_on_el(self):
        required = {line.split()[0] for line in self.ask("--requires")}
        self.assertLessEqual({"libguestfs", "libguestfs-xfs", "supermin", "qemu-kvm-core", "qemu-img", "kernel-core",
                              "libguestfs.so.0()(64bit)", "librnp.so.0()(64bit)", "libsolv.so.1()(64bit)"}, required)

    def test_it_owns_its_directories_and_no_shared_one(self):
        listed = set(self.ask("--list"))
        self.assertLessEqual({"/usr/share/bake", "/usr/share/bake/packer", "/usr/share/doc/bake"}, listed)
        for shared in ("/usr", "/usr/bin", "/usr/share", "/usr/share/doc", "/usr/share/man", "/usr/share/man/man1",
                       "/usr/share/bash-completion/completions"):
            self.assertNotIn(shared, listed)

    def test_the_licence_is_marked(self):
        self.assertEqual(self.ask("--licensefiles"), ["/usr/share/doc/bake/LICENSE"])
        self.assertEqual(self.ask("--queryformat", "%{LICENSE}\n"), ["Apache-2.0"])

    def test_the_program_runs_with_the_libraries_of_this_machine(self):
        self.assertEqual(run(self.root / "usr/bin/bake", "--version").stdout, run(BINARY, "--version").stdout)

    def test_a_second_package_is_equal(self):
        self.assertEqual(sha256(self.pack("RPM", "again")), sha256(self.rpm))


@unittest.skipUnless(NIGHTLY, "runs with --nightly")
class CleanRoot(PackageCase):
    """A Debian of this machine's release with nothing but the .deb and what apt installs for it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.scratch / "root"
        release = run("sh", "-c", ". /etc/os-release && echo $ID $VERSION_CODENAME").stdout.split()
        if release[0] != "debian":
            raise unittest.SkipTest("this machine is not a Debian")
        debian_root(release[1], cls.root, "ca-certificates")
        shutil.copy(cls.pack("DEB"), cls.root / "root/bake.deb")
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", cls.root / f"etc/{name}")
        cls.chroot("sh", "-c", "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install /root/bake.deb")

    # The mounts are in a separate namespace and go with the program: none is left for the removal of the root.
    INSIDE = """mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; mount -t devtmpfs devtmpfs "$0/dev"
        mount -t tmpfs tmpfs "$0/run"; mount -o bind,ro "$1" "$0/mnt"; root=$0; shift; exec chroot "$root" "$@\""""

    @classmethod
    def chroot(cls, *arguments, check=True, network=True):
        """Runs a program in the clean root, with a plain environment. /mnt has the stand-ins."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("LIBGUESTFS_", "http"))}
        (SOURCE / "build/standins").mkdir(parents=True, exist_ok=True)
        return run("unshare", "--mount", "--propagation", "private", *(() if network else ("--net",)), "sh", "-ec", cls.INSIDE,
                   cls.root, SOURCE / "build/standins", *arguments, check=check,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", **kept})

    def test_it_can_bake(self):
        result = self.chroot("bake", "doctor", "--json", check=False)
        checks = json.loads(result.stdout)["checks"]
        self.assertEqual([check for check in checks if check["verdict"] == "problem"], [])
        self.assertEqual(result.returncode, 0)

    def test_it_bakes_and_verifies_an_image_without_a_network(self):
        base, bundle = standin("deb-guest.sh"), standin("bundle.sh", "5.5-1.0.3.2-ubuntu20.04")
        digest = Path(f"{bundle}.sha256").read_text().split()[0]
        self.chroot("bake", "bundle", "trust", "/mnt/keys/trusted.gpg")
        self.chroot("bake", "bundle", "add", f"/mnt/{bundle.relative_to(base.parent)}", "--sha256", digest)
        recipe = self.chroot("bake", "init", f"/mnt/{base.name}", "--vm-size", "Standard_HB120rs_v2", network=False).stdout
        self.assertEqual(recipe.splitlines()[0], "# yaml-language-server: $schema=/usr/share/bake/schema/recipe.schema.json")
        (self.root / "srv/image.yaml").write_text(recipe)
        baked = json.loads(self.chroot("bake", "image", "/srv/image.yaml", "-o", "/srv/out.vhd", "--json", network=False).stdout)
        self.assertEqual(baked["product"]["sha256"], sha256(self.root / "srv/out.vhd"))
        verified = json.loads(self.chroot("bake", "verify", "/srv/out.vhd", "--again", "--json", network=False).stdout)
        self.assertTrue(verified["ok"])

    def test_removing_the_package_leaves_no_file_of_it(self):
        self.chroot("dpkg", "--purge", "bake")
        self.assertEqual([name for name in ("usr/bin/bake", "usr/share/bake", "usr/share/doc/bake") if (self.root / name).exists()], [])
        self.chroot("dpkg", "--install", "/root/bake.deb")


if __name__ == "__main__":
    if not shutil.which("dpkg-shlibdeps"):
        skip("this machine has no dpkg-shlibdeps: it cannot build a .deb")
    if NIGHTLY:
        sys.argv.remove("--nightly")
        if os.geteuid() != 0:
            skip("only root can make a root file system with mmdebstrap")
        sys.argv[1:1] = ["CleanRoot"]
    unittest.main()
