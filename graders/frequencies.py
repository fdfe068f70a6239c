"""Whether drawn tokens fit a distribution: Pearson's chi-square test with a stated error rate.

Source: Pearson 1900, "On the criterion that a given system of deviations … can be reasonably supposed to have arisen from
random sampling". The tail of chi-square with n degrees of freedom beyond x is the regularised upper incomplete gamma
function Q(n/2, x/2).
"""

import torch
from torch import Tensor

from .compare import assert_true
from .verdict import CheckFailed

ERROR_RATE = 1e-7  # share of right implementations that one test refuses; a check makes at most ten, so at most 1e-6
LEAST = 100.0  # expected number of draws in a cell; smaller cells are put together


def assert_frequencies(drawn: Tensor, probabilities: Tensor, what: str) -> None:
    """Require that tokens are drawn with given probabilities.

    Null hypothesis: the draws are independent and have these probabilities; refused with probability `ERROR_RATE`. A token
    of probability 0 is refused at once.

    Args:
        drawn: (N,) integers.
        probabilities: (V,) float64, sum 1.
        what: how the message calls the draws.

    Raises:
        CheckFailed: the message gives the tokens' shares, expected and found.
    """
    n, n_tokens = drawn.numel(), probabilities.numel()
    _require_tokens(drawn, n_tokens, what)
    counts = torch.bincount(drawn, minlength=n_tokens).double()
    expected = n * probabilities
    impossible = (counts > 0) & (expected == 0)
    if impossible.any():
        token = int(impossible.nonzero()[0])
        times = int(counts[token])
        raise CheckFailed(
            f"{what}: token {token} must never be drawn; it was, {times} of {n} times.\n{_table(counts, expected)}"
        )
    possible = expected > 0
    observed, likely = _merged(counts[possible], expected[possible])
    assert_true(
        tail(observed, likely, len(likely) - 1) >= ERROR_RATE,
        f"{what}: the tokens' shares in {n} draws are not those of the distribution (chi-square test, error rate "
        f"{ERROR_RATE:g}).\n{_table(counts, expected)}",
    )


def assert_independent(first: Tensor, second: Tensor, probabilities: Tensor, what: str) -> None:
    """Require that pairs of draws are independent.

    Null hypothesis: both have these probabilities and are independent; refused with probability `ERROR_RATE`.

    Args:
        first, second: (N,) integers from 0 to V − 1.
        probabilities: (V,) float64, such that every pair is expected `LEAST` times or more.
        what: how the message calls the pairs.
    """
    n_tokens = probabilities.numel()
    _require_tokens(torch.cat([first, second]), n_tokens, what)
    counts = torch.bincount(first * n_tokens + second, minlength=n_tokens**2).double()
    expected = first.numel() * (probabilities[:, None] * probabilities).flatten()
    alike = float((first == second).double().mean())
    likely = float((probabilities**2).sum())
    assert_true(
        tail(counts, expected, len(expected) - 1) >= ERROR_RATE,
        f"{what}: they are not independent. The two are the same token in {alike:.0%} of {first.numel()} pairs; expected "
        f"{likely:.0%}.",
    )


def _require_tokens(drawn: Tensor, n_tokens: int, what: str) -> None:
    outside = drawn[(drawn < 0) | (drawn >= n_tokens)]
    if outside.numel():
        raise CheckFailed(f"{what}: {int(outside[0])} was drawn, which is no token; there are 0 to {n_tokens - 1}.")


def tail(counts: Tensor, expected: Tensor, degrees: int) -> float:
    """The probability that chi-square is at least as large as here; 1 without degrees of freedom."""
    if degrees < 1:
        return 1.0
    statistic = ((counts - expected) ** 2 / expected).sum().double()
    return float(torch.special.gammaincc(torch.tensor(degrees / 2, dtype=torch.float64), statistic / 2))


def _merged(counts: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    """Put the least likely cells together until each is expected `LEAST` times."""
    expected, order = expected.sort()
    counts = counts[order]
    n_small = int((expected < LEAST).sum())
    while 0 < n_small < len(expected) and expected[:n_small].sum() < LEAST:
        n_small += 1
    if n_small < 2:
        return counts, expected
    return (
        torch.cat([counts[:n_small].sum()[None], counts[n_small:]]),
        torch.cat([expected[:n_small].sum()[None], expected[n_small:]]),
    )


def _table(counts: Tensor, expected: Tensor) -> str:
    total = counts.sum()
    rows = [
        f"  token {token}: expected {likely / total:.3f}, got {count / total:.3f}"
        for token, (count, likely) in enumerate(zip(counts.tolist(), expected.tolist(), strict=True))
    ]
    return "\n".join(rows[:12] + (["  …"] if len(rows) > 12 else []))
