"""Taking the time of student code, beside the reference, with clocks that it cannot touch (docs/timing.md).

The submission and the solution run in workers of the same kind, forked from the same zygote. The solution's is made first,
and its files are gone before the submission's begins to run. Every worker is stopped but the one that is asked. Each call
gets inputs that nobody has seen before, and each output is compared with the oracle: an answer that was not computed from
these inputs, or not yet, is a wrong answer.
"""

import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from sandbox.client import Remote, Worker
from sandbox.errors import Loss, StudentError, WorkerLost

from .feedback import of_error
from .scaling import Growth, grow
from .strategies import generator
from .timed import Timed
from .timing_verdict import LOOKS, Comparison, Cost, Pair, Speed, compare
from .timing_words import of_comparison, of_growth
from .verdict import CannotJudge, CheckFailed, Reason
from .workloads import Run, Workload

Pairs = Mapping[int, Sequence[Pair]]  # by size
_FAR = 10.0  # times what the solution was waited for
_ECHOES = 9
LONG_ENOUGH = 20.0  # seconds; after that nothing is measured again
_SETTLING, _WINDOW, _LONG_WINDOW = 0.002, 0.010, 0.100  # seconds in which a worker has nothing to do
_IDLE_SHARE, _IDLE_SECONDS = 0.02, 0.002  # of the processor that it may use then, and in all


def process_clock(pid: int) -> int | None:
    """The clock of the processor time of another process, all its threads together; None where there is none (macOS).

    Linux derives the number of such a clock from the process's (clock_getcpuclockid(3)); reading it needs no permission.
    """
    return (~pid << 3) | 2 if sys.platform == "linux" else None


@dataclass
class Runner:
    """A worker whose time is taken.

    Attributes:
        worker: its process is stopped, but while it is asked and until its answer is looked at.
        runs: size → what it is asked.
    """

    worker: Worker
    runs: Mapping[int, Run]
    _clock: int | None = field(init=False)

    def __post_init__(self) -> None:
        self._clock = process_clock(self.worker.channel.pid)

    def stop(self) -> None:
        """Stop it: it computes nothing from now on, in no thread."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        try:
            os.kill(self.worker.channel.pid, number)
        except ProcessLookupError:
            pass  # it has ended, as the next request will tell

    def cpu(self) -> float | None:
        """The processor time that it has used so far, in seconds."""
        if self._clock is None:
            return None
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0  # it has ended, as the next request will tell

    def timed(self, size: int, inputs: Sequence[Any]) -> tuple[Any, Cost]:
        """Ask it, and take the time; it is left running."""
        return self._timed(self.runs[size].call, inputs)

    @property
    def waited(self) -> float:
        """Seconds for which it has been waited, in all requests since it was opened."""
        return self.worker.channel.waited

    def echo(self, size: int, rng: random.Random) -> Cost:
        """What a request costs that moves as many bytes as a call, and computes nothing: the median of several.

        To be asked of the reference's worker: what a submission's worker says for an echo could be slow on purpose.
        """
        inputs = self.runs[size].draw(generator(rng.getrandbits(63)))
        moved = bytes_in(inputs) + bytes_in(self.runs[size].call(*inputs))
        function = Remote(self.worker, self.worker.make("identity"), "echo")
        costs = [self._timed(function, [torch.ones(1 + moved // 8)])[1] for _ in range(1 + _ECHOES)][1:]
        self.stop()
        cpu = [cost.cpu for cost in costs if cost.cpu is not None]
        return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cpu) if cpu else None)

    def _timed(self, call: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, Cost]:
        channel = self.worker.channel
        before, waited = self.cpu(), channel.waited
        self.go_on()
        output = call(*inputs)
        after = self.cpu()
        cpu = None if before is None or after is None else max(after - before, 1e-9)
        return output, Cost(max(channel.waited - waited, 1e-9), cpu)


def bytes_in(value: Any) -> int:
    """How many bytes the tensors in a value have."""
    if isinstance(value, Tensor):
        return value.nbytes
    return sum(map(bytes_in, value)) if isinstance(value, (list, tuple)) else 0


@dataclass
class Contest:
    """A submission and the reference, asked the same in turns.

    Attributes:
        student, reference: their workers.
        rng: decides about inputs and order.
        pairs: what was measured, by size.
    """

    student: Runner
    reference: Runner
    rng: random.Random
    pairs: dict[int, list[Pair]] = field(default_factory=dict)
    _idle: list[tuple[float, float]] = field(default_factory=list)  # seconds with nothing to do, and used in them

    def repeat(self, until: int) -> None:
        """Measure, until there are so many pairs at each size; the sizes come in random order."""
        sizes = list(self.student.runs)
        watched = {0, until // 2, self.rng.randrange(until)}
        while (done := min(len(self.pairs.get(size, ())) for size in sizes)) < until:
            for size in self.rng.sample(sizes, len(sizes)):
                self.pairs.setdefault(size, []).append(self._pair(size, watch=done in watched and size == sizes[0]))
        self._look_at_idle_time()

    def _pair(self, size: int, *, watch: bool) -> Pair:
        inputs = self.student.runs[size].draw(generator(self.rng.getrandbits(63)))
        costs: dict[str, Cost] = {}
        for name in self.rng.sample(("student", "reference", "again"), 3):
            if name == "student":
                costs[name] = self._of_student(size, inputs, watch)
                continue
            with self._blame(), of_solution():
                _, costs[name] = self.reference.timed(size, inputs)
            self.reference.stop()
        return Pair(**costs)

    def echo(self, size: int) -> Cost:
        """What a request costs of which nothing is computed, asked of the solution's worker."""
        with self._blame(), of_solution():
            self.reference.go_on()
            return self.reference.echo(size, self.rng)

    def _of_student(self, size: int, inputs: Sequence[Any], watch: bool) -> Cost:
        with self._blame():
            output, cost = self.student.timed(size, inputs)
        if watch:
            self._idle.append(self._watch(_WINDOW))
        self.student.runs[size].check(output, inputs)  # which may ask the submission's other parts
        self.student.stop()
        return cost

    @contextmanager
    def _blame(self) -> Iterator[None]:
        """Say by whom the time allowed for the check is used up, when it is.

        Whichever worker is asked at that moment, it is the submission's doing if that has been waited for many times as long
        as the solution, in the import and in all that came after it; on a machine that is busy both have taken long.

        Raises:
            WorkerLost: it is the submission's.
            CannotJudge: it is the machine's.
        """
        try:
            yield
        except (WorkerLost, CannotJudge) as end:
            lost = end if isinstance(end, WorkerLost) else end.__cause__
            if not isinstance(lost, WorkerLost) or lost.loss is not Loss.TIMEOUT or lost.during != "check":
                raise
            if self.student.waited >= _FAR * self.reference.waited:
                raise lost from None
            raise CannotJudge(Reason.INCONCLUSIVE) from lost

    def _watch(self, seconds: float) -> tuple[float, float]:
        """Leave the submission's worker running with nothing to do; how long, and how much processor time it has used."""
        time.sleep(_SETTLING)
        before, start = self.student.cpu(), time.monotonic()
        time.sleep(seconds)
        after, end = self.student.cpu(), time.monotonic()
        return end - start, 0.0 if before is None or after is None else after - before

    def _look_at_idle_time(self) -> None:
        """Refuse work between the calls; what seems so is looked at once more, for longer.

        Raises:
            NotIdle: the worker computes although it has been asked nothing.
        """
        if not _is_busy(self._idle):
            return
        self.student.go_on()
        time.sleep(10 * _SETTLING)
        again = self._watch(_LONG_WINDOW)
        self.student.stop()
        if _is_busy([again]):
            raise NotIdle(
                f"Between two calls, when there is nothing to do, this code used {again[1] * 1e3:.0f} ms of processor time in "
                f"{again[0] * 1e3:.0f} ms. Expected: none. Start no threads that go on after a function has returned."
            )


