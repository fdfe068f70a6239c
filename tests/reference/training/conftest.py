"""A finished run of each homework's recipe, trained once for all tests that only look at it."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

Finished = Callable[[str], tuple[Path, dict[str, Any]]]


@pytest.fixture(autouse=True)
def _random_states_come_back() -> Iterator[None]:
    """Trainings set every random state."""
    from tests.reference.training.recipes import random_states_kept

    with random_states_kept():
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Give, for a homework, the folder of a finished run at the small sizes, and its report."""
    from tests.reference.training.recipes import run, setting_in

    @cache
    def of(homework: str) -> tuple[Path, dict[str, Any]]:
        folder = tmp_path_factory.mktemp(homework)
        return folder, run(setting_in(folder, homework))

    return of
