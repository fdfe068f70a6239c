"""How many lanes there may be: as many as the machine, the affinity and the container's quota allow."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from graders.cores import usable_cores


@pytest.fixture(autouse=True)
def _eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def tree(place: Path, membership: str, files: Mapping[str, str]) -> int:
    """The cores, with control groups as in some files."""
    for name, text in files.items():
        path = place / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (place / "membership").write_text(membership)
    return usable_cores(place / "groups", place / "membership")


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/of/the/machine\n", {"cpu.max": "400000 100000\n"}, 4),
        ("4:cpu,cpuacct:/a\n1:name=systemd:/\n", _v1 := {"cpu,cpuacct/a/cpu.cfs_quota_us": "200000"}, 8),
        ("4:cpu,cpuacct:/a\n", _v1 | {"cpu,cpuacct/a/cpu.cfs_period_us": "100000\n"}, 2),
        ("4:memory:/a\n", {"memory/a/cpu.max": "100000 100000"}, 8),
        ("0::/\n", {"cpu.max": "-1 100000"}, 8),
        ("0::/\n", {"cpu.max": "nothing that can be read"}, 8),
        ("0::/../outside\n", {"cpu.max": "200000 100000"}, 2),
    ],
)
def test_quota(membership: str, files: Mapping[str, str], cores: int, tmp_path: Path) -> None:
    """Protects small containers from more processes than they have processors, and large ones from waiting."""
    assert tree(tmp_path, membership, files) == cores


def test_without_groups(tmp_path: Path) -> None:
    """Protects systems without control groups: the processors count alone."""
    assert usable_cores(tmp_path, tmp_path / "membership") == 8


def test_without_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects macOS, which tells no affinity."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cores(tmp_path, tmp_path / "membership") == 3
