"""Changes since the last submission: told where both runs can be compared, and never of what is hidden."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from graders.homework import config_of
from gradescope.blank import blank
from gradescope.changes import add
from gradescope.metadata import Metadata
from gradescope.presentation import present
from gradescope.results import MAX_TEXT, Results
from tests.earlier_run import file_of

pytestmark = pytest.mark.torch_free

SHOW = "show_changes = true"
SENTENCES = {"mask.a": "It has a shape.", "mask.b": "It masks.", "rope.a": "It turns."}
NOW = {"created_at": "2026-11-26T15:00:00-05:00"}


def outcomes(**found: str) -> dict[str, dict[str, str]]:
    """Outcomes of checks, as extra_data has them; `mask_a` is mask.a."""
    return {name.replace("_", "."): {"outcome": outcome} for name, outcome in found.items()}


def changed(
    name: str,
    file: Any,
    scores: tuple[float, float] = (4, 4),
    output: str = "Summary.",
    sentences: Mapping[str, str] = SENTENCES,
    **facts: Any,
) -> Results:
    """The file of a run after an earlier one that left another file."""
    results = blank(name, output)
    for test, score in zip(results.tests, scores, strict=True):
        test.score, test.output = score, "✗ It masks."
    results.extra_data |= {"finished": True} | facts
    earlier = {"submission_time": "2026-11-26T11:00:00-05:00", "score": 7.0, "results": file}
    metadata = Metadata.of(NOW | {"previous_submissions": [earlier]})
    present(results, config_of(name), metadata)
    add(results, config_of(name), metadata, "mine", sentences)
    return results


def told(results: Results) -> bool:
    """Whether anything of a change is in it."""
    return "Since your last submission" in results.model_dump_json()


def test_points_are_told_per_question(homework: Callable[..., str]) -> None:
    """Protects the student's view: old and new points in each question, those that differ in the summary too."""
    results = changed(homework(SHOW), file_of({"1": 3, "2(a)": 4}))
    assert results.output == "Summary.\nSince your last submission: 1: 3.00 -> 4.00 points"
    assert [test.output for test in results.tests] == [
        "Since your last submission: 1: 3.00 -> 4.00 points\n\n✗ It masks.",
        "Since your last submission: 2(a): 4.00 points, as before\n\n✗ It masks.",
    ]
    results = changed(homework(SHOW), file_of({"1": 10, "2(a)": 0.5}))
    assert results.output.splitlines()[1] == (
        "Since your last submission: 1: 10.00 -> 4.00 points; 2(a): 0.50 -> 4.00 points"
    )


def test_checks_are_told_by_their_sentences(homework: Callable[..., str]) -> None:
    """Protects from a loss that a gain covers: what passes now, and what no longer does, stands in its question."""
    before = outcomes(mask_a="passed", mask_b="failed", rope_a="passed", mask_gone="passed")
    now = outcomes(mask_a="failed", mask_b="passed", rope_a="not judged")
    results = changed(homework(SHOW), file_of({"1": 4, "2(a)": 4}, checks=before), checks=now)
    assert results.tests[0].output.splitlines()[:3] == [
        "Since your last submission: 1: 4.00 points, as before",
        "No longer right: It has a shape.",
        "Now right: It masks.",
    ]
    assert "right" not in results.tests[1].output
    assert results.output == "Summary."


def test_it_is_opt_in(homework: Callable[..., str]) -> None:
    """Protects the default: without the TOML's word nothing is told."""
    assert told(changed(homework(SHOW), file_of({"1": 3, "2(a)": 4})))
    assert not told(changed(homework(), file_of({"1": 3, "2(a)": 4})))


@pytest.mark.parametrize(
    "file",
    [
        None,
        {},
        {"extra_data": 3, "tests": 3},
        file_of({"1": 3, "2(a)": 4}, homework="another"),
        file_of({"1": 3, "2(a)": 4}, finished=False),
        file_of({"1": 3, "2(a)": 4}, invalid=True),
        file_of({"1": 3}),
        file_of({"1": 3, "2(a)": 400}),
        file_of({"1": 3, "2(a)": 4}) | {"score": 2.0},
    ],
    ids=range(9),
)
def test_what_cannot_be_compared_is_not(homework: Callable[..., str], file: object) -> None:
    """Protects from false news: another homework, other points, a run that was cut short."""
    assert not told(changed(homework(SHOW), file))


def test_an_unfinished_run_is_not_compared(homework: Callable[..., str]) -> None:
    """Protects from false news: what is not yet judged has lost nothing."""
    file = file_of({"1": 3, "2(a)": 4})
    assert not told(changed(homework(SHOW), file, finished=False))
    assert not told(changed(homework(SHOW), file, invalid=True))


@pytest.mark.parametrize(
    "rope", ['visibility = "hidden"', 'visibility = "after_due_date"', 'visibility = "after_published"']
)
def test_a_hidden_question_is_never_told_of(homework: Callable[..., str], rope: str) -> None:
    """Protects hidden questions: students read the same, whatever became of them."""
    found = set()
    for before, now, outcome in ((0, 4, "passed"), (4, 0, "failed"), (4, 4, "passed")):
        checks = outcomes(mask_a="passed", rope_a="failed" if outcome == "passed" else "passed")
        file = file_of({"1": 3, "2(a)": before}, checks=checks)
        results = changed(homework(SHOW, rope), file, (4, now), checks=outcomes(mask_a="passed", rope_a=outcome))
        assert results.tests[1].output == "✗ It masks."
        assert "2(a)" not in results.output
        found.add((results.output, results.tests[0].output))
    assert len(found) == 1


def test_a_question_that_was_hidden_then_is_not_told_of(homework: Callable[..., str]) -> None:
    """Protects what was hidden when it was earned, also where it is released by now."""
    file = file_of({"1": 3, "2(a)": 1})
    file["tests"][1]["visibility"] = "hidden"
    results = changed(homework(SHOW, 'visibility = "hidden"\nrelease = 2026-11-26'), file)
    assert results.tests[1].visibility == "visible"
    assert results.tests[1].output == "✗ It masks."
    assert "2(a)" not in results.output


def test_texts_stay_short(homework: Callable[..., str]) -> None:
    """Protects the file: a summary of three lines keeps them, and no output gets too long."""
    results = changed(homework(SHOW), file_of({"1": 3, "2(a)": 4}), output="a\nb\nc")
    assert results.output == "a\nb\nc"
    names = [f"mask.{i}" for i in range(400)]
    before, now = ({name: {"outcome": outcome} for name in names} for outcome in ("failed", "passed"))
    sentences = dict.fromkeys(names, "s" * 100)
    results = changed(homework(SHOW), file_of({"1": 3, "2(a)": 4}, checks=before), sentences=sentences, checks=now)
    assert MAX_TEXT - 5 <= len(results.tests[0].output) <= MAX_TEXT
    assert Results.model_validate_json(results.model_dump_json()) == results


@pytest.mark.parametrize("checks", [3, [], {"mask.a": 3}, {"mask.a": {"outcome": 3}}, {"mask.a": {}}])
def test_odd_facts_are_passed_over(homework: Callable[..., str], checks: object) -> None:
    """Protects the file from what an older version, or somebody else, has left in the earlier one."""
    results = changed(homework(SHOW), file_of({"1": 3, "2(a)": 4}, checks=checks), checks=outcomes(mask_a="passed"))
    assert "right" not in results.tests[0].output
    assert told(results)
