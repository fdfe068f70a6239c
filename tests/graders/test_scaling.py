"""Exponents, and the plot that shows them."""

import random
from collections.abc import Callable, Mapping, Sequence

import pytest

from graders.scaling import exponent, grow, plot
from graders.timing_verdict import LOOKS, Cost, Pair, Speed

pytestmark = pytest.mark.torch_free
SIZES = (16, 64, 256)


def growing(
    student: Callable[[int], float], reference: Callable[[int], float], *, cpu: bool = True, n: int = LOOKS[0]
) -> Mapping[int, Sequence[Pair]]:
    """Pairs at each size whose costs follow two formulas, off by a few per cent."""
    rng = random.Random(0)

    def cost(seconds: float) -> Cost:
        return Cost(seconds * rng.lognormvariate(0, 0.04), seconds * rng.lognormvariate(0, 0.03) if cpu else None)

    return {
        size: [Pair(cost(student(size)), cost(reference(size)), cost(reference(size))) for _ in range(n)]
        for size in SIZES
    }


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_exponent_of_a_power(power: float) -> None:
    """Protects the fit: a cost of c · nᵖ has the exponent p, whatever c."""
    assert exponent(SIZES, [3e-4 * n**power for n in SIZES]) == pytest.approx(power, abs=1e-12)


@pytest.mark.parametrize("cpu", [True, False])
def test_a_loop_is_told_from_one_operation(cpu: bool) -> None:
    """Protects the gate: a cost for each token grows faster than one that is almost all overhead."""
    found = grow(growing(lambda n: 3e-4 + 5e-5 * n, lambda n: 3e-4 + 1e-6 * n, cpu=cpu), 2.0)
    assert found.speed is Speed.TOO_SLOW
    assert all(fit.excess.low > 0.5 for fit in found.fits)
    assert found.telling.clock.name == ("processor time" if cpu else "wall time")


def test_a_constant_factor_is_no_growth() -> None:
    """Protects a loop over heads, and slow but vectorised code: ten times the cost at every size is not steeper."""
    found = grow(growing(lambda n: 3e-3 + 1e-5 * n, lambda n: 3e-4 + 1e-6 * n), 2.0)
    assert (found.speed, found.largest.speed) == (Speed.FAST_ENOUGH, Speed.TOO_SLOW)
    assert found.largest.seems_slow and not found.seems_slow


def test_steeper_but_fast_is_fast_enough() -> None:
    """Protects code with less overhead than the reference's: it grows faster because it starts lower."""
    found = grow(growing(lambda n: 1e-5 + 2e-6 * n, lambda n: 5e-4 + 1e-6 * n), 2.0)
    assert found.telling.excess.low > 0.25
    assert found.speed is Speed.FAST_ENOUGH


def test_waiting_that_grows_is_told() -> None:
    """Protects from a loop that sleeps: it uses no processor time, and is shown by the clock that sees it."""

    def cost(seconds: float, asleep: float = 0.0) -> Cost:
        return Cost(seconds + asleep, seconds)

    found = grow({n: [Pair(cost(3e-4, 1e-4 * n), cost(3e-4), cost(3e-4))] * LOOKS[0] for n in SIZES}, 2.0)
    assert (found.speed, found.telling.clock.name) == (Speed.TOO_SLOW, "wall time")


def test_between_the_two_it_cannot_be_told() -> None:
    """Protects students at the limit: an exponent that exceeds the reference's by just what is allowed is not slow."""
    found = grow(growing(lambda n: 1e-3 * n**0.25, lambda n: 3e-4, n=LOOKS[-1]), 2.0)
    assert found.speed is Speed.CANNOT_TELL


def test_plot() -> None:
    """Protects the drawing: both curves in eight lines, the axis last, the costs beside them."""
    costs = {16: (1e-3, 1e-3), 64: (4e-3, 1e-3), 256: (64e-3, 2e-3)}
    expected = """\
    64.00 ms |                           *
    32.00 ms |
    16.00 ms |
     8.00 ms |
     4.00 ms |               *
     2.00 ms |                           o
     1.00 ms |   @           o
               16          64          256"""
    assert plot(costs) == expected


def test_plot_of_equal_costs() -> None:
    """Protects from a division by nothing."""
    assert plot({1: (1e-3, 1e-3), 2: (1e-3, 1e-3)}).count("@") == 2
