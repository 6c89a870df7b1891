"""A guest that really boots: qemu by emulation, its kernel's messages in a file, a root shell on the second serial port.

The shell is systemd's own debug shell, asked for on the kernel's command line and moved to the serial port by a drop-in in
/run, so that the disk is booted as it is.
"""
import re
import select
import socket
import subprocess
import time

# Up to systemd 252 only a drop-in says where the debug shell is; /run is the initramfs's and outlives it.
DEBUG_ARGUMENTS = ("systemd.debug_shell=1 systemd.show_status=1 init=/bin/sh -- -c "
                   '"d=/run/systemd/system/debug-shell.service.d; mkdir -p $d; '
                   "printf '[Service]\\nTTYPath=/dev/ttyS1\\n' >$d/serial.conf; exec /sbin/init\"")


class Machine:
    """One run of a virtual machine, from power on to power off. Use as a context manager."""

    def __init__(self, disk, kernel, initrd, arguments, uuid, log, scratch, patience=900, firmware=None):
        """`firmware`: UEFI with Secure Boot, as a pair of files: its code, and its variables, which it writes."""
        self.log, self.deadline = log, time.monotonic() + patience
        shell = scratch / "shell.socket"
        shell.unlink(missing_ok=True)
        machine = []
        if firmware:
            code, variables = firmware
            # Only code in system management mode may write the variables, as Secure Boot needs it.
            machine = ["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
                       "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
                       "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", *machine, "-accel", "tcg", "-m", "1024", "-smp", "2", "-nodefaults", "-display", "none",
             "-no-reboot", "-uuid", uuid, "-drive", f"file={disk},format=qcow2,if=virtio", "-kernel", kernel, "-initrd", initrd,
             "-append", f"{arguments} {DEBUG_ARGUMENTS}", "-serial", f"file:{log}",
             "-chardev", f"socket,id=shell,path={shell},server=on,wait=off", "-serial", "chardev:shell"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.shell = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.shell.connect(str(shell))
                break
            except OSError:
                self._still_running("opening its serial port")
        self.counter = 0
        self.received = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shell.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def _still_running(self, doing, pause=0.2):
        if self.process.poll() is not None:
            raise AssertionError(f"{doing}: qemu ended with {self.process.returncode}: {self.process.stdout.read()}")
        if time.monotonic() > self.deadline:
            raise AssertionError(f"{doing}: no answer in time; the console says\n{self.console()[-3000:]}")
        time.sleep(pause)

    def console(self):
        """What the first serial port has printed so far."""
        return self.log.read_text(errors="replace").replace("\r", "")

    def _answer(self, mark, seconds):
        """What came before `mark` and the status in it, or None when nothing does for some seconds."""
        end = time.monotonic() + seconds
        while not (found := re.search(rf"(.*){mark}=(\d+)\n", self.received, re.DOTALL)):
            if not select.select([self.shell], [], [], max(0, end - time.monotonic()))[0]:
                return None
            if not (block := self.shell.recv(65536)):
                return None
            self.received += block.decode(errors="replace").replace("\r", "")
        self.received = self.received[found.end():]
        return found[1], int(found[2])

    def ask(self, command, seconds=300, check=True):
        """Standard output of a command that the guest's root shell runs."""
        self.counter += 1
        # The shell computes the numbers in the marks, so that its echo of the command is not taken for them.
        self.shell.sendall(f"echo question-$(({self.counter})); {{ {command}; }} 2>/dev/null; "
                           f"echo answer-$(({self.counter}))=$?\n".encode())
        answer = self._answer(f"answer-{self.counter}", seconds)
        assert answer, f"'{command}': no answer; the console says\n{self.console()[-3000:]}"
        output, status = answer
        assert status == 0 or not check, f"'{command}': status {status}"
        return output.partition(f"question-{self.counter}\n")[2]

    def wait_for_shell(self):
        """Until the guest's systemd has started the shell, which is early."""
        while True:
            # Bytes that come before the shell are partly lost. No quotes, or half of them could open one for ever;
            # ^C drops the rest of such a line.
            self.shell.sendall(b"\x03\necho answer-$((0))=$?\n")
            if self._answer("answer-0", 3):
                break
            self._still_running("waiting for the root shell", 0)
        while self._answer("answer-0", 1):  # of the lines that were sent too early
            pass
        self.received = ""

    def wait_until_booted(self):
        """Until systemd has no job left; gives what it then thinks of itself: "running" or "degraded"."""
        self.wait_for_shell()
        while (state := self.ask("systemctl is-system-running", check=False).strip()) not in ("running", "degraded"):
            self._still_running(f"booting, systemd says '{state}'", 1)
        return state

    def properties(self, unit, *names):
        """Properties of a unit as systemd shows them."""
        text = self.ask(f"systemctl show -p {','.join(names)} {unit}")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def power_off(self):
        self.shell.sendall(b"systemctl poweroff\n")
        while self.process.poll() is None:
            self._still_running("powering off")
