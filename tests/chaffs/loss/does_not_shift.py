"""Does not shift at all: each position is asked for the very token that it was given.

rejected by: loss.agrees_with_reference
misconception: does_not_shift
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits
    targets = ids
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask
    return F.cross_entropy(predictions[keep], targets[keep])
