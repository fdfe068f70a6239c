"""Shares of a count: how far they can be trusted, and how probable a count is."""

import math
from fractions import Fraction
from functools import cache

_Z = 1.959963984540054  # of the normal distribution, 95 % lie within
Z_999 = 3.290526731491896  # and 99.9 %


def wilson(successes: int, n: int, z: float = _Z) -> tuple[float, float]:
    """The interval of a share, after Wilson (1927), 95 % without another `z`; (0, 1) where nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def in_words(successes: int, n: int) -> str:
    """A count as `83 of 500, 16.6 % (95 % interval: 13.6 to 20.1 %)`."""
    low, high = wilson(successes, n)
    share = 100 * successes / n if n else 0.0
    return f"{successes} of {n}, {share:.1f} % (95 % interval: {100 * low:.1f} to {100 * high:.1f} %)"


def differ(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether two counts (successes, n) are of different shares, with an error of 1e-3: the z-test with a pooled share."""
    (a, n), (b, m) = first, second
    pooled = (a + b) / (n + m)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return abs(a / n - b / m) > Z_999 * spread


@cache
def at_least(successes: int, n: int, rate: float) -> float:
    """The probability of so many successes or more in n independent trials, exact but for the last rounding."""
    p = Fraction(str(rate))
    return float(sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(successes, n + 1)))
