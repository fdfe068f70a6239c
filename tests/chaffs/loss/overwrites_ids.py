"""Writes -100 into the caller's ids where the mask leaves tokens out.

rejected by: loss.leaves_inputs_alone
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    targets[~mask[:, 1:]] = -100
    return F.cross_entropy(predictions.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=-100)
