"""Shifts the wrong way: the logits at t+1 are held against the id at t.

rejected by: loss.agrees_with_reference
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, 1:]
    targets = ids[:, :-1]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep])
