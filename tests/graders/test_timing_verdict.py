"""Three outcomes from measured pairs, with simulated clocks."""

import random
from collections.abc import Callable

import pytest

from graders.timing_verdict import LOOKS, SPREAD, Cost, Pair, Speed, compare

pytestmark = pytest.mark.torch_free


def pairs(n: int, factor: float, noise: Callable[[], float], *, cpu: bool = True, wall_factor: float = 0) -> list[Pair]:
    """Pairs of a submission that does `factor` times the work; each cost is disturbed."""

    def cost(factor: float, wall_factor: float) -> Cost:
        return Cost(wall_factor * 2e-3 * noise(), factor * 2e-3 * noise() if cpu else None)

    return [Pair(cost(factor, wall_factor or factor), cost(1, 1), cost(1, 1)) for _ in range(n)]


def quiet(seed: int = 0) -> Callable[[], float]:
    """A clock that is off by a few per cent."""
    rng = random.Random(seed)
    return lambda: rng.lognormvariate(0, 0.05)


def busy(seed: int = 0) -> Callable[[], float]:
    """A clock of a machine that is interrupted: a third of what it measures takes up to ten times as long."""
    rng = random.Random(seed)
    return lambda: rng.lognormvariate(0, 0.2) * (rng.uniform(1, 10) if rng.random() < 1 / 3 else 1)


@pytest.mark.parametrize("cpu", [True, False])
@pytest.mark.parametrize(
    ("factor", "expected"), [(1.0, Speed.FAST_ENOUGH), (1.4, Speed.FAST_ENOUGH), (3.0, Speed.TOO_SLOW)]
)
def test_clear_cases_are_told_at_once(factor: float, expected: Speed, cpu: bool) -> None:
    """Protects the time of a grading: with a quiet clock the first look decides; with wall time alone too (macOS)."""
    found = compare(pairs(LOOKS[0], factor, quiet(), cpu=cpu), 2.0)
    assert (found.speed, len(found.clocks)) == (expected, 2 if cpu else 1)


def test_near_the_gate_it_cannot_be_told() -> None:
    """Protects students whose code is at the limit: they are not called slow."""
    assert compare(pairs(LOOKS[-1], 2.0, quiet()), 2.0).speed is Speed.CANNOT_TELL


@pytest.mark.parametrize(("cpu", "wall"), [(1.0, 30.0), (30.0, 1.0), (8.0, 0.1)])
def test_each_clock_can_call_slow(cpu: float, wall: float) -> None:
    """Protects from sleeping, and from hiding work from one clock: in many threads, or before the other has started."""
    assert compare(pairs(LOOKS[0], cpu, quiet(), wall_factor=wall), 2.0).speed is Speed.TOO_SLOW


def test_a_busy_wall_clock_takes_nothing_away() -> None:
    """Protects honest code on a busy machine: sure by one clock, by the median of the other; never slow by a disturbed one."""
    calm, disturbed = quiet(), busy()

    def cost(wall: float) -> Cost:
        return Cost(wall * 2e-3 * disturbed(), 2e-3 * calm())

    assert compare([Pair(cost(1), cost(1), cost(1)) for _ in range(LOOKS[1])], 2.0).speed is Speed.FAST_ENOUGH
    assert compare([Pair(cost(9), cost(1), cost(1)) for _ in range(LOOKS[1])], 2.0).speed is Speed.CANNOT_TELL


def test_a_reference_that_differs_from_itself_calls_nobody_slow() -> None:
    """Protects from a machine on which nothing can be measured, however slow the code looks."""
    found = compare(pairs(LOOKS[0], 50.0, busy()), 2.0)
    assert all(clock.spread > SPREAD and not clock.is_quiet for clock in found.clocks)
    assert found.speed is Speed.CANNOT_TELL


def test_what_a_request_costs_is_subtracted() -> None:
    """Protects the ratio of the work itself; and where the echo took longer than the call, something is left to compare."""
    pair = Pair(Cost(7e-3, 5e-3), Cost(3e-3, 2e-3), Cost(3e-3, None))
    left = pair.less(Cost(1e-3, 1e-3))
    assert [left.student.wall, left.student.cpu] == pytest.approx([6e-3, 4e-3])
    assert [left.reference.wall, left.reference.cpu] == pytest.approx([2e-3, 1e-3])
    assert left.again.cpu is None
    assert pair.less(Cost(1.0, 1.0)).student.wall == pytest.approx(7e-3 / 20)


@pytest.mark.parametrize("echo", [0.0, 1e-3, 1.9e-3, 5e-3])
def test_a_wrong_echo_makes_nobody_slow(echo: float) -> None:
    """Protects the honest: whatever is subtracted is subtracted on both sides, and equal code stays equal."""
    for seed in range(100):
        measured = [pair.less(Cost(echo, echo)) for pair in pairs(LOOKS[0], 1.0, busy(seed))]
        assert compare(measured, 2.0).speed is not Speed.TOO_SLOW


def test_equal_code_is_never_called_slow() -> None:
    """Protects the honest: 1,000 simulated verdicts on equal code on a busy machine, as many by wall time alone."""
    for seed in range(1000):
        measured = pairs(LOOKS[1], 1.0, busy(seed))
        for n in LOOKS[:2]:
            assert compare(measured[:n], 2.0).speed is not Speed.TOO_SLOW
        assert compare(pairs(LOOKS[0], 1.0, busy(seed), cpu=False), 2.0).speed is not Speed.TOO_SLOW


def test_the_error_rate_at_the_gate_is_the_stated_one() -> None:
    """Protects the statistic itself: code exactly at the gate, by one clock, is called slow in less than 1 of 300 verdicts."""
    rng = random.Random(1)
    slow = 0
    for _ in range(300):
        noise = [rng.lognormvariate(0, 0.1) for _ in range(LOOKS[1])]
        measured = [Pair(Cost(2 * off, None), Cost(1.0, None), Cost(1.0, None)) for off in noise]
        slow += any(compare(measured[:n], 2.0).speed is Speed.TOO_SLOW for n in LOOKS[:2])
    assert slow <= 1


def test_three_times_the_work_is_too_slow() -> None:
    """Protects the purpose: 300 simulated verdicts on a quiet machine, all too slow."""
    assert {compare(pairs(LOOKS[0], 3.0, quiet(seed)), 2.0).speed for seed in range(300)} == {Speed.TOO_SLOW}


@pytest.mark.parametrize(("cpu", "wall", "seems"), [(2.2, 2.2, True), (2.2, 1.0, False), (1.0, 2.2, False)])
def test_what_seems_slow(cpu: float, wall: float, seems: bool) -> None:
    """Protects the honest from being measured again and again: only what is beyond the gate by every median is."""
    assert compare(pairs(LOOKS[0], cpu, quiet(), wall_factor=wall), 2.0).seems_slow is seems
