"""Flattens (B, V, T) to (-1, V), which mixes tokens and vocabulary.

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
    flat = predictions.transpose(1, 2).reshape(-1, logits.shape[-1])
    nll = F.cross_entropy(flat, targets.reshape(-1), reduction="none")
    return nll[keep.reshape(-1)].mean()
