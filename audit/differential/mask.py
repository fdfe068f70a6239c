"""Drives `causal_mask` and `attention_mask`."""

import torch

from .drawing import Draw
from .observing import Journal, Load


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Every small length, padding of any id at any place, batches of as many rows as tokens."""
    module = load("mask")
    draw = Draw(seed)
    for n in (1, 2, 3, draw.integer(4, 9), 33):
        journal.call(f"causal_mask({n})", module.causal_mask, n)
    for pad_id in (0, 1, -1, -100, 7, 50256):
        B, T = draw.integer(1, 4), draw.integer(1, 7)
        for shape in ((B, T), (T, T), (1, 5), (4, 1)):
            ids = torch.where(draw.booleans(*shape, share=0.4), pad_id, draw.integers(-3, 9, *shape))
            label = f"attention_mask of {shape}, pad_id {pad_id}"
            journal.note(label, journal.untouched(label, [ids], lambda: module.attention_mask(ids, pad_id)))  # noqa: B023
    ids = draw.integers(0, 2, 5, 3).T
    journal.call("attention_mask of non-contiguous ids", module.attention_mask, ids, 0)
    journal.call("attention_mask, pad_id by its name", module.attention_mask, ids, pad_id=2)
