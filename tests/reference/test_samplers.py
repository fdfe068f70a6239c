"""The reference samplers against transformers' logits warpers, loops from the definitions, and chi-square tests."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from reference.samplers import sample, temperature, top_k, top_p

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)
NO_IDS = torch.zeros(1, 0, dtype=torch.int64)  # the warpers take the text so far and do not look at it


@st.composite
def rows(draw: st.DrawFn) -> Tensor:
    """Draw logits (B, V) in float64 without ties: a random order of numbers at least 0.1 apart."""
    B, V = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    steps = 0.1 + torch.rand(B, V, generator=generator, dtype=torch.float64)
    order = torch.rand(B, V, generator=generator).argsort(dim=-1)
    return (steps.cumsum(dim=-1) - 2).gather(-1, order)


def slow_softmax(row: list[float], tau: float = 1.0) -> list[float]:
    """Equation of the softmax at a temperature, in plain Python; −inf has probability 0."""
    exponentials = [math.exp((logit - max(row)) / tau) for logit in row]
    return [e / math.fsum(exponentials) for e in exponentials]


def slow_nucleus(row: list[float], p: float) -> tuple[set[int], float]:
    """Give the fewest most probable tokens with mass p or more, and how far from p the nearest partial sum is."""
    probabilities = slow_softmax(row)
    order = sorted(range(len(row)), key=lambda i: -probabilities[i])
    masses = [math.fsum(probabilities[i] for i in order[: n + 1]) for n in range(len(row))]
    n_kept = next((n + 1 for n, mass in enumerate(masses) if mass >= p), len(row))
    return set(order[:n_kept]), min(abs(mass - p) for mass in masses)


@examples
@given(logits=rows(), tau=st.floats(1e-4, 10))
def test_temperature(logits: Tensor, tau: float) -> None:
    """Protects the division by tau: transformers' warper, and a softmax at that temperature without PyTorch."""
    warmed = temperature(logits, tau)
    torch.testing.assert_close(warmed, TemperatureLogitsWarper(tau)(NO_IDS, logits), rtol=0, atol=0)
    expected = torch.tensor([slow_softmax(row, tau) for row in logits.tolist()], dtype=torch.float64)
    torch.testing.assert_close(warmed.softmax(-1), expected, rtol=0, atol=1e-11)  # logits up to 1e5 there: 1e5 · 1e-16


@examples
@given(logits=rows(), k=st.integers(1, 12))
def test_top_k(logits: Tensor, k: int) -> None:
    """Protects the choice in each row, where k ≥ V keeps all: transformers' warper, and sorting in plain Python."""
    kept = top_k(logits, k)
    torch.testing.assert_close(kept, TopKLogitsWarper(k)(NO_IDS, logits), rtol=0, atol=0)
    for row, kept_row in zip(logits.tolist(), kept.tolist(), strict=True):
        assert kept_row == [logit if logit in sorted(row)[-k:] else -math.inf for logit in row]


