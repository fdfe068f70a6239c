"""One zygote for the whole session, and submissions written from text.

Imports are local, so that tests of what needs no torch run without it.
"""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.client import Patience, Submission
    from sandbox.confine import Limits
    from sandbox.launch import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Where the workers of all tests come from; no test may harm it."""
    from sandbox.launch import Zygote

    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def impatient() -> Patience:
    """One second for a call, and one for an import."""
    from sandbox.client import Patience

    return Patience(load=1.0, call=1.0)


@pytest.fixture
def submission(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Submission]]:
    """Make a submission of files, given as {relative path: text}; its snapshot is removed after the test."""
    from sandbox import intake
    from sandbox.client import Patience, Submission
    from sandbox.confine import Limits

    snapshots = []

    def make(
        files: Mapping[str, str],
        *,
        code: str = "",
        patience: Patience | None = None,
        limits: Limits | None = None,
        zygote: Zygote | None = None,
    ) -> Submission:
        source = tmp_path / f"handed_in_{len(snapshots)}"
        source.mkdir()
        for name, text in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        snapshots.append(intake.take(source))
        zygote = zygote or request.getfixturevalue("zygote")
        return Submission(zygote, snapshots[-1], code, limits or Limits(), patience or Patience())

    yield make
    for snapshot in snapshots:
        snapshot.remove()


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Tell whether a process ends within five seconds; one that nobody has waited for yet counts as ended."""

    def has_ended(pid: int) -> bool:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        return state in ("Z", "X")

    def is_gone(pid: int) -> bool:
        until = time.monotonic() + 5
        while not has_ended(pid) and time.monotonic() < until:
            time.sleep(0.002)  # a killed process needs a moment to leave
        return has_ended(pid)

    return is_gone
