"""The example of docs/adding-a-homework.md: under 100 lines, and graded like the homeworks that ship."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from graders.homework import load
from graders.judge import Judge, reference_of
from graders.scoring import scores
from graders.verdict import Outcome
from sandbox.launch import Zygote

EXAMPLE = Path(__file__).parent.parent / "examples" / "first_attention"
TOML = str(EXAMPLE / "first_attention.toml")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all of them."""
    with Zygote() as zygote:
        yield zygote


def earned(folder: Path, zygote: Zygote) -> tuple[Decimal, list[str]]:
    """The points of a submission, and the checks that failed."""
    with Judge(load(TOML), folder, zygote) as judge:
        judge.judge_all()
    points = sum((result.earned for result in scores(judge.homework, judge.checks, judge.verdicts)), Decimal(0))
    failed = [name for name, verdict in judge.verdicts.items() if verdict.outcome is Outcome.FAILED]
    return points, failed


def test_it_takes_less_than_a_hundred_lines() -> None:
    """Protects the promise to instructors: TOML, binding and solution together stay below 100 lines."""
    files = [*EXAMPLE.glob("*.*"), *(EXAMPLE / "solution").glob("*.py")]
    assert len(files) == 3
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) < 100


def test_the_solution_gets_all_points(zygote: Zygote) -> None:
    """Protects the example: its own solution, found beside the TOML, is right, with no failed advice."""
    solution = reference_of(TOML)
    assert solution == EXAMPLE / "solution"
    assert earned(EXAMPLE / "solution", zygote) == (Decimal(8), [])


def test_the_template_gets_none(zygote: Zygote) -> None:
    """Protects the example: what students start from earns nothing."""
    assert earned(EXAMPLE / "template", zygote)[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (" / math.sqrt(q.shape[-1])", "", "attention.agrees_with_reference"),
        ("dim=-1", "dim=-2", "attention.weights_are_a_distribution"),
        ("~visible", "visible", "attention.masked_keys_have_no_effect"),
    ],
    ids=["no scaling", "softmax over queries", "mask inverted"],
)
def test_mistakes_are_found(old: str, new: str, check: str, zygote: Zygote, tmp_path: Path) -> None:
    """Protects the binding: what it hands to the checks of `core` lets no mistake through."""
    source = (EXAMPLE / "solution" / "attend.py").read_text(encoding="utf-8")
    assert source.count(old) == 1
    (tmp_path / "attend.py").write_text(source.replace(old, new), encoding="utf-8")
    points, failed = earned(tmp_path, zygote)
    assert points < 5
    assert check in failed
