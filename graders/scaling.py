"""How cost grows with a size: exponents fitted on a log scale, compared with the reference's, and drawn in text."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .median import Interval, interval_of_median
from .timing_verdict import (
    ERROR_RATE,
    LOOKS,
    STEEPNESS,
    WALL,
    Clock,
    Comparison,
    Cost,
    Pair,
    Sign,
    Speed,
    compare,
    together,
)

_HEIGHT = 7  # lines of a plot
_WIDTH = 12  # characters from one size to the next


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The slope b of the least squares line log cost = a + b · log size."""
    return statistics.linear_regression([math.log(n) for n in sizes], [math.log(cost) for cost in costs]).slope


@dataclass(frozen=True)
class Fit:
    """How a submission's cost grows beside the reference's, by one clock.

    Attributes:
        clock: the ratios at the largest size.
        student, reference: the fitted exponents.
        excess: by how much the submission's is larger, repetition by repetition.
        costs: of each size, the medians (submission, reference), in seconds.
    """

    clock: Clock
    student: float
    reference: float
    excess: Interval
    costs: Mapping[int, tuple[float, float]]

    def sign(self, gate: float) -> Sign:
        """Slow is what grows faster than the reference's cost and is beyond the gate at the largest size."""
        ratio, excess = self.clock.ratio, self.excess
        return Sign(
            slow=excess.low > STEEPNESS and ratio.low > gate and self.clock.is_quiet,
            fast=excess.high < STEEPNESS or ratio.high < gate,
            seems_fast=excess.median < STEEPNESS or ratio.median < gate,
        )


@dataclass(frozen=True)
class Growth:
    """How a submission's cost grows, beside the reference's.

    Attributes:
        largest: the comparison at the largest size.
        fits: one for each of its clocks.
    """

    largest: Comparison
    fits: tuple[Fit, ...]

    @property
    def speed(self) -> Speed:
        """What the clocks say together."""
        return together([fit.sign(self.largest.gate) for fit in self.fits])

    @property
    def seems_slow(self) -> bool:
        """Whether by every clock the medians are beyond what is allowed."""
        return self.largest.seems_slow and all(fit.excess.median > STEEPNESS for fit in self.fits)

    @property
    def telling(self) -> Fit:
        """The fit to be shown: the first that calls the code slow, or else the first."""
        return next((fit for fit in self.fits if fit.sign(self.largest.gate).slow), self.fits[0])


def grow(pairs: Mapping[int, Sequence[Pair]], gate: float) -> Growth:
    """Fit exponents to the costs at several sizes.

    Each repetition, one pair at each size, gives an exponent of either side: their differences have a median with an exact
    interval, as ratios have.

    Args:
        pairs: size → as many pairs as at any other size.
        gate: the ratio that is allowed at the largest size.
    """
    largest = compare(pairs[max(pairs)], gate)
    return Growth(largest, tuple(_fit(pairs, clock, len(largest.clocks)) for clock in largest.clocks))


def _fit(pairs: Mapping[int, Sequence[Pair]], clock: Clock, n_clocks: int) -> Fit:
    """Fit exponents to what one of the clocks has measured."""
    sizes = sorted(pairs)

    def seconds(cost: Cost) -> float:
        return cost.wall if clock.name == WALL or cost.cpu is None else cost.cpu

    excess = [
        exponent(sizes, [seconds(pair.student) for pair in repetition])
        - exponent(sizes, [seconds(pair.reference) for pair in repetition])
        for repetition in zip(*(pairs[size] for size in sizes), strict=True)
    ]
    costs = {
        size: (
            statistics.median(seconds(pair.student) for pair in pairs[size]),
            statistics.median(seconds(pair.reference) for pair in pairs[size]),
        )
        for size in sizes
    }
    return Fit(
        clock,
        exponent(sizes, [costs[size][0] for size in sizes]),
        exponent(sizes, [costs[size][1] for size in sizes]),
        interval_of_median(excess, ERROR_RATE / len(LOOKS) / n_clocks),
        costs,
    )


def plot(costs: Mapping[int, tuple[float, float]]) -> str:
    """Draw two costs against a size, both on log scales: `*` the submission, `o` the reference, `@` both in one place."""
    sizes = sorted(costs)
    lowest = math.log(min(min(pair) for pair in costs.values()))
    highest = math.log(max(max(pair) for pair in costs.values()))
    step = max(highest - lowest, 1e-9) / (_HEIGHT - 1)
    rows = [[" "] * (_WIDTH * len(sizes)) for _ in range(_HEIGHT)]
    for place, size in enumerate(sizes):
        marks = [round((math.log(cost) - lowest) / step) for cost in costs[size]]
        for mark, row in zip("*o", marks, strict=True):
            rows[row][_WIDTH * place + 3] = "@" if marks[0] == marks[1] else mark
    labels = [f"{math.exp(lowest + row * step) * 1e3:9.2f} ms |" for row in range(_HEIGHT)]
    lines = [f"{label}{''.join(row)}".rstrip() for label, row in zip(labels, rows, strict=True)][::-1]
    axis = " " * (len(labels[0]) + 1) + "".join(f"{size:<{_WIDTH}}" for size in sizes)
    return "\n".join([*lines, axis.rstrip()])
