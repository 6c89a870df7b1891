#!/usr/bin/python3
"""Boots a baked guest with Secure Boot on. Its firmware is OVMF; its kernel is a genuine one of Debian, which Debian signed. An extra
package brings real modules, built with the headers of that kernel, and bake signs them with a key of the site.

The first boot has the keys of the firmware's vendor only, so the kernel refuses the modules. It adds the certificate of the site
to db, as Azure does for a VM from the gallery version. In the second boot the modules load, and the same module without its
signature is refused. The consoles are kept in build/e2e/secure-boot-serial-N.log.

The machine gets kernel and initramfs from qemu, so the test does not show that the firmware refuses an unsigned boot loader.
"""
import json
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from e2e import SOURCE, BakeCase, run, skip, standin
from virtual_machine import Machine
import boot_test

STANDINS = SOURCE / "build/standins"
OVMF = Path("/usr/share/OVMF")
CODE = OVMF / "OVMF_CODE_4M.secboot.fd"
VARIABLES = OVMF / "OVMF_VARS_4M.snakeoil.fd"  # has PK, KEK and db with a key that everyone knows, and Secure Boot on
OWNER = Path("/usr/share/ovmf/PkKek-1-snakeoil")
OWNER_PASS_PHRASE = "snakeoil"
DB = "/sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
VM_ID = "8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c11"
MAGIC = b"~Module signature appended~\n"
SITE = "Example site modules"


def split_module(module):
    """Content and CMS of a signed module."""
    assert module.endswith(MAGIC), "the module has no signature"
    info = module[-len(MAGIC) - 12:-len(MAGIC)]
    size = int.from_bytes(info[8:], "big")
    body = module[:-len(MAGIC) - 12]
    return body[:-size], body[-size:]


SOURCE_TEXT = """#include <linux/module.h>
static int __init start(void) { pr_info("%s: loaded\\n", KBUILD_MODNAME); return 0; }
static void __exit stop(void) {}
module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("loads and does nothing");
"""
# Of the inbox driver; the guest lacks them, and the test does not use them.
EMPTY_PACKAGES = "ibverbs-utils", "infiniband-diags", "librdmacm1", "perftest", "rdmacm-utils"
PACKED = {"bake_plain": "", "bake_xz": ".xz", "bake_zst": ".zst"}  # module → how its package packs it


