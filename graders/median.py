"""Intervals for a median: exact, for any distribution, by order statistics."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A median that was measured, and between what the true one lies at a stated error rate."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def interval_of_median(values: Sequence[float], error: float) -> Interval:
    """The median of measurements and its interval.

    Of n independent values, the number of those below the true median is binomial (n, 1/2), whatever their distribution. The
    k-th smallest value is above the median with the probability of at most k − 1 successes, so it is taken as the lower end
    for the largest k at which this is no more than half of `error`; the upper end likewise.

    Args:
        values: at least one.
        error: greatest probability that the true median lies outside, on either side together.

    Returns:
        −∞ and ∞ as ends where there are too few values for any statement.
    """
    ordered = sorted(values)
    n, k = len(ordered), 0
    below = 0.0  # probability of at most k successes
    while k < n:
        below += math.comb(n, k) * 0.5**n
        if below > error / 2:
            break
        k += 1
    middle = statistics.median(ordered)
    if k == 0:
        return Interval(middle, -math.inf, math.inf)
    return Interval(middle, ordered[k - 1], ordered[n - k])
