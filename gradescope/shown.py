"""What the platform shows of a stored result, as text: to the student, and what only the staff sees."""

from collections.abc import Iterator, Mapping
from typing import Any

Entry = Mapping[str, Any]


def score_of(results: Entry) -> float | None:
    """The submission's score: the one at the top if there is one, else the sum of the tests'; None if there is neither."""
    if isinstance(results.get("score"), int | float):
        return float(results["score"])
    tests = results.get("tests")
    if not isinstance(tests, list) or not tests:
        return None
    return round(sum(float(test.get("score") or 0) for test in tests), 2)


def to_student(results: Entry, published: bool = False) -> str:
    """The student's page: the score, the output at the top, then failed and passed tests, each with its output.

    Args:
        results: what is stored.
        published: whether the grades are published and the due date has passed.
    """
    tests = [test for test in results.get("tests") or [] if isinstance(test, dict)]
    default = results.get("visibility", "visible")
    seen = [test for test in tests if _is_seen(str(test.get("visibility", default)), published)]
    lines = [f"Autograder Score: {_score_line(results, tests, hidden=len(seen) < len(tests))}"]
    if results.get("output"):
        lines += ["", str(results["output"])]
    failed = [test for test in seen if not _passed(test)]
    for title, group in (("Failed Tests", failed), ("Passed Tests", [test for test in seen if test not in failed])):
        if group:
            lines += ["", f"== {title} =="]
            for test in group:
                lines += _entry(test)
    return "\n".join(lines)


def _score_line(results: Entry, tests: list[Any], *, hidden: bool) -> str:
    if hidden:
        return "not shown, since some tests are hidden"
    score = score_of(results)
    most = sum(float(test.get("max_score") or 0) for test in tests)
    return "none" if score is None else f"{score:g} / {most:g}" if tests else f"{score:g}"


def _is_seen(visibility: str, published: bool) -> bool:
    return visibility == "visible" or (published and visibility in ("after_published", "after_due_date"))


def _passed(test: Entry) -> bool:
    status = test.get("status")
    return status == "passed" if status is not None else test.get("score") == test.get("max_score")


def _entry(test: Entry) -> Iterator[str]:
    number = f"{test['number']}) " if test.get("number") else ""
    points = f" ({test['score']:g}/{test['max_score']:g})" if "score" in test and "max_score" in test else ""
    yield f"{number}{test.get('name', '')}{points}"
    yield from (f"    {line}" for line in str(test.get("output", "")).splitlines())
