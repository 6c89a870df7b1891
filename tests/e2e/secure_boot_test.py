#!/usr/bin/python3
"""Boots a baked guest with Secure Boot on. Its firmware is OVMF; its kernel is a genuine one of Debian, which Debian signed. The
modules are real: dkms compiles them in the image, and bake signs them with a key of the site.

The first boot has the keys of the firmware's vendor only, so the kernel refuses the modules. It adds the certificate of the site
to db, as Azure does for a VM from the gallery version. In the second boot the modules load, and the same module without its
signature is refused. The consoles are kept in build/e2e/secure-boot-serial-N.log.

The machine gets kernel and initramfs from qemu, so the test does not show that the firmware refuses an unsigned boot loader.
"""
import json
import shutil
import unittest
from pathlib import Path

from e2e import SOURCE, BakeCase, run, skip, standin
from virtual_machine import Machine
import boot_test
import main_job

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


class SecureBoot(main_job.MainJob):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = standin("deb-guest.sh", STANDINS, "24.04")
        cls.bundle = standin("doca.sh", STANDINS, "D1")
        cls.bake("bundle", "add", "--extra", standin("build-tools.sh"), "--for", "ubuntu24.04", "--name", "build tools")
        cls.key = cls.scratch / "modules"
        cls.bake("key", "new", "--modules", cls.key, "--name", SITE)
        cls.recipe_edits = (("profile: ib-minimal ", "profile: basic "),
                            ("\nconfigure:\n", "\nsecure_boot: {sign_with: modules.key, certificates: [modules.pem]}\n"
                                               "\nconfigure:\n"))
        cls.bake_all()
        cls.kernel_release = cls.plan["kernel"]["release"]
        cls.directory = f"/lib/modules/{cls.kernel_release}/updates/dkms"
        cls.image = cls.output
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
    def take_modules(cls):
        """Copies the modules out of the image and unpacks them with zstd."""
        cls.modules = {}
        target = cls.scratch / "taken"
        target.mkdir()
        run("guestfish", "--ro", "--format=raw", "-a", cls.output, "-i", "copy-out", cls.directory, target)
        for file in (target / "dkms").glob("*.ko.zst"):
            run("zstd", "-q", "-d", file)
            cls.modules[file.name[:-len(".ko.zst")]] = file

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
        content, _ = split_module((cls.modules["ib_srp"].with_suffix("")).read_bytes())
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
            seen["log"] = machine.ask("dmesg")
            machine.power_off()
            seen["console"] = machine.console()
        return seen

    @staticmethod
    def try_module(machine, command):
        """What a command that loads a module says, with its exit status."""
        return machine.ask(f"{command} 2>&1; echo status $?").strip()

    @classmethod
    def look_before(cls, machine, seen):
        seen["signed"] = cls.try_module(machine, "modprobe -v ib_srp")
        seen["inbox"] = cls.try_module(machine, "modprobe loop")
        seen["update"] = machine.ask(f"mount -t efivarfs none /sys/firmware/efi/efivars; chattr -i {DB}; "
                                     f"cat /root/db.update >{DB}; echo status $?", check=False).strip()

    @classmethod
    def look_after(cls, machine, seen):
        seen["unsigned"] = cls.try_module(machine, "insmod /root/unsigned.ko")
        seen["signed"] = cls.try_module(machine, "modprobe -v ib_srp")
        seen["loaded"] = machine.ask("cat /proc/modules")
        seen["file"] = machine.ask("modinfo -n ib_srp").strip()

    # What the bake did

    def test_the_plan_names_the_signers_and_the_certificate(self):
        plan = self.plan["secure_boot"]
        self.assertEqual(plan["keyring"], ".platform")
        self.assertEqual((plan["hash"], plan["form"]), ("sha256", "cms"))
        self.assertEqual([(g["signed_by"], g["from"], g["bake"]) for g in plan["groups"]], [("nobody", "DKMS", "signs")])
        self.assertEqual([c["subject"] for c in plan["certificates"]], [f"CN={SITE}"])
        self.assertEqual([w for w in self.plan["warnings"] if "Secure Boot" in w], [])

    def test_every_module_is_signed(self):
        self.assertEqual(sorted(self.manifest["secure_boot"]["modules"]),
                         sorted(f"{self.directory}/{name}.ko.zst" for name in self.modules))
        self.assertGreater(len(self.modules), 5)
        checks = {c["check"]: c for c in self.manifest["checks"]}
        for name in ("kernel signature", "module signatures", "module signatures in the initramfs", "dkms", "traces"):
            self.assertEqual(checks[name]["status"], "passed", checks[name])

    def test_kmod_names_the_signer(self):
        for name, file in sorted(self.modules.items()):
            self.assertEqual(run("modinfo", "-F", "signer", file).stdout.strip(), SITE, name)
            self.assertEqual(run("modinfo", "-F", "sig_hashalgo", file).stdout.strip(), "sha256", name)

    def test_openssl_verifies_the_signatures(self):
        for name, file in sorted(self.modules.items()):
            content, cms = split_module(file.with_suffix("").read_bytes())
            (self.scratch / "content").write_bytes(content)
            (self.scratch / "cms").write_bytes(cms)
            run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", self.scratch / "cms", "-content",
                self.scratch / "content", "-certfile", f"{self.key}.pem", "-nointern", "-noverify", "-out", "/dev/null")

    def test_a_changed_module_fails_the_verification(self):
        changed = self.scratch / "changed.vhd"
        run("cp", "--sparse=always", self.output, changed)
        shutil.copy(f"{self.output}.manifest.json", f"{changed}.manifest.json")
        module = self.scratch / "ib_srp.ko.zst"
        content, _ = split_module(self.modules["ib_srp"].with_suffix("").read_bytes())
        (self.scratch / "ib_srp.ko").write_bytes(content)
        run("zstd", "-q", "-f", self.scratch / "ib_srp.ko", "-o", module)
        run("guestfish", "--format=raw", "-a", changed, "-i", "upload", module, f"{self.directory}/ib_srp.ko.zst")
        result = json.loads(self.bake("verify", changed, "--json", check=False).stdout)
        check, = [c for c in result["checks"] if c["check"] == "module signatures"]
        self.assertEqual(check["status"], "failed")
        self.assertIn(f"{self.directory}/ib_srp.ko.zst: it has no signature", check["evidence"])
        changed.unlink()

    def test_the_private_key_is_not_in_the_image(self):
        found = main_job.guest_text(self.output, "glob-expand", "/var/lib/dkms/mok.*").split()
        self.assertEqual(found, [])

    # What the machine did

    def test_secure_boot_is_on(self):
        for seen in (self.before, self.after):
            self.assertEqual(seen["secure boot"], "1")
            self.assertIn("[integrity]", seen["lockdown"])
            self.assertIn("secureboot: Secure boot enabled", seen["log"])

    def test_without_the_certificate_the_kernel_refuses_the_modules(self):
        self.assertIn("Key was rejected by service", self.before["signed"])
        self.assertNotIn("status 0", self.before["signed"])
        self.assertIn("Loading of module with unavailable key is rejected", self.before["log"])
        self.assertEqual(self.before["inbox"], "status 0")  # Debian signed it
        self.assertEqual(self.before["update"], "status 0")
        self.assertNotIn(SITE, self.before["keys"])

    def test_with_the_certificate_the_modules_load(self):
        self.assertIn("status 0", self.after["signed"])
        self.assertEqual(self.after["file"], f"{self.directory}/ib_srp.ko.zst")
        loaded = [line.split()[0] for line in self.after["loaded"].splitlines()]
        self.assertIn("ib_srp", loaded)
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
    missing += [tool for tool in ("cert-to-efi-sig-list", "sign-efi-sig-list", "zstd") if not shutil.which(tool)]
    return missing


if __name__ == "__main__":
    if absent := missing_tools():
        skip(f"needs the packages ovmf and efitools: {', '.join(absent)} missing")
    unittest.main()
