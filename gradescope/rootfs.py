"""A root file system like that of Gradescope's images, made once from Debian's packages and kept in a cache folder.

It has Python without venv, as Ubuntu's has, so that what setup.sh installs is tried too.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = ("python3", "ca-certificates")


class RootfsError(Exception):
    """The file system could not be made; the message holds the end of what was printed."""


@dataclass(frozen=True)
class Mirror:
    """Where packages come from, as this machine's apt has it."""

    uri: str
    suite: str


def cache() -> Path:
    """The folder that things are kept in: one that other users can enter, or in the user's own home."""
    if os.geteuid() == 0:
        return Path("/var/cache/headmaster")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headmaster"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process at a time work on something that is kept; the lock lies beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f"{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def mirror() -> Mirror | None:
    """The source of this system's own release; None where apt is missing or has none."""
    try:
        release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    for line in found.splitlines():
        uri, _, suite = line.partition(" ")
        if release and suite == release:
            return Mirror(uri.rstrip("/"), suite)
    return None


def base() -> Path:
    """The root file system; it is made if there is none yet, which takes a minute or two.

    Raises:
        RootfsError: debootstrap has failed.
    """
    source = mirror()
    if source is None:
        raise RootfsError("apt has no source of this system's release: run apt-get update")
    key = hashlib.sha256(f"{source.uri} {source.suite} {' '.join(_PACKAGES)}".encode()).hexdigest()[:12]
    path = cache() / "rootfs" / f"{source.suite}-{key}"
    with alone(path):
        if not path.is_dir():
            _debootstrap(source, path)
    return path


def _debootstrap(source: Mirror, path: Path) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", source.suite, str(unfinished)]
    done = subprocess.run([*command, source.uri], capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise RootfsError(f"debootstrap has failed (status {done.returncode}):\n{tail}")
    for archive in (unfinished / "var" / "cache" / "apt" / "archives").glob("*.deb"):
        archive.unlink()
    unfinished.rename(path)
