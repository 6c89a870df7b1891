#!/usr/bin/python3
"""Prints "N passed, N failed" for ctest's JUnit report; a test that did not run counts as failed."""
import sys
import xml.etree.ElementTree as ElementTree

cases = ElementTree.parse(sys.argv[1]).getroot().findall("testcase")
failed = [case.get("name") for case in cases if case.get("status") != "run"]
for name in failed:
    print(f"failed: {name}")
print(f"{len(cases) - len(failed)} passed, {len(failed)} failed")
sys.exit(1 if failed or not cases else 0)
