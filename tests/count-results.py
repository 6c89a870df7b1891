#!/usr/bin/python3
"""Prints "N passed, N failed, N skipped" for ctest's JUnit report, after the name of each test that failed or was skipped and
the reason for a skip. A test is skipped when it says so: exit status 77, or gtest's GTEST_SKIP. A test that did not run for
any other reason counts as failed. The exit status is 1 when a test failed or the report has none."""
import sys
import xml.etree.ElementTree as ElementTree


def is_skipped(case):
    """ctest also calls "skipped" what it could not start; then the message is another one (ctest 3.25, WriteJUnitXML)."""
    mark = case.find("skipped")
    return case.get("status") == "notrun" and mark is not None and mark.get("message", "").startswith("SKIP_")


def reason_of(case):
    """Our suites print "skipped: REASON"; gtest prints the text of GTEST_SKIP on the line after "FILE:LINE: Skipped"."""
    lines = (case.findtext("system-out") or "").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("skipped: "):
            return line.removeprefix("skipped: ")
        if line.endswith(": Skipped") and number + 1 < len(lines) and lines[number + 1]:
            return lines[number + 1]
    return "the test gives no reason"


def main(report):
    cases = ElementTree.parse(report).getroot().findall("testcase")
    skipped = [case for case in cases if is_skipped(case)]
    failed = [case for case in cases if case.get("status") != "run" and not is_skipped(case)]
    for case in skipped:
        print(f"skipped: {case.get('name')}: {reason_of(case)}")
    for case in failed:
        print(f"failed: {case.get('name')}")
    print(f"{len(cases) - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
