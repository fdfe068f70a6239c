"""The root file system: where its packages come from, and where it is kept."""

import os
import platform
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gradescope import rootfs
from gradescope.rootfs import Mirror, RootfsError, alone, base, cache, mirror

pytestmark = pytest.mark.torch_free

TARGETS = """http://mirror.example.org/debian/ bookworm
http://mirror.example.org/debian/ bookworm-updates
http://mirror.example.org/security/ bookworm-security
"""


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch) -> None:
    """An apt with the sources above, on a machine with that release."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=TARGETS))


@pytest.mark.usefixtures("apt")
def test_mirror() -> None:
    """Protects machines with a mirror of their own: packages come from where apt gets those of this release."""
    assert mirror() == Mirror("http://mirror.example.org/debian", "bookworm")


def test_no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects other systems: without apt, or without a source, there is no root file system, and it is said."""

    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("apt-get")

    monkeypatch.setattr(subprocess, "run", missing)
    assert mirror() is None
    with pytest.raises(RootfsError, match="run apt-get update"):
        base()


@pytest.mark.usefixtures("apt")
def test_debootstrap_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the cache: what was printed is told, and nothing half-made is kept."""
    monkeypatch.setattr(rootfs, "cache", lambda: tmp_path)
    monkeypatch.setattr(rootfs, "mirror", lambda: Mirror("http://x", "bookworm"))
    failed = SimpleNamespace(returncode=1, stdout="I: Retrieving\n", stderr="E: no such suite\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RootfsError, match=r"(?s)has failed \(status 1\):\n.*E: no such suite"):
        base()
    assert [path for path in (tmp_path / "rootfs").iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("apt")
def test_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the second run's minutes: what is there is not made again; it has Python and no venv of its own."""
    commands: list[list[str]] = []

    def debootstrap(command: list[str], **_: Any) -> SimpleNamespace:
        commands.append(command)
        Path(command[-2]).mkdir(parents=True)
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(rootfs, "cache", lambda: tmp_path)
    monkeypatch.setattr(rootfs, "mirror", lambda: Mirror("http://x", "bookworm"))
    monkeypatch.setattr(subprocess, "run", debootstrap)
    assert base() == base()
    [command] = commands
    assert (command[0], command[-1]) == ("debootstrap", "http://x")
    assert "--include=python3,ca-certificates" in command


def test_cache_that_other_users_can_enter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Protects a plain directory made by root: workers have users of their own, who cannot enter root's home."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cache() == Path("/var/cache/headmaster")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache() == tmp_path / "headmaster"


def test_one_at_a_time(tmp_path: Path) -> None:
    """Protects two simulations at once: the second waits for the lock, which lies beside what it guards."""
    import fcntl

    with (
        alone(tmp_path / "deep" / "x"),
        open(tmp_path / "deep" / "x.lock", "w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(tmp_path / "deep" / "x.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
