"""A group of processes whose memory together is limited by the kernel, as a container's is."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OLD = Path("/sys/fs/cgroup/memory")  # control groups of the first version have a folder for each resource
_NEW = Path("/sys/fs/cgroup")


class MemoryGroup:
    """The processes that join it share a limit."""

    def __init__(self, folder: Path, n_bytes: int) -> None:
        self._folder = folder
        old = folder.is_relative_to(_OLD)
        self._peak = folder / ("memory.max_usage_in_bytes" if old else "memory.peak")
        (folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(n_bytes))
        with suppress(OSError):  # no swap beside it, where that can be said
            (folder / "memory.swap.max").write_text("0")

    def join(self) -> None:
        """Put the calling process in; its children are born there. For `preexec_fn`."""
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self) -> int:
        """The most bytes that have been in use at once."""
        return int(self._peak.read_text())


@contextmanager
def memory_group(n_bytes: int) -> Iterator[MemoryGroup]:
    """A fresh group, removed when its last process has gone.

    Raises:
        OSError: this process may make none.
    """
    folder = (_OLD if _OLD.is_dir() else _NEW) / f"headmaster-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        yield MemoryGroup(folder, n_bytes)
    finally:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                folder.rmdir()
                break
            except OSError:  # a killed process needs a moment to leave
                time.sleep(0.05)
