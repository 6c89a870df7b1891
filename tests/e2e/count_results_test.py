#!/usr/bin/python3
"""tests/count-results.py on reports that ctest itself writes."""
import tempfile
import unittest
from pathlib import Path

from e2e import SOURCE, run

PROJECT = r"""cmake_minimum_required(VERSION 3.25)
project(results NONE)
enable_testing()
add_test(NAME good COMMAND true)
"""
SKIPS = r"""add_test(NAME absent COMMAND sh -c "echo 'skipped: no packages here'; exit 77")
set_tests_properties(absent PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME gtest COMMAND sh -c "echo 'a_test.cpp:12: Skipped'; echo 'needs root'; echo '[  SKIPPED ] A.b (0 ms)'")
set_tests_properties(gtest PROPERTIES SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
"""
FAILURES = r"""add_test(NAME bad COMMAND false)
add_test(NAME unknown COMMAND /nonexistent)
add_test(NAME off COMMAND true)
set_tests_properties(off PROPERTIES DISABLED ON)
"""


class CountResults(unittest.TestCase):
    def count(self, project):
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "CMakeLists.txt").write_text(project)
            run("cmake", "-B", directory, "-S", directory)
            run("ctest", "--test-dir", directory, "--output-junit", f"{directory}/report.xml", check=False)
            return run(SOURCE / "tests/count-results.py", f"{directory}/report.xml", check=False)

    def test_a_skipped_test_is_named_with_its_reason_and_is_not_passed(self):
        result = self.count(PROJECT + SKIPS)
        self.assertEqual(result.stdout, "skipped: absent: no packages here\nskipped: gtest: needs root\n"
                                        "1 passed, 0 failed, 2 skipped\n")
        self.assertEqual(result.returncode, 0)

    def test_a_test_that_cannot_run_is_failed(self):
        result = self.count(PROJECT + SKIPS + FAILURES)
        self.assertEqual(result.stdout.splitlines()[2:], ["failed: bad", "failed: unknown", "failed: off",
                                                          "1 passed, 3 failed, 2 skipped"])
        self.assertEqual(result.returncode, 1)

    def test_no_test_at_all_is_a_failure(self):
        result = self.count(PROJECT.replace("add_test", "# add_test"))
        self.assertEqual(result.stdout, "0 passed, 0 failed, 0 skipped\n")
        self.assertEqual(result.returncode, 1)


if __name__ == "__main__":
    unittest.main()
