"""Converts the logits to float32 first and returns a float32 loss for any input.

rejected by: loss.keeps_dtype
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1].float()
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep])
