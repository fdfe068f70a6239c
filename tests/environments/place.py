"""A Python with this one's packages, and a copy of the checkout, in a folder that every user can read."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.confine import unreadable

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("reference", "sandbox", "graders", "gradescope", "tests")
VERSION = f"python3.{sys.version_info.minor}"


class EnvironmentMissing(Exception):
    """Something that an environment needs is not there; the message says what, and what to do."""


@dataclass(frozen=True)
class Place:
    """What has been prepared.

    Attributes:
        folder: everything lies below it.
        checkout: the copy of the rooms.
        python: the interpreter.
        base: the folder of the installation from which that interpreter was made.
    """

    folder: Path
    checkout: Path
    python: Path
    base: Path


@contextmanager
def prepared() -> Iterator[Place]:
    """Prepare it, and remove it afterwards.

    Raises:
        EnvironmentMissing: no Python of this version can be read by all users, or git does not list the checkout's files.
    """
    folder = Path(tempfile.mkdtemp(prefix="headmaster-attacks-")).resolve()
    try:
        folder.chmod(0o755)
        if above := unreadable([str(folder.parent)]):
            raise EnvironmentMissing(f"other users cannot enter {above}: set TMPDIR to a folder that all may enter")
        base = readable_python()
        python = _environment(base, folder / "venv")
        _copy_of_checkout(folder / "checkout")
        yield Place(folder, folder / "checkout", python, Path(_prefix(base)))
    finally:
        shutil.rmtree(folder)


def readable_python() -> Path:
    """An installed Python of this version that all users can read: this one, or the system's.

    Who is not root becomes no other user: then this one will do.

    Raises:
        EnvironmentMissing: there is none.
    """
    bases = (Path(sys.base_prefix, "bin", VERSION), Path("/usr/local/bin", VERSION), Path("/usr/bin", VERSION))
    for python in bases:
        if not python.is_file():
            continue
        if os.geteuid() != 0 or not unreadable([str(python.resolve().parent), _prefix(python)]):
            return python
    raise EnvironmentMissing(
        f"no {VERSION} that all users can read: this one lies in {sys.base_prefix}, which is private, and neither "
        f"/usr/local/bin nor /usr/bin has one. Install it for the whole system, or run under another Python."
    )


def _prefix(python: Path) -> str:
    command = [str(python), "-I", "-c", "import os, sys; print(os.path.realpath(sys.prefix))"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def _environment(base: Path, folder: Path) -> Path:
    """A virtual environment with this one's packages, but without Headmaster, which is installed as links to private files."""
    # its own files only: the pip of a base environment is not wanted
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True, timeout=120, umask=0o022)
    own = folder / "lib" / VERSION / "site-packages"
    shutil.rmtree(own)
    packages = Path(sysconfig.get_paths()["purelib"])
    ignored = shutil.ignore_patterns("__editable__*", "headmaster-*")
    shutil.copytree(packages, own, copy_function=_link, ignore=ignored)
    return folder / "bin" / "python"


def _link(source: str, target: str) -> None:
    """Link a file that all can read, copy it otherwise: torch alone has hundreds of megabytes."""
    if os.stat(source).st_mode & 0o004:
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another disk
    shutil.copyfile(source, target)
    os.chmod(target, os.stat(source).st_mode | 0o444)


def _copy_of_checkout(folder: Path) -> None:
    """The files that git knows, as they lie here, and new ones that it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ROOMS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise EnvironmentMissing(f"git does not list the files of {ROOT}: {done.stderr.strip()}")
    for name in filter(None, done.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file() and not source.is_symlink():  # one that is deleted is still listed until it is committed
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
