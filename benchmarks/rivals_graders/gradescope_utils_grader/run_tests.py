"""The grader with gradescope-utils: `python run_tests.py`, with attention.py in the same folder."""

# mypy: disable-error-code="import-not-found"

import unittest

from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

if __name__ == "__main__":
    suite = unittest.defaultTestLoader.discover("tests", pattern="check_*.py")
    with open("results.json", "w", encoding="utf-8") as file:
        JSONTestRunner(visibility="visible", stream=file).run(suite)
