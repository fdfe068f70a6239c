"""Folders that nobody hands in by accident: what is taken in is what was promised, and nothing is left behind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import intake
from tests.fuzz import trees

pytestmark = pytest.mark.torch_free

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)
steps = st.tuples(st.integers(0, 7), st.integers(0, 9), st.integers(0, 255), st.integers(0, 255)).map(bytes)


@examples
@given(steps=st.lists(steps, max_size=24))
def test_any_folder(steps: list[bytes]) -> None:
    """Protects the snapshot from links, pipes, sparse files, names that collide or are no text, and folders beyond caps."""
    trees.target(b"".join(steps))


@pytest.mark.parametrize("data", trees.seeds(), ids=range(len(trees.seeds())))
def test_folders_to_begin_with(data: bytes) -> None:
    """Protects the fuzzer's start: each kind of folder passes."""
    trees.target(data)


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the fuzzing from finding nothing: an intake that follows links is noticed."""
    link = bytes([0, 0, 0, 5, 3, 0, 2, 4])  # a file a.py, and a link to it
    trees.target(link)
    monkeypatch.setattr(intake.os, "O_NOFOLLOW", 0)
    monkeypatch.setattr(intake.os, "O_NONBLOCK", 0)
    read = intake._read_regular
    monkeypatch.setattr(
        intake, "_read_regular", lambda path, most: (b"x" * 65, "") if path.is_symlink() else read(path, most)
    )
    with pytest.raises(AssertionError):
        trees.target(link)
