"""What one input may cost: processor time, and memory that Python's allocators hand out."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


class Exceeded(Exception):
    """An input cost more than its bound allows."""


@contextmanager
def bounded(seconds: float, n_bytes: int | None = None) -> Iterator[None]:
    """Hold what runs within to its bounds.

    Time is the process's own, so that a busy machine changes nothing. A hang is ended from outside: by pytest-timeout, or
    by the fuzzer. Memory is the peak of what was allocated within; torch's own is not counted, numpy's is.

    Raises:
        Exceeded: says what was found and what is allowed.
    """
    if n_bytes is not None:
        tracemalloc.start()
    before = time.process_time()
    try:
        yield
    finally:
        used, (_, peak) = time.process_time() - before, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if used > seconds:
        raise Exceeded(f"it took {used:.1f} seconds of processor time, {seconds:g} are allowed")
    if n_bytes is not None and peak > n_bytes:
        raise Exceeded(f"it allocated {peak} bytes, {n_bytes} are allowed")
