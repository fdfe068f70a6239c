"""Sums over the tokens instead of averaging.

rejected by: loss.order_and_copies
misconception: sum_instead_of_mean
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep], reduction="sum")
