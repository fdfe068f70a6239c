"""Cases of the task multi_head."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import HeadSizes

from .attention import random_mask
from .drawing import generator, seeds


@dataclass
class HeadCase:
    """A self-attention module and its input. `x` is (B, T, d_model)."""

    sizes: HeadSizes
    x: Tensor
    mask: Tensor | None
    seed: int
    weights: dict[str, Tensor] = field(repr=False)


@st.composite
def head_cases(
    draw: DrawFn,
    *,
    masked: bool = False,
    min_tokens: int = 1,
    max_tokens: int = 9,
    dropout: float = 0.0,
    even_heads: bool = False,
    mask_per_head: bool = False,
    any_width: bool = False,
    single: bool = False,
) -> HeadCase:
    """Modules with two to four heads; B, T, n_heads, d_head and d_model pairwise distinct.

    Args:
        masked: give a mask that is not causal: (T, T) or (B, 1, T, T).
        min_tokens, max_tokens: range of T.
        dropout: the module's dropout probability.
        even_heads: d_head is even (for RoPE).
        mask_per_head: the mask is (B, n_heads, T, T).
        any_width: n_heads · d_head is not d_model.
        single: one head, whose width is not d_model.
    """
    n_heads = 1 if single else draw(st.integers(2, 4))
    d_head = draw(st.sampled_from([n for n in ((2, 4, 6, 8) if even_heads else range(2, 7)) if n != n_heads]))
    d_model = n_heads * d_head
    if any_width or single:
        d_model = draw(st.sampled_from([n for n in range(2, 13) if n not in (n_heads, d_head, d_model)]))
    taken = (n_heads, d_head, d_model)
    T = draw(st.sampled_from([n for n in range(min_tokens, max_tokens + 1) if n not in taken]))
    # always a choice of two or more: Hypothesis shrinks to the fewest choices first, and would take a T that leaves one B
    B = draw(st.sampled_from([n for n in range(1, 8) if n not in (*taken, T)]))
    seed = draw(seeds)
    rng = generator(seed)
    x = torch.randn(B, T, d_model, generator=rng)
    mask = None
    if masked or mask_per_head:
        lead = (B, n_heads) if mask_per_head else draw(st.sampled_from([(), (B, 1)]))
        mask = random_mask((*lead, T, T), rng)
    sizes = HeadSizes(d_model, n_heads, dropout, max_tokens=24, d_head=d_head if any_width or single else None)
    return HeadCase(sizes, x, mask, seed, head_weights(d_model, rng, n_heads * d_head))


def head_weights(d_model: int, rng: torch.Generator, width: int | None = None) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1), biases are O(1) and not zero.

    Args:
        d_model: width of input and output.
        rng: where they come from.
        width: that of all heads together; d_model by default.
    """
    width = d_model if width is None else width
    weights: dict[str, Tensor] = {}
    for role in ("query", "key", "value", "proj"):
        n_out, n_in = (d_model, width) if role == "proj" else (width, d_model)
        weights[f"{role}.weight"] = torch.randn(n_out, n_in, generator=rng) * (1.5 / n_in**0.5)
        weights[f"{role}.bias"] = torch.randn(n_out, generator=rng) * 0.5
    return weights
