"""Looks up the probability of every id before it masks, those outside of the vocabulary included.

rejected by: loss.ignored_ids_may_be_anything
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    log_p = F.log_softmax(predictions, dim=-1).gather(-1, targets[..., None]).squeeze(-1)
    return -(log_p * keep).sum() / keep.sum()
