"""Room on the disk for the last results.json."""

import os
from pathlib import Path

import pytest

from gradescope.reserve import BYTES, Reserve

pytestmark = pytest.mark.torch_free


def test_room_is_taken_and_given_back(tmp_path: Path) -> None:
    """Protects the last file: the room is really taken, and nothing is left of it."""
    reserve = Reserve(tmp_path)
    reserve.take()
    [path] = tmp_path.iterdir()
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (BYTES, 0o600)
    assert path.stat().st_blocks * 512 >= BYTES
    reserve.give_back()
    assert list(tmp_path.iterdir()) == []
    reserve.give_back()


def test_without_room_nothing_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a full disk from being filled further."""

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    Reserve(tmp_path).take()
    assert list(tmp_path.iterdir()) == []
    Reserve(tmp_path / "nowhere").take()