def _is_busy(windows: Sequence[tuple[float, float]]) -> bool:
    seconds, used = (sum(each) for each in zip(*windows, strict=True)) if windows else (0.0, 0.0)
    return used > max(_IDLE_SHARE * seconds, _IDLE_SECONDS)


@contextmanager
def contest(timed: Timed, workload: Workload, sizes: Sequence[int], rng: random.Random) -> Iterator[Contest]:
    """Prepare both sides, each with one call that is not counted.

    Raises:
        CannotJudge: there is no solution; or the submission does not run, or is wrong, which is judged by other checks.
        WorkerLost: the submission's process was lost.
    """
    if timed.solution is None:
        raise CannotJudge(Reason.NO_SOLUTION)
    timed.worker.journal = None  # no snippet is made of what is timed, and noting costs time
    seed = rng.getrandbits(63)
    with timed.solution() as solution:  # nothing of the submission runs in any worker until this is gone again
        opened = solution.submission.open(rng.getrandbits(63))
        try:
            with of_solution():
                reference = Runner(
                    opened, _prepared(workload, solution.binding[workload.task].open(opened), sizes, seed)
                )
                _warm_up(reference, rng)
        except BaseException:
            opened.close()
            raise
    with opened, right_first():
        reference.stop()
        implementation = timed.binding[workload.task].open(timed.worker)
        student = Runner(timed.worker, _prepared(workload, implementation, sizes, seed))
        _warm_up(student, rng)
        student.stop()
        yield Contest(student, reference, rng)


