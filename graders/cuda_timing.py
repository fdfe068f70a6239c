"""Taking the time of code on a GPU (docs/timing.md). Not tried on one yet: nobody here has had a GPU.

CUDA's own timers run where student code runs: what they say is shown, never believed. The judge's wall clock is, over a
chain of dependent steps in one request, transfers included. What the same bytes cost without computing, asked of the
reference's worker, is subtracted. The reference is timed before and after each chain: work that is left behind on the device
makes the second time longer. A stopped process does not stop what its device has queued, which is why.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sandbox.client import Remote, Submission

from .compare import assert_agrees
from .median import interval_of_median
from .oracles.attention import attention
from .precision import Precision, columns, recognise
from .strategies import generator
from .timed import Timed
from .timing import LONG_ENOUGH, NotIdle, Runner, of_solution, right_first
from .timing_verdict import ERROR_RATE, LOOKS, SPREAD, Comparison, Cost, Pair, Speed, compare
from .verdict import CannotJudge, CheckFailed, Reason

if TYPE_CHECKING:
    from .student import Binding

CUDA = "cuda"
SHAPES = ((2, 128, 64),) * 3  # of query, key and value
LEAST_STEPS, MOST_STEPS = 20, 60
_COARSEST = 0.05  # by how much a value of ordinary size may be off in the coarsest format
_LEAST_SECONDS = 1e-6  # of what is left when the echo is subtracted


@dataclass(frozen=True)
class Chain:
    """The inputs of one request: see `sandbox/chain.py`."""

    inputs: Sequence[Tensor]
    shifts: Sequence[int]

    def check(self, outputs: Any, oracle: Callable[..., Tensor], atol: float) -> None:
        """Compare every step with the oracle, each on the output of the one before as it came.

        Raises:
            CheckFailed: a step is wrong, or they are not as many as were asked for.
        """
        first, *rest = self.inputs
        expected = (len(self.shifts), *first.shape)
        if not isinstance(outputs, Tensor) or tuple(outputs.shape) != expected or outputs.dtype != torch.float32:
            raise CheckFailed(f"the chain must give {expected} float32", outputs)
        x = first
        for step, shift in enumerate(self.shifts):
            assert_agrees(outputs[step], oracle(x, *rest), f"the output of step {step + 1}", atol=atol, rtol=1e-4)
            x = outputs[step] + first.roll(shift, -2)


@dataclass
class Side:
    """One side of the comparison: a function of a worker's, on a device."""

    runner: Runner
    function: Remote
    device: str
    facts: list[dict[str, Any]] = field(default_factory=list)  # what the worker says of itself: to be shown

    def ask(self, chain: Chain, function: Remote | None = None) -> tuple[Any, float]:
        """The outputs of a chain and the seconds that it took; the worker is left running."""
        worker = self.runner.worker
        before = worker.channel.waited
        self.runner.go_on()
        reply = worker.request(
            "chain",
            max_payload=4096 + len(chain.shifts) * 8 * chain.inputs[0].numel(),
            target=(function or self.function).handle,
            inputs=list(chain.inputs),
            shifts=list(chain.shifts),
            device=self.device,
        )
        seconds = worker.channel.waited - before
        if type(reply) is not list or len(reply) != 2 or type(reply[1]) is not dict:
            worker.refuse("the outputs of a chain")
        self.facts.append(reply[1])
        return reply[0], seconds


@dataclass
class CudaContest:
    """A submission and the reference on one device.

    Attributes:
        student, reference: the two sides.
        shapes: of the inputs; the first also of the output.
        oracle: one step in float64 on the CPU.
        rng: decides about everything.
    """

    student: Side
    reference: Side
    shapes: Sequence[tuple[int, ...]]
    oracle: Callable[..., Tensor]
    rng: random.Random
    pairs: list[Pair] = field(default_factory=list)

    def repeat(self, until: int) -> None:
        """Measure, until there are so many pairs."""
        while len(self.pairs) < until:
            self.pairs.append(self._pair())

    def _pair(self) -> Pair:
        rng = generator(self.rng.getrandbits(63))
        inputs = [torch.randn(shape, generator=rng) for shape in self.shapes]
        n_steps = self.rng.randint(LEAST_STEPS, MOST_STEPS)
        chain = Chain(inputs, [self.rng.randrange(1, self.shapes[0][-2]) for _ in range(n_steps)])
        echo = self.reference.runner.worker.make("identity")
        with of_solution():
            _, empty = self.reference.ask(chain, Remote(self.reference.runner.worker, echo, "echo"))
            _, before = self.reference.ask(chain)
        self.reference.runner.stop()
        outputs, seconds = self.student.ask(chain)
        self.student.runner.stop()
        with of_solution():
            _, after = self.reference.ask(chain)
        self.reference.runner.stop()
        chain.check(outputs, self.oracle, atol=1e-4)
        student, first, second = (Cost(max(each - empty, _LEAST_SECONDS), None) for each in (seconds, before, after))
        return Pair(student, first, second)

    def leftover(self) -> float:
        """By what factor the reference is slower after the submission than before it, at the least, by the error rate."""
        return interval_of_median([pair.again.wall / pair.reference.wall for pair in self.pairs], ERROR_RATE).low

    def decided(self, gate: float) -> Comparison:
        """Measure until it can be told.

        Raises:
            NotIdle: work goes on after the answer.
            CheckFailed: an output is wrong.
        """
        start = time.monotonic()
        for n_pairs in LOOKS:
            self.repeat(n_pairs)
            found = compare(self.pairs, gate)
            if self.leftover() > SPREAD:
                raise NotIdle(
                    f"After this code has answered, the device is still busy: the reference then takes {self.leftover():.2f} "
                    "times as long as before. Return when all work is done, and leave none on other streams."
                )
            if found.speed is not Speed.CANNOT_TELL or time.monotonic() - start > LONG_ENOUGH:
                break
        return found


