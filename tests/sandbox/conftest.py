"""One zygote for the whole session, and submissions written from text."""

import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sandbox import intake
from sandbox.client import Patience, Submission
from sandbox.confine import Limits
from sandbox.launch import Zygote

MakeSubmission = Callable[..., Submission]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Where the workers of all tests come from; no test may harm it."""
    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def impatient() -> Patience:
    """One second for a call and for an import."""
    return Patience(load=1.0, call=1.0)


@pytest.fixture
def submission(zygote: Zygote, tmp_path: Path) -> Iterator[MakeSubmission]:
    """Make a submission of files, given as {relative path: text}; its snapshot is removed after the test."""
    snapshots = []

    def make(
        files: Mapping[str, str],
        *,
        code: str = "",
        patience: Patience | None = None,
        limits: Limits | None = None,
        zygote: Zygote = zygote,
    ) -> Submission:
        source = tmp_path / f"handed_in_{len(snapshots)}"
        source.mkdir()
        for name, text in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        snapshots.append(intake.take(source))
        return Submission(zygote, snapshots[-1], code, limits or Limits(), patience or Patience())

    yield make
    for snapshot in snapshots:
        snapshot.remove()


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Tell whether a process has ended; one that nobody has waited for yet counts as ended."""

    def is_gone(pid: int) -> bool:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        return state in ("Z", "X")

    return is_gone
