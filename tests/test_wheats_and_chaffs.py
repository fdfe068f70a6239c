"""The kill matrix: every wheat is accepted by every check of its task, every chaff rejected by the check it names."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.catalogue import all_checks
from graders.verdict import Outcome
from sandbox.launch import Zygote
from tests.matrix import TASKS, Chaff, chaffs, judging, wheats

# as many as a published catalogue of wrong implementations lists for each task
LEAST_CHAFFS = {
    "attention": 30, "mask": 18, "multi_head": 32, "mlp": 19, "gpt": 33, "loss": 22, "perplexity": 12, "samplers": 33,
    "generate": 21, "rope": 29, "span_corruption": 33, "tokenizer": 28, "patch_embedding": 21,
    "layer_norm": 12, "block": 12,  # these two are not in it
}  # fmt: skip
LEAST_WHEATS = 5


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all of them; each check gets its own worker."""
    with Zygote() as zygote:
        yield zygote


@pytest.mark.parametrize("wheat", wheats(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_wheat_is_accepted(wheat: Path, zygote: Zygote) -> None:
    """A correct solution that fails is our worst bug: each wheat passes every check of its task."""
    with judging(wheat, zygote) as judge:
        for check in judge.checks:
            if check.task == wheat.parent.name:
                verdict = judge.judge(check)
                assert (verdict.outcome, verdict.staff) == (Outcome.PASSED, ""), f"{check.id}:\n{verdict.message}"


@pytest.mark.parametrize("chaff", chaffs(), ids=lambda chaff: f"{chaff.task}-{chaff.path.stem}")
def test_chaff_is_rejected(chaff: Chaff, zygote: Zygote) -> None:
    """Deaf to no bug: each chaff is rejected by the check that its header names, for a reason that is told."""
    with judging(chaff.path, zygote) as judge:
        check = next(check for check in judge.checks if check.id == chaff.check)
        verdict = judge.judge(check)
        assert verdict.outcome is Outcome.FAILED, f"{chaff.sentence}\nnot rejected by {chaff.check}\n{verdict.staff}"
        assert verdict.message


def test_there_are_enough_of_them() -> None:
    """The catalogue is complete: nobody makes the matrix green by deleting a file."""
    assert {task for task, least in LEAST_CHAFFS.items() if Counter(c.task for c in chaffs())[task] < least} == set()
    assert {task for task in TASKS if Counter(path.parent.name for path in wheats())[task] < LEAST_WHEATS} == set()


def test_each_header_names_a_check_of_its_task() -> None:
    """A chaff's header can be believed: its check exists and belongs to the task."""
    known = {check.id for check in all_checks()}
    assert [chaff.path.name for chaff in chaffs() if chaff.check not in known] == []
    assert [chaff.path.name for chaff in chaffs() if not chaff.check.startswith(chaff.task + ".")] == []
