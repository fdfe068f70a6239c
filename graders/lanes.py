"""Lanes: processes forked from the judge that judge tasks side by side, ahead of the order in which verdicts are told.

A lane judges a task as a whole, since its checks wait for one another, with a zygote of its own. A check's seed does not
depend on which process judges it, so verdicts are the same with any number of lanes. What a lane does not tell, because it
died, or because what runs beside it may be to blame, the judge finds out itself when nothing else runs.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from sandbox.confine import die_with_parent, hide_memory
from sandbox.errors import SandboxError
from sandbox.launch import Zygote

from .check import Check
from .cores import usable_cores
from .verdict import Reason, Verdict
from .verdict_log import as_plain, from_plain

if TYPE_CHECKING:
    from .judge import Judge

MOST = 4  # each needs the memory of a judge and a worker
_FAREWELL = 1.0  # seconds
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
        checks: what is to be judged; those that `judge` has judged already are left out.
    """

    def __init__(self, judge: "Judge", count: int, checks: Sequence[Check]) -> None:
        self._pids: dict[int, int] = {}  # by the descriptor of what a lane tells
        self._told: dict[int, bytes] = {}  # by the same, what has come of a line
        self._found: dict[str, tuple[Verdict, float]] = {}
        tasks: dict[str, list[Check]] = {}
        for check in checks:
            if check.id not in judge.verdicts and check.task not in ALONE:
                tasks.setdefault(check.task, []).append(check)
        units = [tasks[task] for task in sorted(tasks, key=lambda task: task not in FIRST)]
        self._ahead = {check.id for unit in units for check in unit}
        queue, filling = os.pipe()
        os.write(filling, bytes(range(len(units))))
        os.close(filling)
        try:
            for _ in range(min(count, len(units))):
                self._fork(judge, units, queue)
        except (SandboxError, OSError):
            pass  # there can be no more of them: those that there are do it, or the judge alone
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
        """End what is still running. What it would tell is not read any more."""
        for pid in self._pids.values():
            os.kill(pid, signal.SIGTERM)
        ends = time.monotonic() + _FAREWELL
        for descriptor, pid in self._pids.items():
            while not _has_ended(pid, os.WNOHANG) and time.monotonic() < ends:
                time.sleep(0.005)
            os.close(descriptor)
            if not _has_ended(pid, os.WNOHANG):
                os.kill(pid, signal.SIGKILL)
                _has_ended(pid, 0)
        self._pids.clear()

    def _receive(self) -> None:
        """Read what has come, and wait for it if nothing has."""
        for descriptor in select.select(list(self._pids), [], [])[0]:
            data = os.read(descriptor, 1 << 16)
            if not data:
                os.close(descriptor)
                _has_ended(self._pids.pop(descriptor), 0)
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
                _judge_units(judge, twin, units, queue, writing)
    except Exception:
        traceback.print_exc()  # of ours; the judge does without this lane
    finally:
        os._exit(0)


def _judge_units(judge: "Judge", twin: Zygote, units: Sequence[Sequence[Check]], queue: int, writing: int) -> None:
    """Judge one unit after the other, until none is left, or something happens that other lanes may have caused."""
    while number := os.read(queue, 1):
        for check in units[number[0]]:
            verdict = judge.judge(check)
            if verdict.reason is Reason.GRADER_FAULT or twin.deaths:
                return
            _tell(writing, [check.id, as_plain(verdict), judge.seconds[check.id]])


def _has_ended(pid: int, options: int) -> bool:
    """Whether a lane has ended; also when that has been asked, and answered, before."""
    try:
        return os.waitpid(pid, options)[0] != 0
    except ChildProcessError:
        return True


class _Ended(BaseException):
    """A lane is to end. Nobody takes this for an error of what is judged, as Hypothesis takes SystemExit."""


def _end(number: int, frame: object) -> NoReturn:
    raise _Ended


def _tell(writing: int, entry: list[Any]) -> None:
    data = memoryview(json.dumps(entry).encode() + b"\n")
    while data:
        data = data[os.write(writing, data) :]
