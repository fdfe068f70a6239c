"""The judge's supervisor: whatever becomes of the judge, the run ends in time and with all that was judged."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gradescope.supervisor import Budget, Ended, Supervisor, budget

pytestmark = pytest.mark.torch_free

ROOT = Path(__file__).parents[2]


class Judge:
    """A little program in the place of the judge; it counts its starts."""

    def __init__(self, folder: Path, program: str) -> None:
        self.starts = folder / "starts"
        self.done = folder / "done"
        self.seconds: list[float] = []
        self.program = (
            f"import os, signal, sys, time\nfrom pathlib import Path\nstarts, done = Path({str(self.starts)!r}), "
            f"Path({str(self.done)!r})\nn = len(starts.read_text()) if starts.exists() else 0\n"
            f"starts.write_text('x' * (n + 1))\n{program}"
        )

    def command(self, seconds: float) -> list[str]:
        self.seconds.append(seconds)
        return [sys.executable, "-I", "-c", self.program]

    def supervised(self, judging: float = 20, asked: float = 21, made: float = 22) -> Ended:
        return Supervisor(self.command, self.done.exists, Budget(judging, asked, made)).run()


def test_a_judge_that_ends_is_left_alone(tmp_path: Path) -> None:
    """Protects the normal run: one start, its own status."""
    judge = Judge(tmp_path, "done.touch(); sys.exit(1)")
    assert judge.supervised() == Ended(1, 1, "")
    assert 19 < judge.seconds[0] <= 20


@pytest.mark.parametrize("death", ["os.kill(os.getpid(), signal.SIGKILL)", "os.abort()", "os._exit(1)", "1 / 0"])
def test_a_judge_that_dies_is_started_once_more(tmp_path: Path, death: str) -> None:
    """Protects the grade from a judge's death, by whatever cause: the second one carries on with the time that is left."""
    judge = Judge(tmp_path, f"if n == 0:\n    time.sleep(0.2)\n    {death}\ndone.touch()")
    assert judge.supervised() == Ended(0, 2, "")
    assert judge.seconds[1] < judge.seconds[0] - 0.2


def test_a_judge_that_dies_twice_is_not_started_again(tmp_path: Path) -> None:
    """Protects the time: what kills the judge twice would kill it for ever."""
    judge = Judge(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert judge.supervised() == Ended(-signal.SIGKILL, 2, "")


def test_what_cannot_be_used_is_not_tried_again(tmp_path: Path) -> None:
    """Protects the message: pytest's status for wrong options, or a submission that cannot be taken in, is final."""
    judge = Judge(tmp_path, "sys.exit(4)")
    assert judge.supervised() == Ended(4, 1, "")


def test_a_judge_that_dies_when_all_is_written_is_not_started_again(tmp_path: Path) -> None:
    """Protects a finished grade."""
    judge = Judge(tmp_path, "done.touch(); os.kill(os.getpid(), signal.SIGKILL)")
    assert judge.supervised() == Ended(-signal.SIGKILL, 1, "")


def test_a_judge_that_hangs_is_asked_and_then_made_to_end(tmp_path: Path) -> None:
    """Protects the platform's limit: the run is over by then, even if the judge does not listen."""
    polite = Judge(tmp_path, "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\ntime.sleep(60)")
    start = time.monotonic()
    assert polite.supervised(0.2, 3, 30) == Ended(3, 1, "time")
    deaf = Judge(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)")
    assert deaf.supervised(0.2, 1.5, 2) == Ended(-signal.SIGKILL, 1, "time")
    assert time.monotonic() - start < 25


def test_what_is_over_already_counts(tmp_path: Path) -> None:
    """Protects the platform's limit: the judge gets what is left of the time."""
    judge = Judge(tmp_path, "done.touch()")
    assert Supervisor(judge.command, judge.done.exists, Budget(20, 21, 22), age=15).run() == Ended(0, 1, "")
    assert 4 < judge.seconds[0] <= 5


def test_no_second_start_without_time(tmp_path: Path) -> None:
    """Protects the platform's limit: a judge that dies at the end is not started again."""
    judge = Judge(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert judge.supervised(1, 5, 6) == Ended(-signal.SIGKILL, 1, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on(tmp_path: Path, number: signal.Signals) -> None:
    """Protects what there is: a run that is stopped from outside has its judge write it, and does not start another."""
    judge = Judge(tmp_path, "signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))\ntime.sleep(60)")
    threading.Timer(3, os.kill, (os.getpid(), number)).start()
    assert judge.supervised(50, 51, 60) == Ended(2, 1, "asked")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TIMEOUT_SECONDS": "600"}, Budget(570, 582, 591)),
        ({"TIMEOUT_SECONDS": "20"}, Budget(16, 17.6, 18.8)),
        ({"TIMEOUT_SECONDS": "4"}, Budget(2, 2.8, 3.4)),
        ({}, Budget(480, 489.6, 496.8)),
        ({"TIMEOUT_SECONDS": ""}, Budget(480, 489.6, 496.8)),
        ({"TIMEOUT_SECONDS": "ten"}, Budget(480, 489.6, 496.8)),
        ({"TIMEOUT_SECONDS": "-5"}, Budget(480, 489.6, 496.8)),
        ({"TIMEOUT_SECONDS": "inf"}, Budget(480, 489.6, 496.8)),
    ],
)
def test_the_budget(environment: dict[str, str], expected: Budget) -> None:
    """Protects the limits: the platform's, less a margin in which the results are finished, otherwise the homework's."""
    found = budget(480, environment)
    for name in ("judging", "asked", "made"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-6), name


def test_the_time_before_counts() -> None:
    """Protects the platform's limit: it runs from the start of the process, however long its imports take."""
    program = "import time; time.sleep(0.5); from gradescope.supervisor import age; print(age())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0.5 <= float(done.stdout) < 60
