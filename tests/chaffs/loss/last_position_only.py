"""Looks at the last prediction of each sequence only.

rejected by: loss.agrees_with_reference
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    predictions, targets, keep = predictions[:, -1], targets[:, -1], mask[:, -1]
    return (F.cross_entropy(predictions, targets, reduction="none") * keep).sum() / keep.sum().clamp(min=1)
