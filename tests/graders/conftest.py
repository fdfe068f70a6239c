"""One zygote for all tests of the graders, and submissions written from texts.

Imports are local, so that tests of what needs no torch run without it.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from graders.judge import Judge
    from graders.student import Student
    from sandbox.launch import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Where the workers of all tests come from; no test may harm it."""
    from sandbox.launch import Zygote

    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write a folder of files, given as {relative path: text}."""
    numbers = itertools.count()

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / f"handed_in_{next(numbers)}"
        folder.mkdir()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def student(zygote: Zygote, hand_in: Callable[[Mapping[str, str]], Path]) -> Iterator[Callable[..., Student]]:
    """Make a submission behind a homework's binding; its snapshot is removed after the test."""
    from graders.homework import load
    from graders.student import Student, find_code
    from sandbox import intake
    from sandbox.client import Patience, Submission

    with ExitStack() as stack:

        def make(
            files: Mapping[str, str], homework: str = "core", seconds: float = 5.0, seconds_to_load: float = 20.0
        ) -> Student:
            snapshot = stack.enter_context(intake.take(hand_in(files)))
            binding, wanted = load(homework).binding, load(homework).config.files
            code = find_code(snapshot.files, wanted.names, wanted.folder)
            return Student(Submission(zygote, snapshot, code, patience=Patience(seconds_to_load, seconds)), binding)

        yield make


@pytest.fixture
def judge(zygote: Zygote, hand_in: Callable[[Mapping[str, str]], Path]) -> Iterator[Callable[..., Judge]]:
    """Make a judge of a folder, or of files given as {relative path: text}; it is closed after the test."""
    from graders.homework import load
    from graders.judge import Judge

    with ExitStack() as stack:

        def make(submission: Path | Mapping[str, str], homework: Any = "core", **options: Any) -> Judge:
            folder = submission if isinstance(submission, Path) else hand_in(submission)
            loaded = load(homework) if isinstance(homework, str) else homework
            return stack.enter_context(Judge(loaded, folder, zygote, **options))

        yield make
