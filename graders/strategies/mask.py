"""Cases of the task mask."""

from dataclasses import dataclass
from functools import cached_property

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import Tensor

from graders import oracles

from .drawing import distinct, generator, seeds


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
