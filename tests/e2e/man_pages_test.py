#!/usr/bin/python3
"""The manual pages that the program writes: complete, and without warnings of the tools that show them."""
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from e2e import BINARY, SOURCE, run

FORMATS = {"bake-recipe.5", "bake-fleet.5", "bake-matrix.5", "bake-manifest.5"}


class ManPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        top = Path(cls.directory.name)
        run(BINARY, "docs", "man", top, "--documents", SOURCE / "docs")
        cls.pages = {page.name: page for page in top.glob("man*/*")}

    def test_every_command_and_format_has_a_page(self):
        commands = re.findall(r"^  ([a-z]+) ", run(BINARY, "--help").stdout.partition("Subcommands:")[2], re.MULTILINE)
        self.assertIn("image", commands)
        self.assertEqual(set(self.pages), {"bake.1"} | {f"bake-{name}.1" for name in commands} | FORMATS)

    def test_a_page_of_a_command_has_every_section(self):
        for name, page in self.pages.items():
            if not name.endswith(".1"):
                continue
            sections = re.findall(r'^\.SH "(.*)"$', page.read_text(), re.MULTILINE)
            wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
            self.assertEqual([section for section in sections if section in wanted], wanted, name)
            self.assertNotRegex(page.read_text(), r'\.SH "DESCRIPTION"\n\.SH', name)

    def test_references_lead_to_pages(self):
        for name, page in self.pages.items():
            for target, section in re.findall(r"\\fB([a-z\\-]+)\\fR\((\d)\)", page.read_text()):
                self.assertIn(f"{target}.{section}".replace("\\", ""), self.pages, name)

    def test_examples_parse(self):
        """Each example is a command line that the program knows: its --help says so."""
        for name, page in self.pages.items():
            text = page.read_text().partition('.SH "EXAMPLES"')[2]
            for line in re.findall(r"^\\fBbake (.*)\\fR$", text, re.MULTILINE):
                words = line.replace("\\-", "-").replace("\\(ti", "~").split(" > ")[0].split()
                result = run(BINARY, *words, "--help", check=False)
                self.assertEqual(result.returncode, 0, f"{name}: {words}: {result.stderr}")

    def test_man_has_no_warnings(self):
        if not shutil.which("man") or not shutil.which("groff"):
            self.skipTest("man or groff is not installed")
        for name, page in self.pages.items():
            result = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page], capture_output=True, text=True,
                                    env={"MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}, check=True)
            self.assertEqual(result.stderr, "", name)
            self.assertGreater(len(result.stdout.splitlines()), 20, name)

    def test_mandoc_has_no_warnings(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *self.pages.values()], capture_output=True,
                                text=True, check=False)
        self.assertEqual(result.stdout + result.stderr, "")


if __name__ == "__main__":
    unittest.main()
