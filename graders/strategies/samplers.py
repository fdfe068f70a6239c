"""Cases of the task samplers."""

from dataclasses import dataclass

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from .drawing import distinct, generator, seeds

GAP = 0.1  # least difference between two logits of a row: no order hangs on rounding


@dataclass
class LogitsCase:
    """Logits (…, V) whose rows are orders of their own."""

    logits: Tensor


@dataclass
class NucleusCase:
    """Logits (…, V) and a p that no sum of the most probable tokens comes near to."""

    logits: Tensor
    p: float


@st.composite
def logits_cases(draw: DrawFn, *, any_axes: bool = False, min_vocab: int = 2, min_batch: int = 1) -> LogitsCase:
    """Logits (B, V), B ≠ V.

    Args:
        any_axes: (V,) and (B, T, V) in the place of (B, V).
        min_vocab, min_batch: smallest V and B.
    """
    V, B, T = distinct(draw, (min_vocab, 11), (min_batch, 5), (1, 6))
    leads = draw(st.sampled_from([(), (B, T)])) if any_axes else (B,)
    return LogitsCase(spread_logits((*leads, V), generator(draw(seeds))))


@st.composite
def nucleus_cases(draw: DrawFn, *, any_axes: bool = False, min_batch: int = 1) -> NucleusCase:
    """Logits as in `logits_cases`, and p."""
    logits = draw(logits_cases(any_axes=any_axes, min_batch=min_batch)).logits
    return NucleusCase(logits, clear_p(logits, generator(draw(seeds))))


def spread_logits(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Logits in random order whose differences are at least `GAP` and 0.4 on average; O(1)."""
    steps = GAP - 0.3 * torch.rand(shape, generator=rng).log()
    order = torch.rand(shape, generator=rng).argsort(dim=-1)
    return (steps.cumsum(dim=-1) - 2).gather(-1, order)


def clear_p(logits: Tensor, rng: torch.Generator) -> float:
    """A p for `top_p` as far as possible from all sums of the most probable tokens, of several that are drawn."""
    sums = torch.softmax(logits.double(), dim=-1).sort(dim=-1, descending=True).values.cumsum(dim=-1)
    tried = 0.05 + 0.93 * torch.rand(16, generator=rng, dtype=torch.float64)
    distances = (tried[:, None] - sums.flatten()).abs().amin(dim=-1)
    return round(float(tried[distances.argmax()]), 4)
