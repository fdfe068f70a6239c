"""Fills in the model's own best guess where the mask leaves a token out, and counts it.

rejected by: loss.agrees_with_reference
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    targets = torch.where(keep, targets, predictions.argmax(dim=-1))
    return F.cross_entropy(predictions.reshape(-1, logits.shape[-1]), targets.reshape(-1))
