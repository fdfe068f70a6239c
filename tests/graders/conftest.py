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
    from graders.homework import Homework
    from graders.judge import Judge
    from graders.student import Student
    from sandbox.launch import Zygote
    from tests.trained_models import HandedIn, Judged


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


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> HandedIn:
    """An honest submission with trained models. Tests change copies of it."""
    from tests.trained_models import hand_in

    return hand_in(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def with_models(complete: HandedIn) -> Homework:
    """CMU's homework with the staff's data."""
    from graders.homework import load

    return load(str(complete.toml))


@pytest.fixture
def judged_models(complete: HandedIn, with_models: Homework, judge: Any, tmp_path: Path) -> Callable[..., Judged]:
    """Judge a copy of the honest submission to which something was done, by the checks of one item or of all."""
    import shutil

    from graders.scoring import scores
    from tests.trained_models import Judged

    def run(change: Callable[[Path], None], item: str = "", homework: Homework | None = None) -> Judged:
        graded = homework or with_models
        folder = tmp_path / "submission"
        shutil.copytree(complete.folder, folder)
        change(folder)
        someone: Judge = judge(folder, homework=graded)
        items = [each for each in graded.config.auto_items if each.needs_data and item in ("", each.number)]
        checks = [check for check in someone.checks if any(each.has(check.id) for each in items)]
        verdicts = {check.name: someone.judge(check) for check in checks}
        by_item = {score.item.number: score.earned for score in scores(graded, someone.checks, someone.verdicts)}
        return Judged(verdicts, {each.number: by_item[each.number] for each in items})

    return run
