"""Submissions of the real homeworks: right ones in another form get everything, wrong ones lose what their mistake touches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.homework import load
from graders.judge import Judge, reference_of
from graders.scoring import failed_advice, lost_items, scores
from sandbox.launch import Zygote
from tests.submissions.handing_in import SLUGS, bugs_of, graded_of, hand_in, variants_of
from tests.submissions.tables import Bug, Variant

ROOT = Path(__file__).parent.parent
BUGS = [pytest.param(slug, bug, id=f"{slug}-{bug.name}") for slug in SLUGS for bug in bugs_of(slug)]
VARIANTS = [pytest.param(slug, variant, id=f"{slug}-{variant.name}") for slug in SLUGS for variant in variants_of(slug)]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all of them."""
    with Zygote() as zygote:
        yield zygote


@pytest.fixture(autouse=True)
def _little_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who loses what is decided before failing cases are made smaller, which takes most of the time."""
    monkeypatch.setattr("graders.check.SHRINK_CALLS", 5)


def graded(slug: str, folder: Path, zygote: Zygote) -> Judge:
    """A judge that has judged everything."""
    with Judge(load(slug), folder, zygote) as judge:
        judge.judge_all()
    return judge


def lost(judge: Judge) -> set[str]:
    """The items without full points."""
    return lost_items(judge.homework, judge.checks, judge.verdicts)


def shortfall(judge: Judge) -> dict[str, str]:
    """What each check without points says."""
    return {name: verdict.message for name, verdict in judge.verdicts.items() if not verdict.gives_points}


@pytest.mark.slow
@pytest.mark.parametrize(("slug", "bug"), BUGS)
def test_bug_loses_exactly_its_items(slug: str, bug: Bug, zygote: Zygote, tmp_path: Path) -> None:
    """Deaf to no bug, and no question pays for another's: the set of items without full points is the stated one."""
    judge = graded(slug, hand_in(slug, tmp_path / "submission", bug.applied_to, bug.file), zygote)
    assert bug.loses == lost(judge), f"{bug.sentence}\n{shortfall(judge)}"


@pytest.mark.slow
@pytest.mark.parametrize(("slug", "variant"), VARIANTS)
def test_variant_gets_everything(slug: str, variant: Variant, zygote: Zygote, tmp_path: Path) -> None:
    """A correct solution that fails is our worst bug: what a handout leaves open costs nothing, not even advice."""
    judge = graded(slug, hand_in(slug, tmp_path / "submission", variant.applied_to, variant.file), zygote)
    assert lost(judge) == set(), f"{variant.sentence}\n{shortfall(judge)}"
    assert failed_advice(judge.homework, judge.checks, judge.verdicts) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_there_are_enough_of_them(slug: str) -> None:
    """The tables stay tables, and each graded item has a mistake that costs it and nothing else."""
    assert len(bugs_of(slug)) >= 5
    assert len(variants_of(slug)) >= 3
    auto = {item.number for item in load(slug).config.auto_items if item.points}
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
