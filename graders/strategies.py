"""Strategies: Hypothesis draws shapes and a seed, the seed makes the tensors.

Every two axes of a case differ unless a strategy says that the trap is that they are equal. Values are O(1), biases are
never zero. Smaller draws are easier to read, so that shrinking ends at T=2, d=1 rather than at T=17, d=64.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import Tensor

from . import oracles
from .tasks import HeadSizes

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int) -> torch.Generator:
    """A generator in the state that a seed gives."""
    return torch.Generator().manual_seed(seed)


def distinct(draw: DrawFn, *ranges: tuple[int, int]) -> list[int]:
    """Draw one size from each range (both ends included), no two of them equal."""
    sizes: list[int] = []
    for low, high in ranges:
        sizes.append(draw(st.sampled_from([n for n in range(low, high + 1) if n not in sizes])))
    return sizes


# ---------------------------------------------------------------------------------------------------- attention


@dataclass
class AttentionCase:
    """Inputs of attention. `expected` is (output, weights) in float64."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None

    @cached_property
    def expected(self) -> tuple[Tensor, Tensor]:
        """Output and weights, float64."""
        return oracles.attention(self.query, self.key, self.value, self.mask)

    def permit(self) -> Tensor:
        """The mask, or all True, expanded to (…, T, S)."""
        shape = (*self.query.shape[:-1], self.key.shape[-2])
        return torch.ones(shape, dtype=torch.bool) if self.mask is None else self.mask.expand(shape)


@st.composite
def attention_cases(
    draw: DrawFn,
    *,
    masked: bool | None = None,
    min_keys: int = 1,
    min_leads: int = 0,
    scale: float = 1.0,
) -> AttentionCase:
    """Cases with zero to two leading axes, T ≠ S, d ≠ d_v, masks of full and of broadcast shape.

    Args:
        masked: True = always, False = never, None = either.
        min_keys: fewest keys.
        min_leads: fewest leading axes.
        scale: factor of query and key.
    """
    n_leads = draw(st.integers(min_leads, 2))
    T, S, d, d_v, *leads = distinct(draw, (1, 6), (min_keys, 7), (1, 9), (1, 10), *[(1, 8)] * n_leads)
    rng = generator(draw(seeds))
    query = scale * torch.randn(*leads, T, d, generator=rng)
    key = scale * torch.randn(*leads, S, d, generator=rng)
    value = torch.randn(*leads, S, d_v, generator=rng)
    mask = None
    if masked or (masked is None and draw(st.booleans())):
        # an axis of size 1 broadcasts; the last one never does, or all keys would share one fate
        kept = [n if draw(st.integers(0, 2)) else 1 for n in leads]
        mask = random_mask((*kept, T, S), rng)
    return AttentionCase(query, key, value, mask)


