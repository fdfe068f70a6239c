"""Templates earn nothing and solutions everything; the tables of wrong and right submissions are complete.

That a wrong one loses exactly what its mistake touches is the audit's to prove (`tests/test_audit.py`).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.homework import load
from graders.judge import Judge, reference_of
from graders.scoring import failed_advice, lost_items, scores
from sandbox.launch import Zygote
from tests.matrix import FEW_CALLS
from tests.submissions.tables import SLUGS, bugs_of, graded_of, variants_of

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all of them."""
    with Zygote() as zygote:
        yield zygote


def graded(slug: str, folder: Path, zygote: Zygote) -> Judge:
    """A judge that has judged everything; failing cases are hardly made smaller, which takes most of the time."""
    with Judge(load(slug).without_trained(), folder, zygote, shrink_calls=FEW_CALLS) as judge:
        judge.judge_all()
    return judge


def lost(judge: Judge) -> set[str]:
    """The items without full points."""
    return lost_items(judge.homework, judge.checks, judge.verdicts)


def shortfall(judge: Judge) -> dict[str, str]:
    """What each check without points says."""
    return {name: verdict.message for name, verdict in judge.verdicts.items() if not verdict.gives_points}


@pytest.mark.parametrize("slug", SLUGS)
def test_there_are_enough_of_them(slug: str) -> None:
    """The tables stay tables, and each graded item has a mistake that costs it and nothing else."""
    assert len(bugs_of(slug)) >= 5
    assert len(variants_of(slug)) >= 3
    auto = {item.number for item in load(slug).without_trained().config.auto_items if item.points}
    assert auto <= graded_of(slug)
    assert auto <= {next(iter(bug.loses)) for bug in bugs_of(slug) if len(bug.loses) == 1}


@pytest.mark.parametrize("slug", [*SLUGS, "core"])
def test_the_template_gets_nothing(slug: str, zygote: Zygote) -> None:
    """What students start from earns 0, and every failed check says what is to be written."""
    judge = graded(slug, ROOT / "student_template" / slug, zygote)
    earned = {result.item.number: result.earned for result in scores(judge.homework, judge.checks, judge.verdicts)}
    assert set(earned.values()) == {0}, earned


@pytest.mark.parametrize("slug", [*SLUGS, "core"])
def test_the_solution_gets_everything(slug: str, zygote: Zygote) -> None:
    """The answer key is graded like any submission: full points, no failed advice."""
    solution = reference_of(slug)
    assert solution is not None
    judge = graded(slug, solution, zygote)
    assert lost(judge) == set(), shortfall(judge)
    assert failed_advice(judge.homework, judge.checks, judge.verdicts) == []
