"""How cost grows with a size: exponents fitted on a log scale, compared with the reference's, and drawn in text."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .median import Interval, interval_of_median
from .timing_verdict import ERROR_RATE, LOOKS, STEEPNESS, Comparison, Cost, Pair, Speed, compare

_HEIGHT = 7  # lines of a plot
_WIDTH = 12  # characters from one size to the next


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The slope b of the least squares line log cost = a + b · log size."""
    return statistics.linear_regression([math.log(n) for n in sizes], [math.log(cost) for cost in costs]).slope


@dataclass(frozen=True)
class Growth:
    """How a submission's cost grows, beside the reference's.

    Attributes:
        largest: the comparison at the largest size.
        student, reference: the fitted exponents.
        excess: by how much the submission's is larger, repetition by repetition.
        costs: of each size, the medians (submission, reference), in seconds.
        clock: what the costs were measured by.
    """

    largest: Comparison
    student: float
    reference: float
    excess: Interval
    costs: Mapping[int, tuple[float, float]]
    clock: str

    @property
    def speed(self) -> Speed:
        """Too slow only if the cost grows faster than the reference's and is beyond the gate at the largest size."""
        if self.excess.high < STEEPNESS or self.largest.speed is Speed.FAST_ENOUGH:
            return Speed.FAST_ENOUGH
        if self.excess.low > STEEPNESS and self.largest.speed is Speed.TOO_SLOW:
            return Speed.TOO_SLOW
        return Speed.CANNOT_TELL


def grow(pairs: Mapping[int, Sequence[Pair]], gate: float) -> Growth:
    """Fit exponents to the costs at several sizes.

    Each repetition, one pair at each size, gives an exponent of either side: their differences have a median with an exact
    interval, as ratios have.

    Args:
        pairs: size → as many pairs as at any other size.
        gate: the ratio that is allowed at the largest size.
    """
    sizes = sorted(pairs)
    measured = [pair for at_size in pairs.values() for pair in at_size]
    has_cpu = all(cost.cpu is not None for pair in measured for cost in (pair.student, pair.reference))

    def seconds(cost: Cost) -> float:
        return cost.cpu if has_cpu and cost.cpu is not None else cost.wall

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
    return Growth(
        compare(pairs[sizes[-1]], gate),
        exponent(sizes, [costs[size][0] for size in sizes]),
        exponent(sizes, [costs[size][1] for size in sizes]),
        interval_of_median(excess, ERROR_RATE / len(LOOKS)),
        costs,
        "processor time" if has_cpu else "wall time",
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
