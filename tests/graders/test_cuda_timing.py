"""The protocol for GPUs, on the CPU: everything but the device. Nothing here has run on a GPU."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from graders import cuda_timing
from graders.cuda_timing import (
    Chain,
    CudaContest,
    assert_fast_on_device,
    assert_full_precision,
    has_cuda,
    on_cuda,
    shown,
)
from graders.judge import Judge, reference_of
from graders.oracles.attention import attention
from graders.strategies import generator
from graders.timed import Timed
from graders.timing import NotIdle
from graders.timing_verdict import Speed
from graders.verdict import CannotJudge, CheckFailed, Reason
from sandbox.chain import run

RIGHT = Path(__file__).parent.parent.parent / "reference" / "attention.py"
SLOW = "    for _ in range(20):\n        torch.softmax(query @ key.transpose(-2, -1), -1) @ value\n    d = query.shape[-1]\n"
COARSE = "    query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()\n    d = query.shape[-1]\n"


def changed(text: str) -> str:
    """The reference with other lines at its beginning, and float32 outputs."""
    source = RIGHT.read_text(encoding="utf-8").replace("    d = query.shape[-1]\n", text)
    return source.replace("return weights @ value, weights", "return (weights @ value).float(), weights.float()")


@pytest.fixture
def timed(judge: Callable[..., Judge]) -> Callable[[str], Timed]:
    """What a check of time is given for a file attention.py."""

    def timed(text: str) -> Timed:
        someone = judge({"attention.py": text}, reference=reference_of("core"))
        student = someone._within(someone.student, 1e18)
        return Timed(None, student.submission, student.binding, student.timing, student.solution)  # type: ignore[arg-type]

    return timed


def oracle(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One step in float64."""
    return attention(query, key, value, None)[0]


# ------------------------------------------------------------------------------ chains


def chain_of(n_steps: int = 8) -> tuple[Chain, Tensor]:
    """A chain, and its right outputs."""
    rng = generator(1)
    inputs = [torch.randn(2, 16, 8, generator=rng) for _ in range(3)]
    shifts = list(range(1, n_steps + 1))
    outputs, _ = run(lambda q, k, v: torch.softmax(q @ k.mT / 8**0.5, -1) @ v, inputs, shifts, "cpu")
    return Chain(inputs, shifts), outputs


def test_right_chains_pass() -> None:
    """Protects right code: rounding errors do not add up, since each step is compared on what came of the one before."""
    chain, outputs = chain_of(60)
    chain.check(outputs, oracle, atol=1e-5)


@pytest.mark.parametrize("step", range(8))
def test_no_step_can_be_left_out(step: int) -> None:
    """Protects from batch-and-skip: a step that repeats the one before, or makes its output up, is found wherever it is."""
    chain, outputs = chain_of()
    for wrong in (outputs[step - 1], torch.zeros_like(outputs[step])):
        forged = outputs.clone()
        forged[step] = wrong
        with pytest.raises(CheckFailed, match=f"step ({step + 1}|{step + 2}):"):
            chain.check(forged, oracle, atol=1e-4)


@pytest.mark.parametrize("value", [None, [1.0], torch.zeros(7, 2, 16, 8), torch.zeros(8, 2, 16, 8).double()])
def test_other_values_are_refused(value: Any) -> None:
    """Protects the comparison: other types, too few steps, another dtype."""
    with pytest.raises(CheckFailed, match="the chain must give"):
        chain_of()[0].check(value, oracle, atol=1e-4)


# ------------------------------------------------------------------------------ the protocol, with a fake device


class FakeDevice:
    """A clock, and work that is left behind in a queue."""

    def __init__(self) -> None:
        self.queued = 0.0
        self.rng = random.Random(0)

    def seconds(self, work: float) -> float:
        """How long it takes when what is queued comes first."""
        took, self.queued = (work + self.queued + 2e-3) * self.rng.lognormvariate(0, 0.03), 0.0
        return took


class FakeRunner:
    """A worker that cannot be stopped from here."""

    def __init__(self) -> None:
        self.worker = self

    def make(self, kind: str) -> str:
        return kind

    def stop(self) -> None:
        pass


class FakeSide:
    """One side: so much work for each chain, and so much that it leaves in the queue."""

    def __init__(self, device: FakeDevice, work: float, left: float = 0.0, wrong: bool = False) -> None:
        self.device, self.work, self.left, self.wrong = device, work, left, wrong
        self.runner = FakeRunner()
        self.facts: list[dict[str, Any]] = []

    def ask(self, chain: Chain, function: Any = None) -> tuple[Any, float]:
        seconds = self.device.seconds(0.0 if function is not None else self.work)
        self.device.queued += self.left
        outputs, _ = run(lambda x, *_: x * 0 + int(self.wrong), chain.inputs, chain.shifts, "cpu")
        return outputs, seconds


