"""How much memory a command needs with all processes that it starts."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

EVERY = 0.05  # seconds between two looks


@dataclass
class Peak:
    """The most that was seen at one moment.

    Attributes:
        bytes: of the proportional set sizes: pages that processes share are counted once.
        processes: that were there at once.
    """

    bytes: int = 0
    processes: int = 0


def peak_of(command: Sequence[str]) -> Peak:
    """Run a command, and look every now and then at its processes (Linux only; looking makes it slower).

    Raises:
        CalledProcessError: it fails.
    """
    peak = Peak()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            sizes = [size for size in map(_size, _family(root)) if size]
            peak = Peak(max(peak.bytes, sum(sizes)), max(peak.processes, len(sizes)))
            time.sleep(EVERY)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _size(process: psutil.Process) -> int:
    """Bytes of a process; 0 if it has just ended."""
    try:
        size: int = process.memory_full_info().pss
    except psutil.NoSuchProcess:
        return 0
    return size