@contextmanager
def of_solution() -> Iterator[None]:
    """Blame no student for what happens in the solution's worker.

    Raises:
        CannotJudge: the time allowed for a check was over.
        WorkerLost: that of the whole run was over.
        RuntimeError: the solution does not run, is wrong, or its process was lost.
    """
    try:
        yield
    except WorkerLost as lost:
        if lost.loss is Loss.TIMEOUT and lost.during == "run":
            raise
        if lost.loss is Loss.TIMEOUT and lost.during == "check":
            raise CannotJudge(Reason.INCONCLUSIVE) from lost
        raise RuntimeError(f"the solution's process was lost while its time was taken: {lost}") from lost
    except (CheckFailed, StudentError) as error:
        raise RuntimeError("the solution cannot be timed") from error


class NotIdle(CheckFailed):
    """A worker computes although it has been asked nothing."""


@contextmanager
def right_first() -> Iterator[None]:
    """Have no verdict on the speed of what does not run, or gives wrong answers: a mistake costs once.

    Raises:
        CannotJudge: in the place of StudentError and CheckFailed, unless that is NotIdle.
    """
    try:
        yield
    except NotIdle:
        raise
    except (CheckFailed, StudentError) as error:
        what = of_error(error).splitlines()[0]
        raise CannotJudge(Reason.NOT_RIGHT, _RIGHT_FIRST.format(what)) from error


_RIGHT_FIRST = f"Not judged: {Reason.NOT_RIGHT.value}. {{}}"


def _prepared(workload: Workload, implementation: Any, sizes: Sequence[int], seed: int) -> dict[int, Run]:
    return {size: workload.prepare(implementation, size, generator(seed)) for size in sizes}


def _warm_up(runner: Runner, rng: random.Random) -> None:
    for run in runner.runs.values():
        inputs = run.draw(generator(rng.getrandbits(63)))
        run.check(run.call(*inputs), inputs)


# ------------------------------------------------------------------------------------------ the two kinds of checks


def assert_fast(timed: Timed, name: str, workload: Workload, rng: random.Random) -> None:
    """Require that calls take at most `gate` times as long as the reference's.

    Raises:
        CheckFailed: they take longer.
        CannotJudge: it cannot be told, or has not come to it.
    """
    sizes, gate = _settings(timed, name, workload)
    if len(sizes) > 1:
        sizes = sizes[-1:]

    def decide(running: Contest) -> Callable[[Pairs], Comparison]:
        echo = running.echo(sizes[0])
        return lambda pairs: compare([pair.less(echo) for pair in pairs[sizes[0]]], gate)

    found: Comparison = _measured(timed, workload, sizes, rng, decide)
    _conclude(found.speed, "This takes longer than allowed.", of_comparison(found, workload, sizes[0]))


def assert_scales(timed: Timed, name: str, workload: Workload, rng: random.Random) -> None:
    """Require that the cost does not grow faster than the reference's with a size, unless it stays below the gate.

    Raises:
        CheckFailed: it grows faster.
        CannotJudge: it cannot be told, or has not come to it.
    """
    sizes, gate = _settings(timed, name, workload)
    found: Growth = _measured(timed, workload, sizes, rng, lambda running: lambda pairs: grow(pairs, gate))
    _conclude(found.speed, "The cost grows faster than it must.", of_growth(found, workload))


def _settings(timed: Timed, name: str, workload: Workload) -> tuple[tuple[int, ...], float]:
    check = f"timing.{name}"
    return timed.table.sizes.get(check, workload.sizes), timed.table.gates.get(check, workload.gate)


def _measured(
    timed: Timed, workload: Workload, sizes: Sequence[int], rng: random.Random, begin: Callable[[Contest], Any]
) -> Any:
    """Measure, and once more in new processes what seems slow and cannot be told.

    Of two equal processes one can be slower for as long as it lives, so that more pairs would tell no more.

    Args:
        timed, workload, sizes, rng: what is measured.
        begin: of a contest, what decides about its pairs.
    """
    with contest(timed, workload, sizes, rng) as running:
        found = _decided(running, begin(running))
    if found.speed is not Speed.CANNOT_TELL or not found.seems_slow:
        return found
    timed.worker.close()  # nothing of the submission may run while the solution's files are there again
    with (
        timed.submission.open(rng.getrandbits(63)) as worker,
        contest(replace(timed, worker=worker), workload, sizes, rng) as running,
    ):
        return _decided(running, begin(running))


def _decided(running: Contest, decide: Callable[[Pairs], Any]) -> Any:
    """Measure until it can be told, three times at most: each time with three times as many pairs."""
    start = time.monotonic()
    for n_pairs in LOOKS:
        running.repeat(n_pairs)
        found = decide(running.pairs)
        if found.speed is not Speed.CANNOT_TELL or time.monotonic() - start > LONG_ENOUGH:
            break
    return found


def _conclude(speed: Speed, too_slow: str, figures: str) -> None:
    """Raise what `assert_fast` and `assert_scales` say that they raise."""
    if speed is Speed.TOO_SLOW:
        raise CheckFailed(f"{too_slow}\n{figures}")
    if speed is Speed.CANNOT_TELL:
        raise CannotJudge(Reason.INCONCLUSIVE, f"Not judged: {Reason.INCONCLUSIVE.value}.\n{figures}")
