"""`python -m audit.differential`: observe originals and their mutants, each in a process of its own.

Reads requests from standard input, one line of JSON each, and writes one line for each mutant as soon as it is judged,
and one that says that the request is done. The interpreter with torch is started once; each run is a fork of it, which
limits its memory and its processor time. What a mutant prints goes nowhere.
"""

import importlib
import io
import json
import math
import os
import random
import resource
import select
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from . import package
from .observing import STOPPED, Journal, Observation, first_difference, has_nan

SAME = b"same"
# a run that waits instead of computing, or has little of the processor, may take so many times its processor time
PATIENCE = 10


def main() -> None:
    """Serve requests until there are no more."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    for line in requests:
        for reply in (*_Runs(json.loads(line)).all(), {"done": True}):
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


class _Runs:
    """The runs of one request."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.files: dict[str, str] = request["files"]
        self.mutants: list[tuple[str, dict[str, str]]] = request["mutants"]
        self.seeds: int = request["seeds"]
        self.timeout: float = request["timeout"]
        self.memory: int = request["memory"]
        self.observe = importlib.import_module(f".{request['task']}", __package__).observe

    def all(self) -> Iterator[dict[str, Any]]:
        """What is wrong with the original, if anything is; else of each mutant its first difference."""
        recorded = _forked(lambda: _packed(self._record()), self.timeout, self.memory)
        if isinstance(recorded, str):
            yield {"fault": f"its run {recorded}"}
            return
        expected: list[list[Observation]] = torch.load(io.BytesIO(recorded), weights_only=True)
        stopped = [str(value) for entries in expected for label, value, _ in entries if label == STOPPED]
        undefined = [label for entries in expected for label, value, _ in entries if has_nan(value)]
        if stopped or undefined:
            yield {"fault": stopped[0] if stopped else f"{undefined[0]}: the result is NaN"}
            return
        difference = self._difference(self.files, expected)
        if difference is not None:
            yield {"fault": f"its second run differs from its first: {difference}"}
            return
        for name, changed in self.mutants:
            yield {"name": name, "difference": self._difference({**self.files, **changed}, expected)}

    def _record(self) -> list[list[Observation]]:
        package.install(self.files)
        return [self._observed(seed) for seed in range(self.seeds)]

    def _difference(self, files: Mapping[str, str], expected: list[list[Observation]]) -> str | None:
        """Compare another set of files with what the original did."""

        def compared() -> bytes:
            package.install(files)
            for seed in range(self.seeds):
                difference = first_difference(expected[seed], self._observed(seed))
                if difference is not None:
                    return f"seed {seed}, {difference}".encode()
            return SAME

        result = _forked(compared, self.timeout, self.memory)
        if isinstance(result, str):
            return f"its run {result}"
        return None if result == SAME else result.decode()

    def _observed(self, seed: int) -> list[Observation]:
        """One run of the driver; what it could not do is its last observation."""
        torch.manual_seed(seed)
        random.seed(seed)
        journal = Journal()
        try:
            self.observe(package.load, seed, journal)
        except Exception as error:
            text = str(error).split("\n")[0][:100]
            journal.note(STOPPED, f"{journal.under_way} raises {type(error).__name__}: {text}")
        return journal.entries


def _packed(expected: list[list[Observation]]) -> bytes:
    buffer = io.BytesIO()
    torch.save(expected, buffer)
    return buffer.getvalue()


def _forked(action: Callable[[], bytes], timeout: float, memory: int) -> bytes | str:
    """Run something in a fork: what it returns, or in words how its process ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            _limit(memory, timeout)
            result = action()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(result)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        received = _read(reading, PATIENCE * timeout)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)  # it has ended, or must; its number is its own until it is waited for
        status = os.waitpid(pid, 0)[1]
    if received:
        return received
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if received is None or ended_by == signal.SIGXCPU:
        return f"takes more than {timeout:g} s"
    return "dies" + (f" of signal {ended_by}" if ended_by else "")


def _read(reading: int, timeout: float) -> bytes | None:
    """All that a process writes until it ends; None if that takes too long."""
    deadline = time.monotonic() + timeout
    received = bytearray()
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(reading, 1 << 16)
        if not data:
            return bytes(received)
        received += data
    return None


def _limit(memory: int, timeout: float) -> None:
    """Let this process have so much memory beyond what it has, and so much time; it ends even if its parent is gone."""
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * timeout + 5)
    seconds = math.ceil(timeout)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = Path("/proc/self/statm")
    if pages.exists():  # Linux
        has = int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + memory, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main()
