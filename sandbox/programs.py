"""Run a command of a submission, such as `python src/run.py pretrain …`, as the program that it is.

It runs in a worker of the profile `script`, in a copy of the submission that is its own to change. When it is over, all
its processes are killed, and what is in the folder is taken in like a submission.
"""

import fnmatch
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import intake
from .channel import Channel
from .client import Patience, Worker
from .confine import FIRST_UID, Limits
from .errors import IntakeError, Loss, StudentError, WorkerLost
from .launch import Zygote
from .text import clean

_SECONDS_BETWEEN_LOOKS = 0.1
_OPEN_FILES = 64
_LEAST_FREE_BYTES = 256 << 20
MAX_FILES = 2000


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: its exit status; None if it was ended, or left nothing that can be read.
        problem: why there is none, in words; "" otherwise.
        output: the first 16 KiB of what it printed, cleaned. Untrusted.
        seconds: how long it ran.
        files: what its folder holds now; None if there was a problem.
    """

    status: int | None
    problem: str
    output: str
    seconds: float
    files: intake.Snapshot | None


@contextmanager
def run(
    zygote: Zygote,
    snapshot: intake.Snapshot,
    command: Sequence[str],
    *,
    seconds: float,
    limits: Limits | None = None,
    folder_bytes: int = 256 << 20,
    also: Mapping[str, bytes] | None = None,
    only: str = "*",
) -> Iterator[Ended]:
    """Run a command to its end; the files that it has left are there while the context is open.

    Args:
        zygote: where workers come from.
        snapshot: the submission.
        command: the path of a Python file, relative to the submission, and its arguments.
        seconds: it is ended after them.
        limits: as for other workers; the profile and the size of files are set here.
        folder_bytes: the most that its folder may hold.
        also: further files of the folder, such as data, by relative path. They win over the submission's.
        only: pattern of the names of files of the submission that are there.

    Raises:
        SandboxError: it could not be run at all, for no fault of the submission.
    """
    home = Path(tempfile.mkdtemp(prefix="headmaster-"))
    try:
        folder = home / "submission"
        shutil.copytree(snapshot.root, folder, symlinks=True, ignore=lambda place, names: _others(place, names, only))
        for name, data in (also or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        home.chmod(0o711)
        ended = _run(zygote, folder, list(command), seconds, limits or Limits(), folder_bytes)
        try:
            yield ended
        finally:
            if ended.files is not None:
                ended.files.remove()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _others(place: str, names: list[str], only: str) -> list[str]:
    """The files in a folder whose names do not fit a pattern."""
    return [
        name for name in names if not fnmatch.fnmatchcase(name, only) and not os.path.isdir(os.path.join(place, name))
    ]


def _run(zygote: Zygote, folder: Path, command: list[str], seconds: float, limits: Limits, folder_bytes: int) -> Ended:
    # a removed file that is still open takes room that nobody sees: few can be open
    limits = replace(limits, profile="script", file_bytes=folder_bytes, open_files=_OPEN_FILES)
    channel = Channel(zygote, zygote.spawn(limits, [], str(folder)))
    status, problem = None, ""
    with Worker(channel, Patience(load=seconds, call=seconds, total=seconds + 10)) as worker:
        if worker.layers()["uid"]:
            _give_away(folder, FIRST_UID + channel.pid)
        start = time.monotonic()
        with _watched(folder, channel, folder_bytes) as overflow:
            try:
                status = worker.request("run_program", folder=str(folder), command=command)
            except StudentError as error:
                problem = f"it could not be started: {error.facts.get('message', error.kind)}"
            except WorkerLost as lost:
                problem = overflow.text or _told(lost)
        ended = time.monotonic() - start
    if not problem and (type(status) is not int or not 0 <= status <= 255):
        status, problem = None, "it ended without a status"
    files = None
    if not problem:
        try:
            files = intake.take(folder, intake.Caps(total_bytes=folder_bytes, files=MAX_FILES))
        except IntakeError as error:
            status, problem = None, f"what it left cannot be taken in: {error}"
    return Ended(status, problem, clean(bytes(channel.output).decode(errors="replace"), 16_000), ended, files)


def _told(lost: WorkerLost) -> str:
    if lost.loss is Loss.TIMEOUT:
        return f"it had not ended after {lost.detail} s"
    if lost.loss is Loss.SIGNAL:
        return f"it crashed ({lost.detail})"
    return "it ended without a status"


def _give_away(folder: Path, number: int) -> None:
    """Make a folder that the judge has just made the worker's own."""
    for place, _, names in os.walk(folder):
        os.chown(place, number, number)
        os.chmod(place, 0o700)
        for name in names:
            os.chown(os.path.join(place, name), number, number, follow_symlinks=False)


class _Overflow:
    """Why a command was ended for its files; "" = it was not."""

    text = ""


@contextmanager
def _watched(folder: Path, channel: Channel, folder_bytes: int) -> Iterator[_Overflow]:
    """Kill the worker when its folder holds too much: no limit of the kernel's is on a folder."""
    overflow, over = _Overflow(), threading.Event()

    def look() -> None:
        while not over.wait(_SECONDS_BETWEEN_LOOKS):
            n_bytes, n_files = _size(folder)
            if n_bytes > folder_bytes or n_files > MAX_FILES:
                overflow.text = (
                    f"its folder held {n_bytes >> 20} MiB in {n_files} files; "
                    f"at most {folder_bytes >> 20} MiB in {MAX_FILES} files are allowed"
                )
            elif shutil.disk_usage(folder).free < _LEAST_FREE_BYTES:
                overflow.text = "the disk of the machine was nearly full"
            if overflow.text:
                channel.kill()
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield overflow
    finally:
        over.set()
        thread.join()


def _size(folder: Path) -> tuple[int, int]:
    """Bytes and number of what a folder holds now, while it may change."""
    n_bytes = n_files = 0
    for place, folders, names in os.walk(folder):
        n_files += len(folders) + len(names)
        for name in names:
            try:
                n_bytes += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass
    return n_bytes, n_files
