"""The expected filters against plain loops, and their cases."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graders.oracles import samplers as oracle
from graders.strategies.samplers import GAP, LogitsCase, NucleusCase, logits_cases, nucleus_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def kept(filtered: Tensor) -> list[set[int]]:
    """The ids that are left in each row."""
    rows = filtered.reshape(-1, filtered.shape[-1]).tolist()
    return [{i for i, value in enumerate(row) if value > -math.inf} for row in rows]


def nucleus(row: list[float], p: float) -> set[int]:
    """The most probable ids, one by one, until their probabilities sum to p."""
    weights = [math.exp(value) for value in row]
    total, chosen, mass = math.fsum(weights), set(), 0.0
    for i in sorted(range(len(row)), key=lambda i: -row[i]):
        chosen.add(i)
        mass += weights[i] / total
        if mass >= p:
            break
    return chosen


@examples
@given(case=logits_cases(any_axes=True), k=st.integers(1, 12))
def test_top_k(case: LogitsCase, k: int) -> None:
    """Protects the checks of top_k: the k largest of each row stay as they are."""
    got = oracle.top_k(case.logits, k)
    rows = case.logits.reshape(-1, case.logits.shape[-1]).tolist()
    assert kept(got) == [set(sorted(range(len(row)), key=lambda i: -row[i])[:k]) for row in rows]
    assert torch.equal(got[got > -math.inf], case.logits.double()[got > -math.inf])


@examples
@given(case=nucleus_cases(any_axes=True))
def test_top_p(case: NucleusCase) -> None:
    """Protects the checks of top_p: the fewest most probable ids that sum to p stay as they are."""
    got = oracle.top_p(case.logits, case.p)
    rows = case.logits.reshape(-1, case.logits.shape[-1]).tolist()
    assert kept(got) == [nucleus(row, case.p) for row in rows]
    assert torch.equal(got[got > -math.inf], case.logits.double()[got > -math.inf])


@examples
@given(case=nucleus_cases(), tau=st.sampled_from([0.5, 1.0, 2.0]), k=st.integers(1, 8))
def test_distribution(case: NucleusCase, tau: float, k: int) -> None:
    """Protects the tests of draws: temperature, then top-k, then the nucleus of what top-k left, renormalised."""
    got = oracle.distribution(case.logits, tau, k, case.p)
    for row, shares in zip(case.logits.double().tolist(), got.tolist(), strict=True):
        scaled = [value / tau for value in row]
        best = sorted(range(len(row)), key=lambda i: -row[i])[:k]
        chosen = {best[i] for i in nucleus([scaled[i] for i in best], case.p)}
        total = math.fsum(math.exp(scaled[i]) for i in chosen)
        expected = [math.exp(scaled[i]) / total if i in chosen else 0.0 for i in range(len(row))]
        assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(shares, expected, strict=True))


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(case=nucleus_cases(any_axes=True))
def test_cases_are_clear(case: NucleusCase) -> None:
    """Protects right solutions: no two logits are near each other, and p is no sum of probabilities, rounding included."""
    ordered = case.logits.double().sort(dim=-1, descending=True).values
    assert float((ordered[..., :-1] - ordered[..., 1:]).min()) > GAP / 2
    assert 0 < case.p < 1
    assert float((ordered.softmax(-1).cumsum(-1) - case.p).abs().min()) > 1e-4
