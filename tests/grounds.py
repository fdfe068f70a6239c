"""Where trials are held: grades one submission as a real run does, then finds out everything that it has got.

As a program (`python -m tests.grounds NAME ...`) it holds the trials with these names, all without any, in the environment in
which it is started, and writes a line of JSON before and after each: `attack_run.py` reads them.
"""

import json
import os
import signal
import stat
import sys
import time
import traceback
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch

from graders.homework import Homework, load
from graders.judge import Judge, reference_of
from graders.scoring import score
from graders.verdict import Reason, Verdict
from gradescope.plugin import Reporter
from gradescope.results import read
from sandbox.confine import FIRST_UID
from sandbox.launch import Process, Zygote
from sandbox.self_test import Confinement, self_test
from tests.hostile import Prey, adopt_orphans, living, prey
from tests.trials import Trial, trials

FULL = 20
MOST_SECONDS = 30
LEAVING_SECONDS = 5  # what a killed process may need to leave
KERNEL = ("uid", "landlock", "seccomp", "rlimits")
KINDS = ("forged", "lost", "survivor", "untried")
_RESULTS = "results/results.json"


class Recording(Zygote):
    """A zygote that knows which workers it has made."""

    def __init__(self) -> None:
        self.workers: list[int] = []
        super().__init__()

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def spawn(self, *args: object, **kwargs: object) -> Process:
        process = super().spawn(*args, **kwargs)  # type: ignore[arg-type]
        self.workers.append(process.pid)
        return process


@dataclass(frozen=True)
class Problem:
    """What must not be.

    Attributes:
        kind: forged (points, or anything else that was taken), lost (the judge, its results, a verdict, too much time),
            survivor (a process), untried (an attack at the kernel that was refused nothing).
        what: in words.
    """

    kind: str
    what: str


@dataclass(frozen=True)
class Grounds:
    """What all trials in one environment share."""

    zygote: Recording
    confinement: Confinement
    homework: Homework


def patient() -> Homework:
    """`core`, with the patience of a test."""
    homework = load("core")
    limits = homework.config.limits.model_copy(
        update={"seconds_per_import": 4, "seconds_per_call": 4, "seconds_per_check": 8}
    )
    return homework.model_copy(update={"config": homework.config.model_copy(update={"limits": limits})})


@contextmanager
def grounds() -> Iterator[Grounds]:
    """Start the zygote, and find out which layers hold here."""
    zygote = Recording()
    with zygote:
        yield Grounds(zygote, self_test(zygote), patient())


