"""Landlock: a worker reads the interpreter and the submission, writes nothing, and sees nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import landlock

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not landlock.abi(), reason="the kernel, or landlockpy, is not there")

PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from sandbox import landlock
allowed, secret = sys.argv[2:]
assert landlock.restrict([*landlock.interpreter_folders(), allowed])
def can(call):
    try:
        call()
    except PermissionError:
        return False
    return True
import sqlite3  # a module that is read only now
print(json.dumps({
    "reads the submission": can(lambda: open(allowed + "/a.py").read()),
    "lists the submission": can(lambda: os.listdir(allowed)),
    "reads what else there is": can(lambda: open(secret).read()),
    "lists its folder": can(lambda: os.listdir(os.path.dirname(secret))),
    "reads accounts": can(lambda: open("/etc/passwd").read()),
    "writes to the submission": can(lambda: open(allowed + "/a.py", "a")),
    "makes a file": can(lambda: open("/tmp/headmaster-landlock", "w")),
    "writes to nothing": can(lambda: open("/dev/null", "w")),
    "reads its own maps": can(lambda: open("/proc/self/maps").read()),
    "reads its parent's": can(lambda: open(f"/proc/{os.getppid()}/maps").read()),
}))
"""


def test_what_is_open(tmp_path: Path) -> None:
    """Protects hidden files, and what honest code needs."""
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "a.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("hidden", encoding="utf-8")
    command = [
        sys.executable,
        "-I",
        "-c",
        PROGRAM,
        str(ROOT),
        str(tmp_path / "submission"),
        str(tmp_path / "secret.txt"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    found: dict[str, Any] = json.loads(done.stdout)
    can = {"reads the submission", "lists the submission", "writes to nothing", "reads its own maps"}
    assert {name for name, possible in found.items() if possible} == can


def test_the_interpreters_folders() -> None:
    """Protects imports inside a worker: the standard library and the packages are among them, and exist."""
    folders = landlock.interpreter_folders()
    assert any((Path(folder) / "json").is_dir() for folder in folders)
    assert any((Path(folder) / "pytest").is_dir() for folder in folders)
    assert all(Path(folder).is_absolute() and Path(folder).is_dir() for folder in folders)


DEVICES = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from sandbox import landlock
from sandbox.profiles import PROFILES
folder = sys.argv[2]
profile = replace(PROFILES["cuda"], devices=(folder + "/card[0-9]",))
assert landlock.restrict(landlock.interpreter_folders(), profile, folder + "/scratch")
def can(call):
    try:
        call()
    except PermissionError:
        return False
    return True
print(json.dumps([can(lambda: open(folder + name, mode).close()) for name, mode in (
    ("/card0", "r+"), ("/other", "r+"), ("/scratch/new", "w"), ("/scratch/new", "r"), ("/new", "w"),
)] + [can(lambda: os.symlink("a", folder + "/scratch/link"))]))
"""


def test_devices_and_a_folder_of_its_own(tmp_path: Path) -> None:
    """Protects the profiles: a device that matches is open to use, the worker's own folder to change, nothing beside."""
    (tmp_path / "scratch").mkdir()
    for name in ("card0", "other"):
        (tmp_path / name).touch()
    command = [sys.executable, "-I", "-c", DEVICES, str(ROOT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    assert json.loads(done.stdout) == [True, False, True, True, False, False]
