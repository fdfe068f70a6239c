"""Cases of the task rope."""

from dataclasses import dataclass
from functools import cached_property

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders import oracles

from .drawing import distinct, generator, seeds


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
