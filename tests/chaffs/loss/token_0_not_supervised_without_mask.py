"""Without a mask takes token 0 for padding.

rejected by: loss.no_mask
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = ids != 0
    keep = mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep], reduction="sum") / keep.sum().clamp(min=1)
