"""Moves the vocabulary to axis 1 only where the shapes do not fit without it.

rejected by: loss.square_trap
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    if predictions.shape[1] != predictions.shape[2]:
        predictions = predictions.transpose(1, 2)
    nll = F.cross_entropy(predictions, targets, reduction="none")  # wants the classes on axis 1
    return nll[keep].mean()
