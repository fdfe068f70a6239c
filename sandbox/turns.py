"""Judge and worker take strict turns: one CPU serves both, and each finds the other's data in its cache.

Waking a process on another, idle CPU costs several times what a small request costs. While a worker lives, both are
therefore bound to the CPU that the judge happens to run on; it is chosen anew for each worker, so that several judges side
by side, each running on its own CPU at that moment, do not end up on the same one.
"""

import ctypes
import os
import sys

_available = sys.platform == "linux"
_bound: dict[int, frozenset[int]] = {}  # worker's pid → the CPUs that the judge had before


def share_cpu(pid: int) -> None:
    """Bind the judge and a worker to the judge's current CPU; does nothing where the system has no such thing."""
    if not _available:
        return
    try:
        before = _judges_own()
        cpu = ctypes.CDLL(None).sched_getcpu()
        os.sched_setaffinity(pid, {cpu})
        os.sched_setaffinity(0, {cpu})
    except (OSError, AttributeError, ValueError):
        return
    _bound[pid] = before


def release_cpu(pid: int) -> None:
    """Give the judge its CPUs back when its last worker has gone."""
    before = _bound.pop(pid, None)
    if before is not None and not _bound:
        try:
            os.sched_setaffinity(0, before)
        except OSError:  # a CPU was taken away meanwhile: the judge stays where it is
            pass


def _judges_own() -> frozenset[int]:
    """The CPUs that the judge may use while it has no worker."""
    return next(iter(_bound.values())) if _bound else frozenset(os.sched_getaffinity(0))
