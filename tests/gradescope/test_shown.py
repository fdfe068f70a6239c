"""What the platform shows of results."""

from typing import Any

import pytest

from gradescope.shown import score_of, to_student

pytestmark = pytest.mark.torch_free

TESTS: list[dict[str, Any]] = [
    {"number": "1", "name": "attend", "score": 8.0, "max_score": 8.0, "status": "passed", "output": "well\ndone"},
    {"number": "2", "name": "mask", "score": 1.5, "max_score": 4.0, "status": "failed", "output": "no"},
]


def test_page_of_a_student() -> None:
    """Protects what an instructor sees before the class does: score, output, failed tests first, then the passed ones."""
    assert to_student({"output": "Fix 2.", "tests": TESTS}).splitlines() == [
        *("Autograder Score: 9.5 / 12", "", "Fix 2.", "", "== Failed Tests ==", "2) mask (1.5/4)", "    no"),
        *("", "== Passed Tests ==", "1) attend (8/8)", "    well", "    done"),
    ]


@pytest.mark.parametrize("visibility", ["hidden", "after_due_date", "after_published"])
def test_hidden_tests_hide_the_score(visibility: str) -> None:
    """Protects from a promise that the platform does not keep: with a hidden test no student sees a total."""
    results = {"tests": [TESTS[0], TESTS[1] | {"visibility": visibility}]}
    page = to_student(results)
    assert page.startswith("Autograder Score: not shown, since some tests are hidden")
    assert "mask" not in page
    assert ("mask" in to_student(results, published=True)) == (visibility != "hidden")


def test_score() -> None:
    """Protects the grade: a score at the top wins over the sum of the tests; without either there is none."""
    assert score_of({"score": 0, "tests": TESTS}) == 0
    assert score_of({"tests": TESTS}) == 9.5
    assert score_of({"tests": []}) is None
    assert to_student({}) == "Autograder Score: none"


def test_status_follows_from_the_score() -> None:
    """Protects tests without a status: they have passed if the score is the largest one."""
    tests = [{key: value for key, value in test.items() if key != "status"} for test in TESTS]
    assert to_student({"tests": tests}) == to_student({"tests": TESTS})
