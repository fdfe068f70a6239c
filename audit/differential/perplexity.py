"""Drives `perplexity`."""

from typing import Any

import torch
from torch import Tensor

from .drawing import Draw
from .observing import Journal, Load

NINE_DIGITS = 1e-9  # docs/core.md: computed in float64


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Batches of several shapes, with masks for all, some or none, and with nothing to predict."""
    perplexity = load("loss").perplexity
    draw = Draw(seed)
    V = draw.integer(3, 7)
    for dtype in (torch.float64, torch.float32):
        for n_batches in (1, 2, 4):
            shapes = [(draw.integer(1, 3), draw.integer(2, 7)) for _ in range(n_batches)]
            logits = [2 * draw.normal(B, T, V, dtype=dtype) for B, T in shapes]
            ids = [draw.integers(0, V - 1, B, T) for B, T in shapes]
            label = f"{n_batches} batches of {dtype}"
            journal.untouched(label, [*logits, *ids], lambda: perplexity(logits, ids))  # noqa: B023
            journal.call(f"{label}, no masks", perplexity, logits, ids, within=NINE_DIGITS)
            masks: list[Any] = [_mask(draw, B, T) for B, T in shapes]
            journal.untouched(f"{label}, masks", masks, lambda: perplexity(logits, ids, masks))  # noqa: B023
            journal.call(f"{label}, masks", perplexity, logits, ids, masks, within=NINE_DIGITS)
            masks[draw.integer(0, n_batches - 1)] = None
            journal.call(f"{label}, some masks", perplexity, logits, ids, masks=masks, within=NINE_DIGITS)
            _with_empty_batches(perplexity, logits, ids, V, draw, journal)
    journal.call(
        "a single token", perplexity, [draw.normal(1, 2, V)], [draw.integers(0, V - 1, 1, 2)], within=NINE_DIGITS
    )
    logits = [torch.zeros(2, 4, V)]
    journal.call("uniform", perplexity, logits, [draw.integers(0, V - 1, 2, 4)], within=NINE_DIGITS)
    logits = [1e3 * draw.normal(1, 3, V)]
    journal.call("large logits, right answers", perplexity, logits, [_best(logits[0])], within=NINE_DIGITS)
    long = [draw.normal(10, 200, V) for _ in range(2)]
    journal.call("a long text", perplexity, long, [draw.integers(0, V - 1, 10, 200) for _ in long], within=NINE_DIGITS)


def _with_empty_batches(
    perplexity: Any, logits: list[Tensor], ids: list[Tensor], V: int, draw: Draw, journal: Journal
) -> None:
    """A batch of single tokens, and one whose mask allows first tokens only."""
    extra = [draw.normal(3, 1, V, dtype=logits[0].dtype), draw.normal(2, 3, V, dtype=logits[0].dtype)]
    strange = [draw.integers(-9, 99, 3, 1), draw.integers(-9, 99, 2, 3)]
    only_first = torch.zeros(2, 3, dtype=torch.bool)
    only_first[:, 0] = True
    masks = [None] * (len(logits) + 1)
    more = ([extra[0], *logits, extra[1]], [strange[0], *ids, strange[1]], [*masks, only_first])
    journal.call(f"{len(logits)} batches and two empty ones", perplexity, *more, within=NINE_DIGITS)


def _mask(draw: Draw, B: int, T: int) -> Tensor:
    mask = draw.booleans(B, T, share=0.6)
    mask[draw.integer(0, B - 1), draw.integer(1, T - 1)] = True
    return mask


def _best(logits: Tensor) -> Tensor:
    """Ids that the logits predict with certainty."""
    return torch.cat([logits.new_zeros(logits.shape[0], 1).long(), logits[:, :-1].argmax(dim=-1)], dim=1)
