"""Lanes: processes forked from the judge that judge tasks side by side, ahead of the order in which verdicts are told.

A lane judges a task as a whole, since its checks wait for one another, with a zygote of its own. Seeds follow from the check
alone, so verdicts are the same with any number of lanes. What a lane does not tell, because it died, the judge finds out
itself.
"""

import json
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from sandbox.confine import die_with_parent, hide_memory
from sandbox.launch import Zygote

from .check import Check
from .cores import usable_cores
from .verdict import Verdict
from .verdict_log import as_plain, from_plain

if TYPE_CHECKING:
    from .judge import Judge

MOST = 4  # each needs the memory of a judge and a worker
ALONE = frozenset({"timing"})  # tasks that are judged when nothing else is
FIRST = frozenset({"commands", "training"})  # that take long: at the end one lane would be left alone with them


def usual_lanes() -> int:
    """One for each processor that may be used, up to `MOST`."""
    return min(MOST, usable_cores())


class Lanes:
    """The lanes of one judge. They begin at once.

    Args:
        judge: the one that they are forked from.
        count: how many, at least 1.
    """

    def __init__(self, judge: "Judge", count: int) -> None:
        self._pids: dict[int, int] = {}  # by the descriptor of what a lane tells
        self._told: dict[int, bytes] = {}  # by the same, what has come of a line
        self._found: dict[str, tuple[Verdict, float]] = {}
        tasks: dict[str, list[Check]] = {}
        for check in judge.checks:
            if check.id not in judge.verdicts and check.task not in ALONE:
                tasks.setdefault(check.task, []).append(check)
        units = [tasks[task] for task in sorted(tasks, key=lambda task: task not in FIRST)]
        self._ahead = {check.id for unit in units for check in unit}
        queue, filling = os.pipe()
        os.write(filling, bytes(range(len(units))))
        os.close(filling)
        for _ in range(min(count, len(units))):
            self._fork(judge, units, queue)
        os.close(queue)

    def _fork(self, judge: "Judge", units: Sequence[Sequence[Check]], queue: int) -> None:
        twin = judge.zygote.twin()
        reading, writing = os.pipe()
        judge_pid = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # Python warns where there are threads: numpy's may have begun, idle, and begin again in the child
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.close(reading)
            for other in self._pids:
                os.close(other)
            _judge_ahead(judge, twin, units, queue, writing, judge_pid)
        os.close(writing)
        twin.leave()
        self._pids[reading] = pid
        self._told[reading] = b""

    def verdict(self, check: Check) -> tuple[Verdict, float] | None:
        """The verdict of a check and the seconds that it took; waits for it. None if none comes, or for the second time."""
        if check.id not in self._ahead:
            return None
        self._ahead.discard(check.id)
        while check.id not in self._found and self._pids:
            self._receive()
        return self._found.pop(check.id, None)

    def finish(self) -> None:
        """Wait until all lanes have come to their end."""
        while self._pids:
            self._receive()

    def close(self) -> None:
        """End what is still running."""
        for pid in self._pids.values():
            os.kill(pid, signal.SIGTERM)
        ends = time.monotonic() + 1.0
        while self._pids and time.monotonic() < ends:
            self._receive(0.05)
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        self.finish()

    def _receive(self, seconds: float | None = None) -> None:
        """Read what has come, and wait for it if nothing has."""
        for descriptor in select.select(list(self._pids), [], [], seconds)[0]:
            data = os.read(descriptor, 1 << 16)
            if not data:
                os.close(descriptor)
                os.waitpid(self._pids.pop(descriptor), 0)
                continue
            *lines, self._told[descriptor] = (self._told[descriptor] + data).split(b"\n")
            for line in lines:
                name, facts, took = json.loads(line)
                self._found[name] = from_plain(facts), took


def _judge_ahead(
    judge: "Judge", twin: Zygote, units: Sequence[Sequence[Check]], queue: int, writing: int, judge_pid: int
) -> NoReturn:
    """The life of a lane."""
    try:
        signal.signal(signal.SIGTERM, _end)  # so that nothing is left behind
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the judge ends its lanes
        die_with_parent()
        hide_memory()
        if os.getppid() == judge_pid:
            judge.zygote.leave()
            with twin:
                judge.use(twin)
                while number := os.read(queue, 1):
                    for check in units[number[0]]:
                        verdict = judge.judge(check)
                        _tell(writing, [check.id, as_plain(verdict), judge.seconds[check.id]])
    finally:
        os._exit(0)


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit


def _tell(writing: int, entry: list[Any]) -> None:
    data = memoryview(json.dumps(entry).encode() + b"\n")
    while data:
        data = data[os.write(writing, data) :]
