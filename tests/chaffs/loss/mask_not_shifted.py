"""Pairs the mask with the position that predicts instead of the token that is predicted.

rejected by: loss.agrees_with_reference
misconception: mask_not_shifted
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, :-1]
    return F.cross_entropy(predictions[keep], targets[keep], reduction="sum") / keep.sum().clamp(min=1)
