"""Replaces targets that the mask leaves out by token 0, which then counts like any other.

rejected by: loss.agrees_with_reference
misconception: padding_counted
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    targets = targets.masked_fill(~mask[:, 1:], 0)
    return F.cross_entropy(predictions.reshape(-1, logits.shape[-1]), targets.reshape(-1))
