"""Runs the judge in a process of its own, so that whatever becomes of it the results are complete and in time.

The platform kills a run at its limit and throws its results away. So the judge gets a time of its own that ends earlier;
one that is not done then is asked to end, and soon after made to. One that dies is started once more and carries on.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

PLATFORM_LIMIT = "TIMEOUT_SECONDS"  # the harness leaves its limit in the environment
_LEAST_MARGIN = 4.0
_MARGIN = 0.05
_LEAST_TO_CARRY_ON = 2.0


@dataclass(frozen=True)
class Budget:
    """The time of a run, in seconds from its start.

    Attributes:
        judging: after this nothing more is judged.
        asked: after this the judge, if it is still there, is asked to end.
        made: after this it is made to end.
    """

    judging: float
    asked: float
    made: float


def budget(homework_seconds: float, environment: Mapping[str, str] = os.environ) -> Budget:
    """The time of a run: from the platform's limit where it tells one, less a margin; otherwise the homework's.

    Args:
        homework_seconds: what the homework's TOML allows for the whole run.
        environment: where the platform tells its limit.
    """
    try:
        limit = float(environment.get(PLATFORM_LIMIT, ""))
    except ValueError:
        limit = 0.0
    if 0 < limit < float("inf"):
        margin = min(limit / 2, max(_LEAST_MARGIN, _MARGIN * limit))
    else:
        margin = max(_LEAST_MARGIN, _MARGIN * homework_seconds)
        limit = homework_seconds + margin
    return Budget(limit - margin, limit - 0.6 * margin, limit - 0.3 * margin)


@dataclass(frozen=True)
class Ended:
    """How the judging ended.

    Attributes:
        status: the last process's exit status; negative = the signal that ended it.
        starts: how many processes there were.
        reason: what ended it from outside: "time", "asked", or "".
    """

    status: int
    starts: int
    reason: str


class Supervisor:
    """Runs the judge.

    Args:
        command: makes its command line from the seconds that it may judge.
        is_finished: whether the results say that everything is judged.
        time: of the whole run.
        environment: of the judge, besides that of this process.
        age: seconds of this time that are over already.
        silent: whether what it prints is thrown away.
    """

    def __init__(
        self,
        command: Callable[[float], Sequence[str]],
        is_finished: Callable[[], bool],
        time: Budget,
        *,
        environment: Mapping[str, str] | None = None,
        age: float = 0.0,
        silent: bool = False,
    ) -> None:
        self._command = command
        self._is_finished = is_finished
        self._time = time
        self._environment = {**os.environ, **(environment or {})}
        self._age = age
        self._silent = silent
        self._asked_to_end = False

    def run(self) -> Ended:
        """Run it, at most twice, to its end."""
        start = time.monotonic() - self._age
        before = {number: signal.signal(number, self._ask_to_end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            starts, status, reason = 0, 0, ""
            while not reason:
                starts += 1
                left = self._time.judging - (time.monotonic() - start)
                status, reason = self._run_once(self._command(max(0.0, left)), start)
                left = self._time.judging - (time.monotonic() - start)
                # 4 is pytest's for a submission, or options, that cannot be used: it has said why
                if status == 4 or starts == 2 or left < _LEAST_TO_CARRY_ON or self._is_finished():
                    break
            return Ended(status, starts, reason)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run_once(self, command: Sequence[str], start: float) -> tuple[int, str]:
        output = subprocess.DEVNULL if self._silent else None
        with subprocess.Popen(command, cwd="/", env=self._environment, stdout=output) as judge:
            while True:
                try:
                    return judge.wait(0.1), "asked" if self._asked_to_end else ""
                except subprocess.TimeoutExpired:
                    if self._asked_to_end or time.monotonic() - start >= self._time.asked:
                        break
            judge.terminate()
            try:
                status = judge.wait(self._time.made - self._time.asked)
            except subprocess.TimeoutExpired:
                judge.kill()
                status = judge.wait()
            return status, "asked" if self._asked_to_end else "time"

    def _ask_to_end(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_end = True


def age() -> float:
    """Seconds since this process began; 0 where that cannot be known."""
    try:
        with open("/proc/self/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])  # proc(5): starttime, since the system's start
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, AttributeError):
        return 0.0
