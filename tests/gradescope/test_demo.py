"""The demo: each homework has one, its mistake still fits the solution, and misuse is said."""

from pathlib import Path

import pytest

from graders.homework import available
from graders.judge import reference_of
from gradescope.demo import MISTAKES, ROOT, run


def test_every_homework_has_a_demo() -> None:
    """Protects `make demo HOMEWORK=…`: it works for each homework that ships."""
    assert available() == sorted(MISTAKES)


@pytest.mark.parametrize("slug", sorted(MISTAKES))
def test_the_mistake_fits_the_solution(slug: str) -> None:
    """Protects from a demo whose bug is none any more: its text stands in the solution once, and a template is there."""
    mistake, solution = MISTAKES[slug], reference_of(slug)
    assert solution is not None
    assert (solution / mistake.file).read_text(encoding="utf-8").count(mistake.old) == 1
    assert any((ROOT / "student_template" / slug).iterdir())


@pytest.mark.parametrize(
    ("slug", "says"), [("linguistics", "there is no homework 'linguistics'"), ("jhu", "there is no homework 'jhu'")]
)
def test_an_unknown_homework_is_status_2(
    slug: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects who mistypes: the homeworks that there are, named; nothing is written."""
    assert run(slug, tmp_path) == 2
    assert says in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