class SecureBoot(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh", STANDINS, "24.04")
        cls.kernel_release = (STANDINS / "ubuntu-24.04.kernel").read_text().strip()
        cls.directory = f"/usr/lib/modules/{cls.kernel_release}/updates"
        cls.bake("bundle", "add", "--extra", cls.package_of_modules(), "--for", "ubuntu24.04", "--name", "modules")
        cls.key = cls.scratch / "modules"
        cls.bake("key", "new", "--modules", cls.key, "--name", SITE)
        cls.recipe = cls.scratch / "image.yaml"
        cls.recipe.write_text(f"schema: bake/v1\nbase: {cls.base}\nos: ubuntu 24.04\nvm_sizes: [Standard_HB120rs_v3]\n"
                              "ofed: inbox\ncustomize: {packages: [bake-modules]}\n"
                              "secure_boot: {sign_with: modules.key, certificates: [modules.pem]}\n")
        cls.plan = json.loads(cls.bake("plan", cls.recipe, "--json").stdout)
        cls.output = cls.image = cls.scratch / "out.vhd"
        cls.manifest = json.loads(cls.bake("image", cls.recipe, "-o", cls.output, "--json").stdout)
        boot_test.Boot.make_overlay.__func__(cls)
        boot_test.Boot.read_boot_files.__func__(cls)
        cls.take_modules()
        cls.prepare_overlay()
        cls.variables = cls.scratch / "variables.fd"
        shutil.copy(VARIABLES, cls.variables)
        cls.before = cls.boot(1, cls.look_before)
        cls.after = cls.boot(2, cls.look_after)

    # Preparation

    @classmethod
    def package_of_modules(cls):
        """A directory with a deb that has the modules, built on this machine with the headers of the guest's kernel."""
        headers, source, tree = cls.scratch / "headers", cls.scratch / "source", cls.scratch / "tree"
        for deb in standin("build-tools.sh").glob("linux-*.deb"):
            run("dpkg", "-x", deb, headers)
        makefile = headers / f"usr/src/linux-headers-{cls.kernel_release}/Makefile"
        makefile.write_text(makefile.read_text().replace("/usr/src/", f"{headers}/usr/src/"))
        source.mkdir()
        for name in PACKED:
            (source / f"{name}.c").write_text(SOURCE_TEXT)
        (source / "Makefile").write_text("".join(f"obj-m += {name}.o\n" for name in PACKED))
        run("make", "-C", makefile.parent, f"M={source}", "modules")
        place = tree / f"lib/modules/{cls.kernel_release}/updates"
        place.mkdir(parents=True)
        for name, suffix in PACKED.items():
            shutil.copy(source / f"{name}.ko", place)
            if suffix:
                run({".xz": "xz", ".zst": "zstd"}[suffix], "-q", place / f"{name}.ko")
                (place / f"{name}.ko").unlink(missing_ok=True)
        cls.make_deb("bake-modules", tree)
        for name in EMPTY_PACKAGES:
            cls.make_deb(name, cls.scratch / "empty" / name)
        return cls.scratch / "packages"

    @classmethod
    def make_deb(cls, name, tree):
        """Adds a package with the files of `tree`."""
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 99\nArchitecture: amd64\n"
                                             f"Maintainer: tests <tests@example.com>\nDescription: {name}\n")
        (cls.scratch / "packages").mkdir(exist_ok=True)
        run("dpkg-deb", "--root-owner-group", "--build", tree, cls.scratch / "packages")

    @classmethod
    def take_modules(cls):
        """Copies the modules out of the image, and unpacks them with xz and zstd."""
        target = cls.scratch / "taken"
        target.mkdir()
        run("guestfish", "--ro", "--format=raw", "-a", cls.output, "-i", "copy-out", cls.directory, target)
        cls.modules, cls.unpacked = {}, {}
        for name, suffix in PACKED.items():
            cls.modules[name] = target / f"updates/{name}.ko{suffix}"
            plain = cls.modules[name].read_bytes()
            if suffix:
                program = {".xz": "xz", ".zst": "zstd"}[suffix]
                plain = subprocess.run([program, "-dc", cls.modules[name]], check=True, capture_output=True).stdout
            cls.unpacked[name] = plain

    @classmethod
    def certificate_update(cls):
        """The update of db that adds the certificate: an EFI signature list, signed by the owner of the platform."""
        owner = cls.scratch / "owner.key"
        run("openssl", "rsa", "-in", f"{OWNER}.key", "-passin", f"pass:{OWNER_PASS_PHRASE}", "-out", owner)
        plain, signed = cls.scratch / "db.esl", cls.scratch / "db.auth"
        run("cert-to-efi-sig-list", "-g", VM_ID, f"{cls.key}.pem", plain)
        run("sign-efi-sig-list", "-a", "-k", owner, "-c", f"{OWNER}.pem", "db", plain, signed)
        # efivarfs takes the attributes first: non-volatile, at boot, at run time, with time and signature, appended.
        update = cls.scratch / "db.update"
        update.write_bytes((0x67).to_bytes(4, "little") + signed.read_bytes())
        return update

    @classmethod
    def prepare_overlay(cls):
        """Gives the guest the update of db, and a module without its signature."""
        content, _ = split_module(cls.unpacked["bake_plain"])
        unsigned = cls.scratch / "unsigned.ko"
        unsigned.write_bytes(content)
        run("guestfish", "--format=qcow2", "-a", cls.overlay, "run", ":", "mount", "/dev/sda1", "/", ":",
            "upload", cls.certificate_update(), "/root/db.update", ":", "upload", unsigned, "/root/unsigned.ko")

    # Boots

    @classmethod
    def boot(cls, number, look):
        console = SOURCE / f"build/e2e/secure-boot-serial-{number}.log"
        console.unlink(missing_ok=True)
        with Machine(cls.overlay, cls.kernel, cls.initrd, cls.arguments, VM_ID, console, cls.scratch,
                     firmware=(CODE, cls.variables)) as machine:
            seen = {"system": machine.wait_until_booted()}
            seen["secure boot"] = machine.ask("od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*", check=False).strip()
            seen["lockdown"] = machine.ask("cat /sys/kernel/security/lockdown", check=False).strip()
            look(machine, seen)
            seen["keys"] = machine.ask("cat /proc/keys")
            machine.power_off()
            seen["console"] = machine.console()
        seen["log"] = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen["console"])  # of the kernel; dmesg takes minutes
        return seen

    @staticmethod
    def try_module(machine, command):
        """What a command that loads a module says, with its exit status."""
        return machine.ask(f"{command} 2>&1; echo status $?").strip()

    @classmethod
    def look_before(cls, machine, seen):
        seen["signed"] = {name: cls.try_module(machine, f"modprobe {name}") for name in PACKED}
        seen["inbox"] = cls.try_module(machine, "modprobe loop")
        seen["update"] = machine.ask(f"mount -t efivarfs none /sys/firmware/efi/efivars; chattr -i {DB}; "
                                     f"cat /root/db.update >{DB}; echo status $?", check=False).strip()

    @classmethod
    def look_after(cls, machine, seen):
        seen["unsigned"] = cls.try_module(machine, "insmod /root/unsigned.ko")
        seen["signed"] = {name: cls.try_module(machine, f"modprobe {name}") for name in PACKED}
        seen["loaded"] = machine.ask("cat /proc/modules")

    # What the bake did

    def test_the_plan_names_the_signers_and_the_certificate(self):
        plan = self.plan["secure_boot"]
        self.assertTrue(self.plan["works"])
        self.assertEqual((plan["keyring"], plan["hash"], plan["form"]), (".platform", "sha256", "cms"))
        self.assertEqual([(g["from"], g["bake"]) for g in plan["groups"]], [("extra packages and 'customize'", "signs")])
        self.assertEqual([c["subject"] for c in plan["certificates"]], [f"CN={SITE}"])

    def test_every_module_is_signed_and_verified(self):
        self.assertEqual(sorted(self.manifest["secure_boot"]["modules"]),
                         sorted(f"{self.directory}/{name}.ko{suffix}" for name, suffix in PACKED.items()))
        checks = {c["check"]: c for c in self.manifest["checks"]}
        for name in ("kernel signature", "module signatures", "module signatures in the initramfs", "package database", "traces"):
            self.assertEqual(checks[name]["status"], "passed", checks[name])
        self.assertEqual(checks["module signatures"]["evidence"], f"3 modules, signed by CN={SITE} (sha256, cms)")

    def test_kmod_names_the_signer(self):
        for name, file in sorted(self.modules.items()):
            self.assertEqual(run("modinfo", "-F", "signer", file).stdout.strip(), SITE, name)
            self.assertEqual(run("modinfo", "-F", "sig_hashalgo", file).stdout.strip(), "sha256", name)

    def test_openssl_verifies_the_signatures(self):
        for module in self.unpacked.values():
            content, cms = split_module(module)
            (self.scratch / "content").write_bytes(content)
            (self.scratch / "cms").write_bytes(cms)
            run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", self.scratch / "cms", "-content",
                self.scratch / "content", "-certfile", f"{self.key}.pem", "-nointern", "-noverify", "-out", "/dev/null")

    def test_a_module_without_its_signature_fails_the_verification(self):
        changed = self.scratch / "changed.vhd"
        run("cp", "--sparse=always", self.output, changed)
        run("guestfish", "--format=raw", "-a", changed, "-i", "upload", self.scratch / "unsigned.ko",
            f"{self.directory}/bake_plain.ko")
        result = json.loads(self.bake("verify", changed, "--manifest", f"{self.output}.manifest.json", "--json", check=False).stdout)
        check, = [c for c in result["checks"] if c["check"] == "module signatures"]
        self.assertEqual(check["status"], "failed")
        self.assertIn(f"{self.directory}/bake_plain.ko: it has no signature", check["evidence"])
        changed.unlink()

    # What the machine did

    def test_secure_boot_is_on(self):
        for seen in (self.before, self.after):
            self.assertEqual(seen["secure boot"], "1")
            self.assertIn("[integrity]", seen["lockdown"])
            self.assertIn("secureboot: Secure boot enabled", seen["log"])

    def test_without_the_certificate_the_kernel_refuses_the_modules(self):
        for name in PACKED:
            self.assertIn("Key was rejected by service", self.before["signed"][name])
            self.assertNotIn("status 0", self.before["signed"][name])
        self.assertIn("Loading of module with unavailable key is rejected", self.before["log"])
        self.assertEqual(self.before["inbox"], "status 0")  # Debian signed it
        self.assertEqual(self.before["update"], "status 0")
        self.assertNotIn(SITE, self.before["keys"])

    def test_with_the_certificate_the_modules_load(self):
        self.assertEqual(self.after["signed"], dict.fromkeys(PACKED, "status 0"))
        loaded = [line.split()[0] for line in self.after["loaded"].splitlines()]
        for name in PACKED:
            self.assertIn(name, loaded)
            self.assertIn(f"{name}: loaded", self.after["log"])
        self.assertRegex(self.after["log"], rf"integrity: Loaded X\.509 cert '{SITE}: [0-9a-f]+'")
        self.assertRegex(self.after["keys"], rf"asymmetri[: ]+{SITE}")

    def test_the_same_module_without_its_signature_is_refused(self):
        self.assertIn("Key was rejected by service", self.after["unsigned"])
        self.assertIn("Loading of unsigned module is rejected", self.after["log"])

    def test_the_verdict_reaches_the_console(self):
        for seen in (self.before, self.after):
            (line,) = boot_test.console_lines(seen, "ib-firstboot: exit")
            self.assertIn("ib-firstboot: exit 10: Linux Integration Services for Hyper-V and Azure not available", line)


def missing_tools():
    needed = [CODE, VARIABLES, Path(f"{OWNER}.key")]
    missing = [str(file) for file in needed if not file.exists()]
    missing += [tool for tool in ("cert-to-efi-sig-list", "sign-efi-sig-list", "zstd", "make", "gcc") if not shutil.which(tool)]
    return missing


if __name__ == "__main__":
    if absent := missing_tools():
        skip(f"needs the packages ovmf and efitools: {', '.join(absent)} missing")
    unittest.main()
