"""The same verdicts for other platforms than Gradescope: GitHub Classroom and PrairieLearn. (JUnit XML is pytest's own.)

GitHub Classroom: the JSON that the actions of github.com/classroom-resources (autograding-command-grader,
autograding-python-grader) hand, in base64, to autograding-grading-reporter, which adds up `tests[].score`; and an exit code:
0 = full points. PrairieLearn: the results.json of an external grader, as its documentation has it under "External grading":
`gradable`, `score` from 0 to 1, `message`, `output`, `tests`, and `format_errors` where nothing could be graded; such a
submission costs no attempt.

Neither can keep an item from its students until a date, so what is not visible at once becomes one entry without a word about
it. Gradescope's own file is kept beside, for the staff and for `headmaster replay`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from graders.homework import HomeworkError

from .blank import blank
from .results import Results, TestEntry, read, replace

Outlet = Literal["gradescope", "classroom", "prairielearn"]
OUTLETS: tuple[str, ...] = get_args(Outlet)
NOT_SHOWN = "Questions that are not shown yet"
NOTHING = "Nothing could be graded, so this does not count as an attempt."


def write(results: Results, path: Path, outlet: Outlet) -> None:
    """Write results for a platform, replacing the file at once.

    Raises:
        OSError: the file cannot be written.
    """
    if outlet == "gradescope":
        replace(results.as_bytes(), path)
        return
    table = _classroom(results) if outlet == "classroom" else _prairielearn(results)
    replace(json.dumps(table, indent=1, ensure_ascii=False).encode(), path)


def own_path(path: Path) -> Path:
    """Where Gradescope's file lies beside another platform's."""
    return path.with_name(f"{path.stem}.gradescope.json")


def through(outlet: Outlet, homework: str, path: Path, grade: Callable[[Path], int]) -> int:
    """Grade, and write what comes out for another platform: a file that counts 0 before, the whole one after.

    Args:
        outlet: the platform.
        homework: by slug or path.
        path: of the platform's file.
        grade: grades into the file that it is given, in Gradescope's format; returns the exit status.

    Returns:
        `grade`'s status; for GitHub Classroom 1 in the place of 0 unless all points are reached. 2 if it cannot be written.
    """
    own = own_path(path)
    try:
        write(blank(homework, "The grading has begun."), path, outlet)
    except HomeworkError:
        return grade(own)  # says so, and writes nothing
    except OSError as error:
        print(f"--results {path} cannot be written: {error.strerror}")
        return 2
    own.unlink(missing_ok=True)  # an earlier run's
    status = 1
    try:
        status = grade(own)
    finally:
        if own.is_file():
            results = read(own)
            write(results, path, outlet)
            if outlet == "classroom" and status == 0:
                status = 0 if results.score == results.max_score else 1
    return status


def _classroom(results: Results) -> dict[str, Any]:
    entries = [
        {
            "name": entry.name,
            "status": _status(results, entry),
            "score": entry.score,
            "max_score": entry.max_score,
            "message": entry.output,
            "test_code": entry.number,
            "filename": "",
            "line_no": 0,
            "duration": 0,
        }
        for entry in _shown(results)
    ]
    whole = "pass" if results.score == results.max_score else "fail"
    return {
        "version": 1,
        "status": whole if results.extra_data.get("finished") else "error",
        "max_score": results.max_score,
        "tests": entries,
    }


def _status(results: Results, entry: TestEntry) -> str:
    if entry.status == "passed":
        return "pass"
    return "fail" if results.extra_data.get("finished") else "error"


def _prairielearn(results: Results) -> dict[str, Any]:
    facts = results.extra_data
    judged = any(check.get("outcome") != "not run" for check in facts.get("checks", {}).values())
    gradable = judged and not facts.get("nothing_to_grade") and not facts.get("invalid")
    table: dict[str, Any] = {
        "gradable": gradable,
        "score": results.score / results.max_score if results.max_score else 0.0,
        "message": results.output,
        "output": "",
        "images": [],
        "tests": [
            {
                "name": f"{entry.number} {entry.name}".strip(),
                "description": "",
                "points": entry.score,
                "max_points": entry.max_score,
                "message": f"{entry.score:g} of {entry.max_score:g} points",
                "output": entry.output,
                "images": [],
            }
            for entry in _shown(results)
        ],
    }
    if not gradable:
        table |= {"score": 0.0, "format_errors": [*results.output.splitlines(), NOTHING]}
    return table


def _shown(results: Results) -> Iterator[TestEntry]:
    """The entries that students may see now, and one for all others together."""
    hidden = [entry for entry in results.tests if entry.visibility != "visible"]
    yield from (entry for entry in results.tests if entry.visibility == "visible")
    if hidden:
        score = round(sum(entry.score for entry in hidden), 2)
        most = round(sum(entry.max_score for entry in hidden), 2)
        yield TestEntry(
            name=NOT_SHOWN, number="", score=score, max_score=most, status="passed" if score == most else "failed"
        )