def has_cuda() -> bool:
    """Whether this machine has a CUDA device that torch can use; nothing of CUDA is started to find out."""
    return torch.version.cuda is not None and any(Path("/dev").glob("nvidia[0-9]*"))


def require_cuda(timed: Timed) -> None:
    """Have no verdict where there is no CUDA device.

    Raises:
        CannotJudge: as the homework's TOML says.
    """
    if not has_cuda():
        raise CannotJudge(Reason.NO_CUDA if timed.table.no_cuda == "full points" else Reason.CUDA_NEEDED)


def on_cuda(submission: Submission) -> Submission:
    """The same, in workers that may use the GPU."""
    return replace(submission, limits=replace(submission.limits, profile="cuda"))


def shown(facts: Sequence[dict[str, Any]]) -> str:
    """What a worker says of itself, as a remark: nothing follows from it."""
    events = [each["events"] for each in facts if type(each.get("events")) is float]
    peaks = [each["peak"] for each in facts if type(each.get("peak")) is int]
    if not events or not peaks:
        return ""
    return f"By its own account: {sorted(events)[len(events) // 2]:.2f} ms on the device, {max(peaks) / 2**20:.1f} MiB at most."


def _side(submission: Submission, binding: "Binding", device: str, rng: random.Random) -> Side:
    """Open attention in a fresh worker, and ask it once: the device is started then, and its kernels are loaded."""
    worker = on_cuda(submission).open(rng.getrandbits(63)) if device == CUDA else submission.open(rng.getrandbits(63))
    try:
        function = getattr(binding["attention"].open(worker), "function", None)
        if not isinstance(function, Remote):
            raise RuntimeError("attention is timed on a GPU where it is a function, as in core")
        found = Side(Runner(worker, {}), function, device)
        found.ask(Chain([torch.randn(shape, generator=generator(0)) for shape in SHAPES], [1]))
        found.facts.clear()
    except BaseException:
        worker.close()
        raise
    return found


def _attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return attention(query, key, value, None)[0]


@contextmanager
def contest(timed: Timed, rng: random.Random, device: str) -> Iterator[CudaContest]:
    """Prepare both sides; the solution's files are gone before the submission's run.

    Raises:
        CannotJudge: there is no solution; or the submission does not run, or is wrong, which is judged by other checks.
        WorkerLost: the submission's process was lost.
    """
    if timed.solution is None:
        raise CannotJudge(Reason.NO_SOLUTION)
    with timed.solution() as solution, of_solution():
        reference = _side(solution.submission, solution.binding, device, rng)
    with reference.runner.worker, right_first():
        reference.runner.stop()
        student = _side(timed.submission, timed.binding, device, rng)
        with student.runner.worker:
            student.runner.stop()
            yield CudaContest(student, reference, SHAPES, _attended, rng)


def assert_fast_on_device(timed: Timed, gate: float, rng: random.Random, device: str = CUDA) -> str:
    """Require that chains of attention take at most `gate` times as long as the reference's.

    Returns:
        What the submission's worker says of itself, for a remark.

    Raises:
        CheckFailed: they take longer, or leave work behind.
        CannotJudge: it cannot be told, or has not come to it.
    """
    with contest(timed, rng, device) as running:
        found = running.decided(gate)
    figures = (
        f"Measured were {found.n_pairs} chains of attention beside the reference's: {found.clocks[0].ratio} times "
    )
    figures += f"the reference's wall time; allowed is {gate:g}."
    if found.speed is Speed.TOO_SLOW:
        raise CheckFailed(f"This takes longer than allowed.\n{figures}\n{shown(running.student.facts)}".rstrip())
    if found.speed is Speed.CANNOT_TELL:
        raise CannotJudge(Reason.INCONCLUSIVE, f"Not judged: {Reason.INCONCLUSIVE.value}.\n{figures}")
    return shown(running.student.facts)


def assert_full_precision(timed: Timed, rng: random.Random, device: str = CUDA) -> None:
    """Require that attention of float32 tensors is computed in float32.

    Raises:
        CheckFailed: its errors are those of a coarser format.
        CannotJudge: it does not run, or is wrong by more than a coarse format explains.
    """
    with right_first():
        found = _side(timed.submission, timed.binding, device, rng)
    with found.runner.worker:
        numbers = generator(rng.getrandbits(63))
        query, key, value = (torch.randn(2, 48, 36, generator=numbers) for _ in range(3))
        with right_first():  # wrong values are no coarse ones
            plain = Chain([query, key, value], [1])
            plain.check(found.ask(plain)[0], _attended, atol=_COARSEST)
        value = (value * columns(36)).float()
        outputs, _ = found.ask(Chain([query, key, value], [1]))
    if not isinstance(outputs, Tensor) or outputs.shape != (1, *query.shape):
        raise CannotJudge(Reason.NOT_RIGHT)
    precision = recognise(outputs[0], attention(query, key, value, None)[0])
    if precision is not Precision.FLOAT32:
        raise CheckFailed(
            f"The errors of this output are those of {precision.value}, not of float32. Leave torch.backends.cuda.matmul as it "
            "is, and use neither autocast nor half()."
        )
