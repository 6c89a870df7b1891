#!/usr/bin/python3
"""Completion in real shells: bash, and zsh and fish if they are installed."""
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from e2e import BINARY, run

TOPICS = ["bundles", "inbox", "manifest", "ofed", "os", "pci", "rules", "secure-boot", "sizes"]


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.scratch = Path(cls.directory.name)
        (cls.scratch / "bin").mkdir()
        (cls.scratch / "bin/bake").symlink_to(BINARY)
        for name in ("image one.yaml", "image.vhd", "other"):
            (cls.scratch / name).touch()
        for shell in ("bash", "zsh", "fish"):
            (cls.scratch / f"{shell}.script").write_text(run(BINARY, "completion", shell).stdout)
        cls.environment = {"PATH": f"{cls.scratch}/bin:/usr/bin:/bin", "HOME": str(cls.scratch), "LC_ALL": "C.UTF-8",
                           "BAKE_STORE": str(cls.scratch / "store"), "TERM": "dumb"}

    def bash(self, *words):
        """Calls the function that bash calls; bash itself splits words at "="."""
        script = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
                    _bake; printf '%s\\n' "${COMPREPLY[@]}\""""
        result = run("bash", "--norc", "-c", script, "bash", self.scratch / "bash.script", "bake", *words,
                     env=self.environment, cwd=self.scratch)
        return [line for line in result.stdout.split("\n") if line]

    def fish(self, line):
        result = run("fish", "--no-config", "-c", f"source {self.scratch}/fish.script; complete -C '{line}'",
                     env=self.environment, cwd=self.scratch)
        return [word.split("\t")[0] for word in result.stdout.splitlines()]

    def zsh(self, line):
        """Types a line and a tab into an interactive zsh, and gives the line that it makes of it."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.scratch)
            os.execve(shutil.which("zsh"), ["zsh", "-f", "-i"], self.environment | {"PS1": "> "})

        def read(until):
            output, end = b"", time.monotonic() + 30
            while until not in output and time.monotonic() < end:
                if select.select([terminal], [], [], 0.2)[0]:
                    output += os.read(terminal, 65536)
            return output.decode(errors="replace")

        def say(text):
            os.write(terminal, text.encode())

        try:
            say("unsetopt zle_bracketed_paste; autoload -Uz compinit && compinit -u -D; "
                f"source {self.scratch}/zsh.script; echo rea''dy\n")
            read(b"ready\r\n")
            # ^T writes the line that the completion has made.
            say("show() { print -r -- \"LINE=$BUFFER=END\" >$HOME/zsh.line; BUFFER=; }; zle -N show; bindkey '^T' show; "
                "echo rea''dy2\n")
            read(b"ready2\r\n")
            made = self.scratch / "zsh.line"
            made.unlink(missing_ok=True)
            say(line + "\t")
            time.sleep(2)
            say("\x14")
            end = time.monotonic() + 30
            while not made.exists() and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(0.2)
            return made.read_text().partition("LINE=")[2].partition("=END")[0]
        finally:
            os.close(terminal)
            os.kill(child, 9)
            os.waitpid(child, 0)

    def test_bash(self):
        self.assertEqual(self.bash("bund"), ["bundle"])
        self.assertEqual(sorted(self.bash("bundle", "")), ["add", "list", "remove", "show", "trust", "verify", "wanted"])
        self.assertEqual(self.bash("image", "--for"), ["--force"])
        self.assertEqual(self.bash("image", "--force", "--prog"), ["--progress"])
        self.assertEqual(self.bash("--progress", "p"), ["plain"])
        self.assertEqual(self.bash("plan", "--progress", "=", "j"), ["json"])
        self.assertEqual(self.bash("plan", "--progress", "="), ["auto", "tty", "plain", "json", "none"])
        self.assertEqual(sorted(self.bash("matrix", "list", "")), TOPICS)
        self.assertEqual(self.bash("matrix", "resolve", "centos7.7"), ["centos7.7"])
        self.assertEqual(self.bash("matrix", "resolve", "centos7.7", "standard_hb120rs_v2"), ["Standard_HB120rs_v2"])
        self.assertEqual(self.bash("init", "other", "--vm-size", "Standard_HX176rs"), ["Standard_HX176rs"])
        self.assertEqual(sorted(self.bash("image", "im")), ["image one.yaml", "image.vhd"])
        self.assertEqual(self.bash("batch", "--jobs", ""), [])
        self.assertEqual(self.bash("events", "--e"), [])

    def test_fish(self):
        if not shutil.which("fish"):
            self.skipTest("fish is not installed")
        self.assertEqual(self.fish("bake bund"), ["bundle"])
        self.assertEqual(self.fish("bake image --for"), ["--force"])
        self.assertEqual(self.fish("bake --progress p"), ["plain"])
        self.assertEqual(self.fish("bake plan --progress=j"), ["--progress=json"])
        self.assertEqual(sorted(self.fish("bake matrix list ")), TOPICS)
        self.assertEqual(self.fish("bake plan oth"), ["other"])

    def test_zsh(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        self.assertEqual(self.zsh("bake bund"), "bake bundle ")
        self.assertEqual(self.zsh("bake image --for"), "bake image --force ")
        self.assertEqual(self.zsh("bake plan --progress=j"), "bake plan --progress=json ")
        self.assertEqual(self.zsh("bake plan oth"), "bake plan other ")

    def test_scripts_parse(self):
        self.assertEqual(subprocess.run(["bash", "-n", self.scratch / "bash.script"], check=False).returncode, 0)
        for shell in ("zsh", "fish"):
            if shutil.which(shell):
                run(shell, "-n", self.scratch / f"{shell}.script")


if __name__ == "__main__":
    unittest.main()
