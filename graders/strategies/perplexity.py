"""Cases of the task perplexity."""

from dataclasses import dataclass, field
from functools import cached_property

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.oracles.perplexity import perplexity

from .drawing import generator, seeds
from .loss import target_mask


@dataclass
class TextCase:
    """A text in batches, with the logits of a model for it.

    Attributes:
        logits_shapes: (B, T, V) of each batch, for people.
        supervised_tokens: how many tokens count in each batch, for people.
        logits, ids, masks: the batches; `masks` None = all tokens count.
    """

    logits_shapes: list[tuple[int, ...]] = field(init=False)
    supervised_tokens: list[int] = field(init=False)
    logits: list[Tensor] = field(repr=False)
    ids: list[Tensor] = field(repr=False)
    masks: list[Tensor | None] | None = field(repr=False)

    def __post_init__(self) -> None:
        masks = self.masks or [None] * len(self.ids)
        self.logits_shapes = [tuple(batch.shape) for batch in self.logits]
        self.supervised_tokens = [
            ids[:, 1:].numel() if mask is None else int(mask[:, 1:].sum())
            for ids, mask in zip(self.ids, masks, strict=True)
        ]

    @cached_property
    def expected(self) -> float:
        """The perplexity, computed in float64."""
        return perplexity(self.logits, self.ids, self.masks)


@st.composite
def text_cases(draw: DrawFn, *, masked: bool = True, max_batches: int = 3) -> TextCase:
    """One to three batches of different shapes over one vocabulary, some of them much easier for the model than others.

    Args:
        masked: with masks, which leave at least one target in each batch; else all tokens count.
        max_batches: greatest number of batches.
    """
    V = draw(st.integers(2, 9))
    shapes = draw(
        st.lists(st.tuples(st.integers(1, 5), st.integers(2, 9)), min_size=1, max_size=max_batches, unique=True)
    )
    rng = generator(draw(seeds))
    logits, ids = [], []
    masks: list[Tensor | None] = []
    for i, (B, T) in enumerate(shapes):
        tokens = torch.randint(V, (B, T), generator=rng)
        tokens[:, 1] = torch.arange(B) % V  # token 0 counts like any other
        scores = (1 + i) * torch.randn(B, T, V, generator=rng)
        logits.append(scores)
        ids.append(tokens)
        masks.append(target_mask(B, T, rng))
    return TextCase(logits, ids, masks if masked else None)
