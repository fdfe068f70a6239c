"""Shares with their intervals, and the probability of a count, against scipy-free hand calculation."""

import math

import pytest

from graders.proportions import at_least, in_words, wilson


def test_intervals() -> None:
    """Protects the figures that students read: Wilson's interval, also where nothing or everything is right."""
    low, high = wilson(83, 500)
    assert (round(low, 4), round(high, 4)) == (0.1360, 0.2011)
    assert wilson(0, 10)[0] == 0.0
    assert math.isclose(wilson(10, 10)[1], 1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    assert all(wilson(k, 40)[0] <= k / 40 <= wilson(k, 40)[1] for k in range(41))


def test_in_words() -> None:
    """Protects the form of the message."""
    assert in_words(83, 500) == "83 of 500, 16.6 % (95 % interval: 13.6 to 20.1 %)"
    assert in_words(0, 0) == "0 of 0, 0.0 % (95 % interval: 0.0 to 100.0 %)"


@pytest.mark.parametrize(("k", "n", "p"), [(0, 5, 0.2), (5, 5, 0.2), (3, 10, 0.5), (11, 60, 0.05), (0, 0, 0.05)])
def test_tails(k: int, n: int, p: float) -> None:
    """Protects the doubt: the probability of k or more is the sum of the single ones."""
    single = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    assert math.isclose(at_least(k, n, p), sum(single[k:]), rel_tol=1e-9)
