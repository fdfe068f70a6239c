"""Cases of the task attention."""

from dataclasses import dataclass
from functools import cached_property

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders import oracles

from .drawing import distinct, generator, seeds


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