def fake(student: Callable[[FakeDevice], FakeSide]) -> CudaContest:
    """A contest on a fake device whose right answer is 0."""
    device = FakeDevice()
    shapes = ((4, 3),)
    zero: Callable[..., Tensor] = lambda x: torch.zeros_like(x).double()  # noqa: E731
    return CudaContest(student(device), FakeSide(device, 10e-3), shapes, zero, random.Random(0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("work", "speed"), [(10e-3, Speed.FAST_ENOUGH), (50e-3, Speed.TOO_SLOW), (20e-3, Speed.CANNOT_TELL)]
)
def test_three_outcomes(work: float, speed: Speed) -> None:
    """Protects the verdict: the echo is subtracted, and what is left is compared with the reference."""
    assert fake(lambda device: FakeSide(device, work)).decided(2.0).speed is speed


def test_work_left_behind_is_seen() -> None:
    """Protects from side streams: who answers at once and has the device work on makes the reference wait."""
    with pytest.raises(NotIdle, match="the device is still busy"):
        fake(lambda device: FakeSide(device, 1e-3, left=10e-3)).decided(2.0)


def test_wrong_outputs_are_seen() -> None:
    """Protects from answers that were not computed."""
    with pytest.raises(CheckFailed, match="the output of step 1"):
        fake(lambda device: FakeSide(device, 10e-3, wrong=True)).decided(2.0)


# ------------------------------------------------------------------------------ with workers, on the CPU


def test_an_honest_function_is_not_called_slow(timed: Callable[[str], Timed]) -> None:
    """Protects the honest: the reference's own text is fast enough, or it cannot be told."""
    reason: Reason | None = Reason.INCONCLUSIVE
    try:
        assert_fast_on_device(timed(RIGHT.read_text()), 2.5, random.Random(1), "cpu")
    except CannotJudge as without:
        reason = without.reason
    assert reason is Reason.INCONCLUSIVE


@pytest.mark.slow
def test_a_slow_function_never_passes(timed: Callable[[str], Timed]) -> None:
    """Protects the purpose: many times the work is too slow, or it cannot be told."""
    with pytest.raises((CheckFailed, CannotJudge), match="longer than allowed|too busy"):
        assert_fast_on_device(timed(changed(SLOW)), 2.5, random.Random(1), "cpu")


def test_wrong_and_raising_functions_are_not_timed(timed: Callable[[str], Timed]) -> None:
    """Protects from losing points twice."""
    for text in (changed(COARSE), "def attention(query, key, value, mask=None):\n    raise ValueError\n"):
        with pytest.raises(CannotJudge) as caught:
            assert_fast_on_device(timed(text), 2.5, random.Random(1), "cpu")
        assert caught.value.reason is Reason.NOT_RIGHT


def test_precision_of_a_worker(timed: Callable[[str], Timed]) -> None:
    """Protects the whole way: full precision passes, sixteen bits are named."""
    assert_full_precision(timed(RIGHT.read_text()), random.Random(2), "cpu")
    with pytest.raises(CheckFailed, match="those of bfloat16, not of float32"):
        assert_full_precision(timed(changed(COARSE)), random.Random(2), "cpu")


def test_workers_for_the_gpu_have_its_profile(timed: Callable[[str], Timed]) -> None:
    """Protects confinement: the device's files are open to these workers, and nothing else is changed."""
    submission = timed(RIGHT.read_text()).submission
    assert (submission.limits.profile, on_cuda(submission).limits.profile) == ("cpu", "cuda")
    assert on_cuda(submission).snapshot is submission.snapshot


def test_where_there_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects machines without one: it takes a build of torch with CUDA, and a device file."""
    monkeypatch.setattr(cuda_timing.torch.version, "cuda", None)
    assert not has_cuda()
    monkeypatch.setattr(cuda_timing.torch.version, "cuda", "13.0")
    assert has_cuda() == any(Path("/dev").glob("nvidia[0-9]*"))


def test_what_the_worker_says_is_shown_as_its_own_account() -> None:
    """Protects from belief: forged kinds of values are left out, and the sentence says whose word it is."""
    facts = [{"events": 2.0, "peak": 1 << 20}, {"events": "0", "peak": None}, {"events": 4.0, "peak": 3 << 20}]
    assert shown(facts) == "By its own account: 4.00 ms on the device, 3.0 MiB at most."
    assert shown([{"seconds": 1.0}]) == ""
