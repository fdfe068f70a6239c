"""Realistic wrong submissions of cmu_birthplaces lose exactly the questions that their bug touches."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.homework import load
from graders.judge import Judge, reference_of
from graders.scoring import lost_items
from sandbox.launch import Zygote
from tests.submissions.cmu_birthplaces.bugs import BUGS, Bug

HOMEWORK = "cmu_birthplaces"


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all of them."""
    with Zygote() as zygote:
        yield zygote


def graded(folder: Path, zygote: Zygote) -> Judge:
    """A judge that has judged everything."""
    with Judge(load(HOMEWORK), folder, zygote) as judge:
        judge.judge_all()
    return judge


def test_there_are_at_least_ten() -> None:
    """The table stays a table."""
    assert len(BUGS) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bug_loses_exactly_its_questions(bug: Bug, zygote: Zygote, tmp_path: Path) -> None:
    """Deaf to no bug, and no question pays for another's: the set of questions without full points is the stated one."""
    solution = reference_of(HOMEWORK)
    assert solution is not None
    shutil.copytree(solution, tmp_path / "submission")
    file = tmp_path / "submission" / "src" / bug.file
    file.write_text(bug.applied_to(file.read_text(encoding="utf-8")), encoding="utf-8")
    judge = graded(tmp_path / "submission", zygote)
    lost = lost_items(judge.homework, judge.checks, judge.verdicts)
    failed = [check_id for check_id, verdict in judge.verdicts.items() if not verdict.gives_points]
    assert bug.loses == lost, f"{bug.sentence} Failed: {failed}"
