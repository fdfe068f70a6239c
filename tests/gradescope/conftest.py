"""A homework with two questions in a TOML of its own, and earlier runs of one with one task, as the reporter writes them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # some tests here run without torch
    from sandbox.launch import Zygote

ROOT = Path(__file__).resolve().parent.parent.parent
TOML = """title = "Masks"

[files]
names = ["mask.py"]

[[item]]
number = "1"
title = "Masks"
points = 11
kind = "auto"
tasks = ["mask"]
"""
BINDING = 'from graders.homeworks.core import BINDING as CORE\n\nBINDING = {"mask": CORE["mask"]}\n'
RIGHT = (ROOT / "reference" / "mask.py").read_text(encoding="utf-8")
WRONG = RIGHT.replace(">= position[None, :]", "> position[None, :]")

MakeEarlier = Callable[..., Path]


@pytest.fixture(scope="session")
def earlier_zygote() -> "Iterator[Zygote]":
    """Where the workers of earlier runs and of their repetitions come from."""
    from sandbox.launch import Zygote

    with Zygote() as zygote:
        yield zygote


@pytest.fixture(scope="session")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TOML of the small homework, with its binding beside it."""
    folder = tmp_path_factory.mktemp("homework")
    (folder / "masks.py").write_text(BINDING, encoding="utf-8")
    path = folder / "masks.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


@pytest.fixture
def make_earlier(masks: Path, earlier_zygote: "Zygote") -> MakeEarlier:
    """Grade a mask.py into FOLDER/results.json, FOLDER/submission/; the first checks only, where a number is given."""

    from graders.homework import load
    from graders.judge import Judge
    from gradescope.plugin import Reporter
    from sandbox.self_test import self_test

    def make(folder: Path, source: str, secret: str = "a secret of then", first: int | None = None) -> Path:
        submission = folder / "submission"
        submission.mkdir(parents=True)
        (submission / "mask.py").write_text(source, encoding="utf-8")
        reporter = Reporter(folder / "results.json")
        homework = load(str(masks))
        with Judge(homework, submission, earlier_zygote, secret=secret, shrink_calls=0) as judge:
            reporter.pytest_headmaster_begin(judge, self_test(earlier_zygote))
            for check in judge.checks[:first]:
                reporter.pytest_headmaster_judged(judge, check, judge.judge(check))
            reporter.pytest_headmaster_end(judge, 1.0)
        return folder / "results.json"

    return make


HOMEWORK = """
title = "A homework"

[gradescope]
{gradescope}

[files]
names = ["mask.py"]

[[item]]
number = "1"
title = "Masks"
points = 10
kind = "auto"
tasks = ["mask"]

[[item]]
number = "2(a)"
title = "RoPE"
points = 4
kind = "auto"
tasks = ["rope"]
{rope}

[[item]]
number = "3"
title = "Why"
points = 5
kind = "manual"
"""


@pytest.fixture
def homework(tmp_path: Path) -> Callable[..., str]:
    """Write the homework `mine`; returns its path. Lines may be put into [gradescope] and into question 2(a)."""

    def write(gradescope: str = "", rope: str = "") -> str:
        path = tmp_path / "mine.toml"
        path.write_text(HOMEWORK.format(gradescope=gradescope, rope=rope), encoding="utf-8")
        return str(path)

    return write