def random_mask(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """A boolean mask in which each row allows at least one key, and forbids one where there are two."""
    keep = torch.rand(shape, generator=rng) < 0.6
    n_keys = shape[-1]
    allowed = torch.randint(n_keys, (*shape[:-1], 1), generator=rng)
    keep.scatter_(-1, (allowed + 1) % n_keys, False)
    return keep.scatter_(-1, allowed, True)


# ---------------------------------------------------------------------------------------------------- mask


@dataclass
class IdsCase:
    """Token ids with padding in them."""

    ids: Tensor
    pad_id: int

    @cached_property
    def expected(self) -> Tensor:
        """The attention mask."""
        return oracles.attention_mask(self.ids, self.pad_id)


@st.composite
def ids_cases(
    draw: DrawFn, *, pad_ids: SearchStrategy[int] | None = None, square: bool = False, max_tokens: int = 9
) -> IdsCase:
    """Ids (B, T) from 0 to 9 (and the padding id), about a third of them padding, different in each row.

    Args:
        pad_ids: where the padding id comes from; 0 by default.
        square: B = T, the trap for masks that broadcast the wrong axis.
        max_tokens: greatest T.
    """
    if square:
        B = T = draw(st.integers(2, 5))
    else:
        T, B = distinct(draw, (2, max_tokens), (2, 4))
    pad_id = draw(st.just(0) if pad_ids is None else pad_ids)
    rng = generator(draw(seeds))
    ids = torch.randint(0, 10, (B, T), generator=rng)
    ids[torch.rand(B, T, generator=rng) < 0.3] = pad_id
    row = torch.arange(B)
    ids[row, row % T] = pad_id  # at least one in each row, not everywhere at the same place
    ids[row, (row + 1) % T] = 9 if pad_id != 9 else 8
    return IdsCase(ids, pad_id)


# ---------------------------------------------------------------------------------------------------- multi_head


@dataclass
class HeadCase:
    """A multi-head module and its input. `x` is (B, T, d_model)."""

    sizes: HeadSizes
    x: Tensor
    mask: Tensor | None
    seed: int
    weights: dict[str, Tensor] = field(repr=False)

    @cached_property
    def expected(self) -> Tensor:
        """The output, float64."""
        return oracles.multi_head(self.weights, self.sizes.n_heads, self.x, self.mask)


@st.composite
def head_cases(
    draw: DrawFn,
    *,
    masked: bool = False,
    min_tokens: int = 1,
    max_tokens: int = 9,
    dropout: float = 0.0,
    even_heads: bool = False,
) -> HeadCase:
    """Modules with two to four heads; B, T, n_heads, d_head and d_model pairwise distinct.

    Args:
        masked: give a mask of a broadcast shape that is not causal.
        min_tokens, max_tokens: range of T.
        dropout: the module's dropout probability.
        even_heads: d_head is even (for RoPE).
    """
    n_heads = draw(st.integers(2, 4))
    d_head = draw(st.sampled_from([n for n in ((2, 4, 6, 8) if even_heads else range(2, 7)) if n != n_heads]))
    taken = (n_heads, d_head, n_heads * d_head)
    T = draw(st.sampled_from([n for n in range(min_tokens, max_tokens + 1) if n not in taken]))
    # always a choice of two or more: Hypothesis shrinks to the fewest choices first, and would take a T that leaves one B
    B = draw(st.sampled_from([n for n in range(1, 8) if n not in (*taken, T)]))
    seed = draw(seeds)
    rng = generator(seed)
    x = torch.randn(B, T, n_heads * d_head, generator=rng)
    mask = None
    if masked:
        lead = draw(st.sampled_from([(), (B, 1), (B, n_heads)]))
        mask = random_mask((*lead, T, T), rng)
    sizes = HeadSizes(n_heads * d_head, n_heads, dropout, max_tokens=24)
    return HeadCase(sizes, x, mask, seed, head_weights(sizes.d_model, rng))


def head_weights(d_model: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1), biases are O(1) and not zero."""
    weights: dict[str, Tensor] = {}
    for role in ("query", "key", "value", "proj"):
        weights[f"{role}.weight"] = torch.randn(d_model, d_model, generator=rng) * (1.5 / d_model**0.5)
        weights[f"{role}.bias"] = torch.randn(d_model, generator=rng) * 0.5
    return weights


# ---------------------------------------------------------------------------------------------------- rope


@dataclass
class RopeCase:
    """Input of apply_rope with a correct cache."""

    x: Tensor
    n_positions: int
    positions: Tensor | None = None
    base: float = 10000.0

    @cached_property
    def exact_cache(self) -> Tensor:
        """The cache in float64."""
        return oracles.rope_cache(self.x.shape[-1], self.n_positions, self.base)

    @cached_property
    def cache(self) -> Tensor:
        """The cache in float32, as it is given to the student."""
        return self.exact_cache.float()

    @cached_property
    def expected(self) -> Tensor:
        """The rotated x, float64."""
        return oracles.rope(self.x, self.exact_cache, self.positions)


@st.composite
def rope_cases(
    draw: DrawFn, *, any_axes: bool = False, positioned: bool = False, min_tokens: int = 1, max_tokens: int = 9
) -> RopeCase:
    """x (B, H, T, dim) with axes pairwise distinct, dim even from 2 to 24; the cache is longer than T more often than not.

    Args:
        any_axes: also (T, dim) and (B, T, dim).
        positioned: explicit positions up to 300: unsorted, repeated, shared by the batch or one row each.
        min_tokens, max_tokens: range of T.
    """
    T, B, H = distinct(draw, (min_tokens, max_tokens), (1, 4), (2, 5))
    dim = draw(st.sampled_from([n for n in range(2, 25, 2) if n not in (T, B, H)]))
    leads = draw(st.sampled_from([(B, H), (B,), ()])) if any_axes else (B, H)
    rng = generator(draw(seeds))
    x = torch.randn(*leads, T, dim, generator=rng)
    if not positioned:
        return RopeCase(x, T + draw(st.sampled_from([0, 1, 5, 20])))
    n_positions = draw(st.sampled_from([12, 40, 301]))
    rows: tuple[int, ...] = (B, 1) if len(leads) == 2 and draw(st.booleans()) else ()
    positions = torch.randint(0, n_positions, (*rows, T), generator=rng)
    return RopeCase(x, n_positions, positions)


# ---------------------------------------------------------------------------------------------------- text

_LETTERS = "abcdefghijklmnopqrstuvwxyz .,ABCDEFGH"


def document(rng: Any, length: int) -> str:
    """Random text of a given length; `rng` is a `random.Random`."""
    return "".join(rng.choice(_LETTERS) for _ in range(length))