def test_top_k_keeps_exactly_k_on_ties() -> None:
    """Protects the number of kept tokens where transformers' warper keeps more: k of them, the largest among them."""
    logits = torch.tensor([[2.0, 3.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    for k in range(1, 8):
        kept = top_k(logits, k)
        assert (kept > -math.inf).sum(dim=-1).tolist() == [min(k, 5)] * 2
        assert kept[0].sort(descending=True).values[: min(k, 5)].tolist() == [3.0, 2.0, 2.0, 2.0, 1.0][:k]


@examples
@given(logits=rows(), p=st.floats(0.01, 0.99))
def test_top_p(logits: Tensor, p: float) -> None:
    """Protects the minimal nucleus of each row, where no partial sum is near p: transformers' warper and a loop."""
    kept = top_p(logits, p)
    nuclei = [slow_nucleus(row, p) for row in logits.tolist()]
    if min(margin for _, margin in nuclei) < 1e-9:
        return  # rounding decides
    torch.testing.assert_close(kept, TopPLogitsWarper(p)(NO_IDS, logits), rtol=0, atol=0)
    for row, kept_row, (nucleus, _) in zip(logits.tolist(), kept.tolist(), nuclei, strict=True):
        assert kept_row == [logit if i in nucleus else -math.inf for i, logit in enumerate(row)]


def test_top_p_worked_example() -> None:
    """Protects the boundary token, p → 0 that keeps one, and p = 1 that keeps what float32 cannot add up."""
    logits = torch.tensor([[0.25, 0.5, 0.05, 0.2]]).log()
    for p, expected in [
        (1e-30, [1]),
        (0.49, [1]),
        (0.51, [0, 1]),
        (0.74, [0, 1]),
        (0.76, [0, 1, 3]),
        (0.96, [0, 1, 2, 3]),
    ]:
        assert (top_p(logits, p)[0] > -math.inf).nonzero().flatten().tolist() == expected, p
    far = torch.tensor([[100.0, 0.0, -100.0]])
    assert torch.equal(top_p(far, 1.0), far)
    halves = torch.zeros(1, 2)  # the sum reaches p exactly with the first of two equal tokens
    assert (top_p(halves, 0.5) > -math.inf).sum() == 1


@pytest.mark.parametrize("function", [lambda x: temperature(x, 0.7), lambda x: top_k(x, 2), lambda x: top_p(x, 0.6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_any_leading_axes(function: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    """Protects shapes other than (B, V), the independence of rows, the dtype, and the input, which stays as it is."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 5, generator=generator).to(dtype)
    before = logits.clone()
    result = function(logits)
    assert result.shape == logits.shape and result.dtype == dtype
    for b in range(2):
        for t in range(3):
            assert torch.equal(result[b, t], function(logits[b, t]))
    function(logits[0, 0]).fill_(7)  # a filter that removes nothing must not hand out its input either
    top_k(logits, 5).fill_(7)
    top_p(logits, 1.0).fill_(7)
    temperature(logits, 1.0).fill_(7)
    assert torch.equal(logits, before)


CONFIGURATIONS = [
    pytest.param(1.0, None, None, id="plain"),
    pytest.param(0.7, None, None, id="temperature"),
    pytest.param(1.3, 4, None, id="top-k"),
    pytest.param(1.5, None, 0.8, id="top-p"),
    pytest.param(3.0, 5, 0.79, id="all"),
]
LOGITS = torch.tensor([1.1, -0.4, 0.3, 1.6, -1.2, 0.75])
N = 20_000


def slow_distribution(row: list[float], tau: float, k: int | None, p: float | None) -> list[float]:
    """Temperature, then top-k, then top-p on what top-k left, by definition, in plain Python."""
    row = [logit / tau for logit in row]
    if k is not None:
        row = [logit if logit in sorted(row)[-k:] else -math.inf for logit in row]
    if p is not None:
        nucleus, margin = slow_nucleus(row, p)
        assert margin > 1e-3
        row = [logit if i in nucleus else -math.inf for i, logit in enumerate(row)]
    return slow_softmax(row)


def chi_square_p_value(observed: Tensor, expected: Tensor) -> float:
    """Pearson's test: the probability of a statistic at least as large under the null hypothesis."""
    assert expected.min() >= 100
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(torch.special.gammaincc(torch.tensor((observed.numel() - 1) / 2).double(), statistic / 2))


@pytest.mark.parametrize("tau, k, p", CONFIGURATIONS)
def test_sample_draws_from_the_distribution(tau: float, k: int | None, p: float | None) -> None:
    """Protects order and effect of all options. Null hypothesis: the draws follow the distribution; α = 1e-6."""
    probabilities = torch.tensor(slow_distribution(LOGITS.tolist(), tau, k, p), dtype=torch.float64)
    draws = sample(LOGITS.expand(N, -1), tau, k, p, torch.Generator().manual_seed(0))
    counts = draws.bincount(minlength=len(LOGITS)).double()
    possible = probabilities > 0
    assert not counts[~possible].any()
    assert chi_square_p_value(counts[possible], N * probabilities[possible]) > 1e-6


def test_the_order_of_the_options_matters_here() -> None:
    """Protects the test above from being blind: each other order of its last configuration gives other tokens."""
    tau, k, p = 3.0, 5, 0.79

    def kept(logits: Tensor) -> list[int]:
        return (logits > -math.inf).nonzero().flatten().tolist()

    warm = temperature(LOGITS, tau)
    right = kept(top_p(top_k(warm, k), p))
    others = [kept(top_p(top_k(LOGITS, k), p)), kept(top_k(top_p(warm, p), k)), kept(top_k(top_p(LOGITS, p), k))]
    assert right not in others


def test_rows_are_drawn_independently() -> None:
    """Protects against a random number shared by rows. Null hypothesis: pairs of rows are independent; α = 1e-6."""
    logits = torch.tensor([0.5, 0.0, -0.5, 0.2])
    draws = sample(logits.expand(2 * N, -1), generator=torch.Generator().manual_seed(0)).view(N, 2)
    counts = (4 * draws[:, 0] + draws[:, 1]).bincount(minlength=16).double()
    single = logits.double().softmax(0)
    assert chi_square_p_value(counts, N * torch.outer(single, single).flatten()) > 1e-6


def test_chi_square_has_the_tabulated_quantiles() -> None:
    """Protects the statistical tests: 20.515 and 37.697 are the 0.1 % points at 5 and 15 degrees of freedom (tables)."""
    for n_cells, statistic in [(6, 20.515), (16, 37.697)]:
        expected = torch.full((n_cells,), 1000.0, dtype=torch.float64)
        observed = expected.clone()
        observed[0] += math.sqrt(statistic * 1000)
        assert chi_square_p_value(observed, expected) == pytest.approx(1e-3, rel=1e-3)
    expected = torch.full((6,), N / 6, dtype=torch.float64)
    assert chi_square_p_value(expected * torch.tensor([1.1, 0.9, 1, 1, 1, 1]), expected) < 1e-6


@examples
@given(logits=rows())
def test_greedy(logits: Tensor) -> None:
    """Protects k = 1, a small tau and a small p: all are the argmax, as ids (B,) of int64."""
    generator = torch.Generator().manual_seed(0)
    for options in ({"k": 1}, {"tau": 1e-4}, {"p": 1e-6}):
        ids = sample(logits.float(), generator=generator, **options)
        assert ids.dtype == torch.int64 and torch.equal(ids, logits.argmax(-1))


def test_generator_is_the_only_source_of_randomness() -> None:
    """Protects reproducibility: a seed gives the same draws again, then others; else torch's global."""
    logits = torch.zeros(30, 50)
    generator = torch.Generator().manual_seed(3)
    first, second = sample(logits, generator=generator), sample(logits, generator=generator)
    assert not torch.equal(first, second)
    assert torch.equal(first, sample(logits, generator=torch.Generator().manual_seed(3)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        assert torch.equal(first, sample(logits))
    assert torch.equal(logits, torch.zeros(30, 50))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tau": 0.0}, "tau=0.0"),
        ({"tau": -1.0}, "tau=-1.0"),
        ({"tau": math.nan}, "tau=nan"),
        ({"tau": math.inf}, "tau=inf"),
        ({"k": 0}, "k=0"),
        ({"p": 0.0}, "p=0.0"),
        ({"p": 1.5}, "p=1.5"),
        ({"p": math.nan}, "p=nan"),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, float], message: str) -> None:
    """Protects the messages for options that make no distribution: each names the option and what was found."""
    with pytest.raises(ValueError, match=f"got {message}"):
        sample(torch.zeros(2, 3), generator=torch.Generator(), **options)  # type: ignore[arg-type]


def test_logits_must_have_two_axes() -> None:
    """Protects against logits of all positions, (B, T, V), which would be drawn from silently in the wrong shape."""
    with pytest.raises(ValueError, match=r"got \(2, 3, 4\)"):
        sample(torch.zeros(2, 3, 4))
