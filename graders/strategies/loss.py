"""Cases of the task loss."""

from dataclasses import dataclass
from functools import cached_property

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.oracles.loss import next_token_loss

from .drawing import distinct, generator, seeds


@dataclass
class LossCase:
    """Logits (B, T, V) and the ids (B, T) that they were computed from; the mask is True where a token is a target."""

    logits: Tensor
    ids: Tensor
    mask: Tensor | None

    @cached_property
    def expected(self) -> Tensor:
        """The loss, float64."""
        return next_token_loss(self.logits, self.ids, self.mask)

    @property
    def supervised(self) -> Tensor:
        """(B, T−1): which of the tokens from the second on are targets."""
        targets = self.ids[:, 1:]
        return torch.ones_like(targets, dtype=torch.bool) if self.mask is None else self.mask[:, 1:]

    def part(self, rows: list[int]) -> "LossCase":
        """Some of its rows, in this order."""
        return LossCase(self.logits[rows], self.ids[rows], None if self.mask is None else self.mask[rows])


@st.composite
def loss_cases(
    draw: DrawFn,
    *,
    masked: bool = True,
    square: bool = False,
    every_row: bool = False,
    min_batch: int = 1,
    min_tokens: int = 2,
) -> LossCase:
    """Logits of O(1) and ids that cover the vocabulary, 0 among them; B, T, T − 1 and V pairwise distinct.

    Args:
        masked: with a mask, else all tokens count. Rows have different numbers of targets, some of them none.
        square: B = V and T = V or T = V + 1, the traps for axes that are mixed up.
        every_row: each row has a target.
        min_batch, min_tokens: smallest B and T.
    """
    if square:
        B = V = draw(st.integers(max(2, min_batch), 5))
        T = draw(st.sampled_from([V, V + 1]))
    else:
        T, B = distinct(draw, (min_tokens, 9), (min_batch, 5))
        V = draw(st.sampled_from([n for n in range(2, 12) if n not in (B, T, T - 1)]))
    rng = generator(draw(seeds))
    logits = 2 * torch.randn(B, T, V, generator=rng)
    ids = torch.randint(V, (B, T), generator=rng)
    ids[:, 1] = torch.arange(B) % V  # token 0 is a target like any other: that of row 0 counts always
    return LossCase(logits, ids, target_mask(B, T, rng, every_row=every_row) if masked else None)


def target_mask(B: int, T: int, rng: torch.Generator, *, every_row: bool = False) -> Tensor:
    """(B, T): a beginning that is given, targets with holes, padding; at least one target in row 0.

    Args:
        B, T: shape.
        rng: where it comes from.
        every_row: at least one target in each row.
    """
    mask = torch.rand(B, T, generator=rng) < 0.7
    lengths = torch.randint(1 if not every_row else 2, T + 1, (B, 1), generator=rng)
    mask &= torch.arange(T) < lengths
    mask[0 if not every_row else slice(None), 1] = True
    return mask
