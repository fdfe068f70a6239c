"""setup.sh: what it refuses before it changes anything. That it makes an image is shown by tests/test_simulate.py."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch_free

SCRIPT = Path(__file__).resolve().parent.parent / "gradescope" / "setup.sh"


def set_up(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    """Run it in a folder, outside of a container, with another Python."""
    (folder / "source").mkdir()
    shutil.copy(SCRIPT, folder / "source")
    for name in ("requirements.txt", "constraints.txt"):
        (folder / "source" / name).write_text("torch==0\n")
    environment = {"PATH": "/usr/bin:/bin", "HEADMASTER_PYTHON": python, "HEADMASTER_INSTALL": str(folder / "install")}
    command = ["bash", str(folder / "source" / "setup.sh")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def fake(folder: Path, script: str) -> str:
    """A program that stands in for a Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "choose a base image that has Python, such as Ubuntu 22.04 or 24.04"),
        ('[ "$1" = -V ] && echo Python 3.8.10; exit 1', "Python 3.8.10 is not supported, 3.10 to 3.13 are"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "cannot make virtual environments: install python3-venv"),
    ],
    ids=["no Python", "an old one", "no venv"],
)
def test_python_that_will_not_do(tmp_path: Path, script: str | None, says: str) -> None:
    """Protects who chose another base image: one sentence says what to choose, and nothing was made."""
    done = set_up(tmp_path, str(tmp_path / "nowhere") if script is None else fake(tmp_path, script))
    assert done.returncode == 1
    assert done.stderr.startswith("headmaster: ERROR: ")
    assert says in done.stderr
    assert not (tmp_path / "install").exists()


def test_package_that_cannot_be_installed(tmp_path: Path) -> None:
    """Protects the build: what pip refuses ends it at once, and no later run takes the half for the whole."""
    environment = tmp_path / "install" / "venv" / "bin"
    script = f"""
case "$*" in
*"-m venv"*) mkdir -p {environment}; cp "$0" {environment}/python;;
*"pip install"*) echo no such version >&2; exit 1;;
esac"""
    done = set_up(tmp_path, fake(tmp_path, script))
    assert done.returncode == 1
    assert done.stderr == "no such version\n"
    assert environment.is_dir()
    assert not (tmp_path / "install" / "installed").exists()
