"""The chi-square test: values of tables, its error rate, and what it finds."""

import math

import pytest
import torch

from graders.frequencies import ERROR_RATE, assert_frequencies, assert_independent, tail
from graders.strategies import generator
from graders.verdict import CheckFailed

SHARES = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)


def draw(shares: torch.Tensor, n: int, seed: int) -> torch.Tensor:
    """n draws."""
    return torch.multinomial(shares, n, replacement=True, generator=generator(seed))


@pytest.mark.parametrize(
    ("degrees", "critical", "rate"), [(1, 3.841459, 0.05), (4, 18.466827, 1e-3), (15, 30.577914, 0.01)]
)
def test_tail_is_that_of_the_tables(degrees: int, critical: float, rate: float) -> None:
    """Protects the error rate: the printed critical values of chi-square have the probabilities that tables give."""
    expected = torch.full((degrees + 1,), 100.0, dtype=torch.float64)
    shift = math.sqrt(critical * 100 / 2)  # two cells off by it: chi-square is the critical value
    counts = expected.clone()
    counts[0] += shift
    counts[1] -= shift
    assert math.isclose(tail(counts, expected, degrees), rate, rel_tol=1e-5)


def test_right_draws_pass() -> None:
    """Protects right solutions: draws from the distribution pass at every seed, with impossible and rare tokens too."""
    rare = torch.tensor([0.0, 0.6, 0.0005, 0.399, 0.0005], dtype=torch.float64)
    for seed in range(200):
        assert_frequencies(draw(SHARES, 2000, seed), SHARES, "draws")
        assert_frequencies(draw(rare, 2000, seed), rare, "draws")
        first, second = draw(SHARES, 4000, seed).view(2, -1)
        assert_independent(first, second, SHARES, "pairs")


def test_error_rate_under_the_null_hypothesis() -> None:
    """Protects the statement: values of the tail are uniform, so that a share r of them lies below r."""
    tails = torch.tensor(
        [tail(draw(SHARES, 1000, seed).bincount(minlength=4).double(), 1000 * SHARES, 3) for seed in range(2000)]
    )
    for rate in (0.5, 0.1, 0.01):
        assert abs(float((tails < rate).double().mean()) - rate) < 5 * math.sqrt(rate * (1 - rate) / 2000)
    assert float(tails.min()) > ERROR_RATE


def test_wrong_draws_fail() -> None:
    """Protects against deafness: a shift of 8 % of the mass, a forbidden token and one that does not exist are found."""
    shifted = torch.tensor([0.48, 0.22, 0.2, 0.1], dtype=torch.float64)
    with pytest.raises(CheckFailed, match="token 0: expected 0.400, got 0.4"):
        assert_frequencies(draw(shifted, 4000, 1), SHARES, "draws")
    with pytest.raises(CheckFailed, match="token 3 must never be drawn"):
        assert_frequencies(torch.tensor([0, 1, 3]), torch.tensor([0.5, 0.5, 0.0, 0.0]).double(), "draws")
    for odd in (4, -1):
        with pytest.raises(CheckFailed, match="which is no token"):
            assert_frequencies(torch.tensor([0, odd]), SHARES, "draws")
        with pytest.raises(CheckFailed, match="which is no token"):
            assert_independent(torch.tensor([0]), torch.tensor([odd]), SHARES, "pairs")


def test_dependent_pairs_fail() -> None:
    """Protects the check of shared random numbers: equal pairs are found, though each half has the right shares."""
    tokens = draw(SHARES, 4000, 3)
    with pytest.raises(CheckFailed, match="same token in 100% of 4000 pairs; expected 30%"):
        assert_independent(tokens, tokens, SHARES, "pairs")
