"""Leaves masked tokens out of the sum, but divides by all of them.

rejected by: loss.agrees_with_reference
misconception: divides_by_all_tokens
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    nll = F.cross_entropy(predictions.transpose(1, 2), targets, reduction="none")
    return (nll * keep).mean()
