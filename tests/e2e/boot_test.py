#!/usr/bin/python3
"""Boots the baked Ubuntu guest two times and checks that ib-firstboot reports the same verdict in every place.

There is no Hyper-V here, so the verdict must be 10. The kernel, the initramfs and the command line come from the image. The
machine writes to an overlay, not to the image. The serial console is kept in build/e2e/boot-serial.log.
"""
import json
import re
import stat
import unittest

import baked
from e2e import SOURCE, BakeCase, run
from virtual_machine import Machine

SERIAL_LOG = SOURCE / "build/e2e/boot-serial.log"
VM_ID = "8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10"
EVIDENCE = ("DMI 'QEMU' 'Standard PC (i440FX + PIIX, 1996)', VMBus devices: 0, hv_pci not registered: this is not a Hyper-V "
            "virtual machine")
MESSAGE = "Linux Integration Services for Hyper-V and Azure not available or installed: " + EVIDENCE
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
AZURE_LOGS = "azure/ib-vmext-status", "azure/Microsoft.HpcCompute.InfiniBandDriverLinux/ib-vmext-status"


def console_lines(seen, text):
    """The lines with `text` on the console of one boot, without colours."""
    return [line for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen["console"]).splitlines() if text in line]


class Boot(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = baked.ubuntu()
        cls.image_time = cls.image.stat().st_mtime_ns
        cls.make_overlay()
        cls.read_boot_files()
        SERIAL_LOG.unlink(missing_ok=True)
        cls.boots = [cls.boot(number) for number in (1, 2)]
        cls.read_back()

    @classmethod
    def make_overlay(cls):
        cls.overlay = cls.scratch / "overlay.qcow2"
        size = cls.image.stat().st_size - 512
        backing = json.dumps({"driver": "raw", "size": size, "file": {"driver": "file", "filename": str(cls.image)}})
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", f"json:{backing}", cls.overlay, str(size))

    @classmethod
    def read_boot_files(cls):
        """Reads kernel, initramfs and command line from grub.cfg. The boot loader itself is a stand-in."""
        run("guestfish", "--ro", "--format=qcow2", "-a", cls.overlay, "run", ":", "mount-ro", "/dev/sda1", "/", ":",
            "copy-out", "/boot", cls.scratch)
        boot = cls.scratch / "boot"
        text = (boot / "grub/grub.cfg").read_text()
        _, kernel, cls.arguments = re.search(r"^\s*linux\s.*", text, re.MULTILINE)[0].split(maxsplit=2)
        _, initrd = re.search(r"^\s*initrd\s.*", text, re.MULTILINE)[0].split()
        cls.kernel, cls.initrd = boot / kernel.rpartition("/")[2], boot / initrd.rpartition("/")[2]

    @classmethod
    def boot(cls, number):
        """Boots the machine once; returns the states of the units and the console."""
        console = cls.scratch / f"console-{number}.log"
        with Machine(cls.overlay, cls.kernel, cls.initrd, cls.arguments, VM_ID, console, cls.scratch) as machine:
            seen = {"system": machine.wait_until_booted()}
            for unit in ("ib-firstboot.service", "systemd-udev-settle.service", "openibd.service"):
                seen[unit] = machine.properties(unit, "ActiveState", "Result", "ExecMainStatus",
                                                "ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic")
            seen["walinuxagent.service"] = machine.properties("walinuxagent.service", "ConditionTimestampMonotonic")
            for unit in ("ib-ready.target", "multi-user.target", "serial-getty@ttyS0.service"):
                seen[unit] = machine.properties(unit, "ActiveState")["ActiveState"]
            machine.power_off()
            seen["console"] = machine.console()
        with open(SERIAL_LOG, "a") as file:
            file.write(seen["console"])
        return seen

    @classmethod
    def read_back(cls):
        run("guestfish", "--ro", "--format=qcow2", "-a", cls.overlay, "run", ":", "mount-ro", "/dev/sda1", "/", ":",
            "copy-out", "/var/log/azure", "/var/lib/ib-firstboot", cls.scratch)

    def test_the_unit_failed_with_the_verdict(self):
        for seen in self.boots:
            unit = seen["ib-firstboot.service"]
            self.assertEqual((unit["ActiveState"], unit["Result"], unit["ExecMainStatus"]), ("failed", "exit-code", "10"))

    def test_neither_boot_nor_login_was_blocked(self):
        for seen in self.boots:
            self.assertEqual(seen["system"], "degraded")  # systemd's word for a finished boot with a failed unit
            self.assertEqual(seen["multi-user.target"], "active")
            self.assertEqual(seen["serial-getty@ttyS0.service"], "active")
            self.assertTrue(console_lines(seen, "localhost login:"))

    def test_ib_ready_was_not_reached(self):
        for seen in self.boots:
            self.assertEqual(seen["ib-ready.target"], "inactive")
        # systemd loses status lines of a boot in which getty resets the console at that moment.
        lines = [line for seen in self.boots for line in console_lines(seen, "DEPEND")]
        self.assertIn(len(lines), (1, 2), lines)
        for line in lines:
            self.assertTrue(line.endswith("InfiniBand is ready."), line)

    def test_the_order(self):
        for seen in self.boots:
            start = int(seen["ib-firstboot.service"]["ExecMainStartTimestampMonotonic"])
            end = int(seen["ib-firstboot.service"]["ExecMainExitTimestampMonotonic"])
            for earlier in ("systemd-udev-settle.service", "openibd.service"):
                ended = int(seen[earlier]["ExecMainExitTimestampMonotonic"])
                self.assertTrue(0 < ended < start, f"{earlier} ended at {ended}, ib-firstboot started at {start}")
            # The agent's unit requires Hyper-V and is skipped here, but in its place in the order.
            self.assertGreater(int(seen["walinuxagent.service"]["ConditionTimestampMonotonic"]), end)

    def test_the_verdict_is_on_the_serial_console(self):
        for seen in self.boots:
            (line,) = console_lines(seen, "ib-firstboot: exit")
            self.assertRegex(line, rf"^\[ *\d+\.\d+\] ib-firstboot\[\d+\]: ib-firstboot: exit 10: {re.escape(MESSAGE)}$")
        failed = [line for seen in self.boots for line in console_lines(seen, "FAILED")
                  if line.endswith("InfiniBand works on this VM.")]
        self.assertIn(len(failed), (1, 2))

    def test_both_logs_have_both_boots(self):
        log, copy = ((self.scratch / name).read_text() for name in AZURE_LOGS)
        self.assertEqual(log, copy)
        checks = [f"hyper-v fail {EVIDENCE}", f"verdict fail exit 10: {MESSAGE}"]
        times = re.findall(rf"^({TIME}) verdict", log, re.MULTILINE)
        self.assertEqual(len(times), 2)
        self.assertEqual([re.sub(rf"^{TIME} (run info ib-firstboot [^,]+, )?", "", line) for line in log.splitlines()],
                         ["first run on this VM, waits at most 60 s", *checks,
                          f"same VM and verdict since {times[0]}, waits at most 60 s", *checks])

    def test_the_logs_are_regular_files_that_others_can_read(self):
        for name in AZURE_LOGS:
            file = self.scratch / name
            self.assertEqual(file.lstat().st_mode, stat.S_IFREG | 0o644)
            self.assertEqual(file.parent.lstat().st_mode, stat.S_IFDIR | 0o755)

    def test_the_status_file(self):
        (document,) = json.loads((self.scratch / "ib-firstboot/status/0.status").read_text())
        status = document["status"]
        self.assertEqual((status["status"], status["code"]), ("error", 10))
        self.assertEqual(status["formattedMessage"], {"lang": "en-US", "message": MESSAGE})
        self.assertEqual(status["substatus"], [{"name": "hyper-v", "status": "error", "code": 10,
                                                "formattedMessage": {"lang": "en-US", "message": EVIDENCE}}])

    def test_the_state(self):
        lines = (self.scratch / "ib-firstboot/state").read_text().splitlines()
        state = dict(line.split("=", 1) for line in lines)
        first_verdict = re.search(rf"({TIME}) verdict", (self.scratch / AZURE_LOGS[0]).read_text())[1]
        self.assertEqual(state, {"SINCE": first_verdict, "VM_ID": VM_ID, "VM_SIZE": "", "EXIT": "10",
                                 "KERNEL": self.kernel.name.removeprefix("vmlinuz-")})

    def test_the_image_is_untouched(self):
        self.assertEqual(self.image.stat().st_mtime_ns, self.image_time)


if __name__ == "__main__":
    unittest.main()