class Watched(Reporter):
    """Writes results.json after each verdict, and notes whether somebody else has touched it since."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._mine: object = None
        self.touched = False

    def _write(self, judge: Judge, *, finished: bool, seconds: float | None = None) -> None:
        self.look()
        super()._write(judge, finished=finished, seconds=seconds)
        self._mine = self._facts()

    def look(self) -> None:
        """Compare the file with what was written last."""
        self.touched |= self._mine is not None and self._facts() != self._mine

    def _facts(self) -> object:
        folder, file = self.path.parent.stat(), self.path.lstat()
        data = self.path.read_bytes() if stat.S_ISREG(file.st_mode) else b""
        entries = [
            (facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, facts.st_ino) for facts in (folder, file)
        ]
        return entries, data, os.listdir(self.path.parent)


def hold(trial: Trial, where: Grounds) -> list[Problem]:
    """Grade one submission and say all that is wrong afterwards; an empty list is as it must be.

    Args:
        trial: what is handed in, and what it may earn.
        where: the zygote, and the layers that hold.
    """
    first, mother, state, children = len(where.zygote.workers), where.zygote.pid, own_state(), living(os.getpid())
    start = time.monotonic()
    with prey() as laid_out, noting_signals() as signals:
        trial.hand_in(laid_out, str(os.getpid()))
        earned, verdicts, reporter = graded(where, laid_out)
        text = said(verdicts)
        taken = laid_out.taken(text, lambda path: path not in (_RESULTS, "results"))
        found = [Problem("forged", what) for what in sorted(taken)]
        found += _wrong_with_results(reporter, earned)
    allowed = FULL if trial.earns else 0
    if earned != allowed:
        found.append(Problem("forged" if earned > allowed else "lost", f"{earned:g} points instead of {allowed}"))
    if signals:
        found.append(Problem("forged", f"sent signals to the judge: {signals}"))
    found += [
        Problem("forged", f"changed the judge's {name}") for name, value in own_state().items() if value != state[name]
    ]
    if any(unicodedata.category(c) in ("Cc", "Cs") or c == "\u202e" for c in text if c not in "\n\t"):
        found.append(Problem("forged", "control characters in what is told"))
    if faults := [name for name, verdict in verdicts.items() if verdict.reason is Reason.GRADER_FAULT]:
        found.append(Problem("lost", f"the grader's fault: {', '.join(faults)}"))
    if where.zygote.pid != mother:
        found.append(Problem("lost", "the zygote died"))
    if time.monotonic() - start > MOST_SECONDS:
        found.append(Problem("lost", f"took longer than {MOST_SECONDS} seconds"))
    if trial.is_file and trial.layer in KERNEL and not ("refused" in text or "SIGSYS" in text):
        found.append(Problem("untried", "neither refused nor through"))
    workers = where.zygote.workers[first:]
    if trial.is_file and not workers:
        found.append(Problem("untried", "it was never loaded"))
    found += [Problem("survivor", what) for what in survivors(where.zygote, workers, children)]
    return found


def graded(where: Grounds, laid_out: Prey) -> tuple[float, dict[str, Verdict], Watched]:
    """The points of the item on attention, its verdicts, and who has written results.json."""
    reporter = Watched(laid_out.folder / _RESULTS)
    key = reference_of("core")
    with Judge(where.homework, laid_out.submission, where.zygote, seed=7, reference=key, shrink_calls=2) as judge:
        own = [check for check in judge.checks if check.task == "attention"]
        reporter.pytest_headmaster_begin(judge, where.confinement)
        for check in own:
            reporter.pytest_headmaster_judged(judge, check, judge.judge(check))
        reporter.pytest_headmaster_end(judge, 1.0)
        verdicts = dict(judge.verdicts)
    item = next(item for item in where.homework.config.auto_items if item.has("attention"))
    return float(score(item, own, verdicts).earned), verdicts, reporter


def _wrong_with_results(reporter: Watched, earned: float) -> Iterator[Problem]:
    try:
        reporter.look()
        written = read(reporter.path).score
    except (OSError, ValueError) as error:
        yield Problem("lost", f"results.json is missing or invalid: {type(error).__name__}")
        return
    if reporter.touched:
        yield Problem("forged", "touched results.json")
    if written != earned:
        yield Problem("forged", f"results.json says {written:g} points, the verdicts {earned:g}")


def said(verdicts: dict[str, Verdict]) -> str:
    """All that the submission has brought into the verdicts."""
    parts = [(v.output, v.message, v.staff, v.case, v.snippet) for v in verdicts.values()]
    return "\n".join(part for each in parts for part in each)


@contextmanager
def noting_signals() -> Iterator[list[int]]:
    """Signals that reach this process, which judges."""
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGIO)}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def own_state() -> dict[str, object]:
    """What an attack on the judging process itself would change in it."""
    return {
        "affinity": os.sched_getaffinity(0),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "scheduler": os.sched_getscheduler(0),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "functions": [
            *(torch.testing.assert_close, torch.allclose, torch.equal, torch.softmax, torch.randn, torch.isclose),
        ],
        "foreign modules": {"attention", "targets", "_submission"} & sys.modules.keys(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
    }


def survivors(zygote: Recording, workers: Sequence[int], children: set[int]) -> list[str]:
    """What is alive of anything that workers have made; of the zygote's children, only one may be, which waits for work.

    Args:
        zygote: where they came from.
        workers: their numbers.
        children: the judge's own before they were made.
    """
    owners = {FIRST_UID + pid for pid in workers}

    def alive() -> list[str]:
        spares = living(zygote.pid)
        return [
            *(f"process {pid} with the user of a worker" for pid in living(owners=owners)),
            *(f"child {pid} of the worker {worker}" for worker in workers for pid in living(worker)),
            *(f"child {pid} of the judge" for pid in living(os.getpid()) - children - {zygote.pid}),
            *([f"{len(spares)} children of the zygote instead of one"] if len(spares) != 1 else []),
        ]

    until = time.monotonic() + LEAVING_SECONDS
    while (found := alive()) and time.monotonic() < until:
        time.sleep(0.005)
    return found


def main(names: Sequence[str]) -> int:
    """Hold trials and write down what was found.

    Args:
        names: those that are held, in this order; none = all.

    Returns:
        0, if nothing went wrong with the trials themselves.
    """
    adopt_orphans()
    known = {trial.name: trial for trial in trials()}
    with grounds() as where:
        found = where.confinement
        _tell({"summary": found.summary, "layers": found.layers, "open": list(found.open)})
        for name in names or known:
            _tell({"begin": name})
            start = time.monotonic()
            try:
                problems = hold(known[name], where)
            except Exception:  # whatever an attack makes the judge raise, the others are held
                problems = [Problem("lost", f"the judge raised: {traceback.format_exc().strip()}")]
            seconds = round(time.monotonic() - start, 2)
            _tell({"end": name, "problems": [[each.kind, each.what] for each in problems], "seconds": seconds})
    return 0


def _tell(record: dict[str, object]) -> None:
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
