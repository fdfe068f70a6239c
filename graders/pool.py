"""Processes that judge side by side, each with a zygote of its own."""

import atexit
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from sandbox.launch import Zygote

_zygotes: list[Zygote] = []  # none, or the one of this process


def pool(n_jobs: int, n_processes: int | None = None) -> ProcessPoolExecutor:
    """Start the processes.

    Args:
        n_jobs: no more processes than jobs.
        n_processes: default: as many as there are CPUs.
    """
    count = min(n_processes or os.cpu_count() or 1, max(1, n_jobs))
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_start)


def _start() -> None:
    _zygotes.append(Zygote())
    atexit.register(_zygotes[0].close)


def zygote() -> Zygote:
    """Where the workers of this process of the pool come from."""
    return _zygotes[0]
