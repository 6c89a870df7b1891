#!/usr/bin/python3
"""Progress on a terminal of a given width, with a copy that takes some seconds. No appliance."""
import fcntl
import json
import os
import pty
import re
import struct
import termios
import time
import unittest

from e2e import BINARY, BakeCase, run

COLUMNS = 60


def on_terminal(*arguments, until=None, send=b""):
    """Runs bake on a terminal; sends bytes when its output has `until`. Gives the output and the exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(BINARY, [str(BINARY), *map(str, arguments)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    output = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the end, on Linux
            break
        if not data:
            break
        output += data
        if until and until in output:
            os.write(terminal, send)
            until = None
    os.close(terminal)
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def screen(output):
    """What the terminal shows at the end; bake uses \\r, and erases everything below the cursor."""
    lines = [""]
    for part in re.split(r"(\r\n|\n|\r|\x1b\[J)", output):
        if part in ("\n", "\r\n"):
            lines.append("")
        elif part == "\r":
            lines[-1] = "\r" + lines[-1].lstrip("\r")
        elif part == "\x1b[J":
            lines[-1] = ""
        else:
            lines[-1] += part
    return [line.lstrip("\r") for line in lines]


class Terminal(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.disk = cls.scratch / "a disk with a name that is too long for this terminal.raw"
        with open(cls.disk, "wb") as file:
            file.write(b"\0" * 510 + b"\x55\xaa")
            block = os.urandom(1 << 20)
            for _ in range(500):
                file.write(block)

    def setUp(self):
        self.output = self.scratch / "out.vhd"
        for file in self.scratch.glob("out.vhd*"):
            file.unlink()

    def test_steps_stay_and_no_line_is_too_wide(self):
        started = time.monotonic()
        output, status = on_terminal("vhd", "wrap", self.disk, "-o", self.output)
        seconds = time.monotonic() - started
        self.assertEqual(status, 0, output)
        drawn = [part for part in re.split(r"\r\n|\r|\x1b\[J", output) if "copying" in part]
        self.assertGreaterEqual(len(drawn), 2)
        for line in drawn:
            self.assertLess(len(line), COLUMNS, line)
        self.assertGreaterEqual(len([line for line in drawn if line.startswith("step 1")]), min(int(seconds), 2))
        first, result, end = screen(output)
        self.assertRegex(first, r"^ +\d+\.\ds  copying '.*…")
        self.assertTrue(result.startswith(f"{self.output}: "), result)
        self.assertEqual(end, "")

    def test_ctrl_c_ends_with_130_and_leaves_nothing(self):
        output, status = on_terminal("vhd", "wrap", self.disk, "-o", self.output, until=b"copying", send=b"\x03")
        self.assertEqual(status, 130, output)
        self.assertEqual(list(self.scratch.glob("out.vhd*")), [])
        lines = screen(output)
        self.assertRegex(lines[0], r"\(failed\)$")
        self.assertEqual(lines[1:], ["bake: error: working: interrupted by a signal",
                                     "bake: hint: no incomplete file was left behind; run it again", ""])

    def test_events_are_json_on_each_line(self):
        result = run(BINARY, "--progress", "json", "vhd", "wrap", self.disk, "-o", self.output)
        events = [json.loads(line) for line in result.stderr.splitlines()]
        kinds = [event["event"] for event in events]
        self.assertEqual(kinds[0], "step")
        self.assertEqual(kinds[-1], "done")
        self.assertEqual(set(kinds[1:-1]), {"progress"})
        self.assertEqual(events[0]["n"], 1)
        self.assertEqual(events[-2]["done"], events[-2]["total"])
        self.assertEqual(events[-1]["exit_code"], 0)

    def test_without_a_terminal_nothing_is_drawn(self):
        result = run(BINARY, "vhd", "wrap", self.disk, "-o", self.output)
        self.assertRegex(result.stderr, r"^\[   0\.\ds\] copying '.*' \(500 MiB\)\n$")


if __name__ == "__main__":
    unittest.main()
