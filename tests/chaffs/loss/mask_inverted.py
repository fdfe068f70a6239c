"""Takes True for padding: what should count is left out.

rejected by: loss.unsupervised_have_no_effect
misconception: mask_inverted
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    keep = torch.ones_like(targets, dtype=torch.bool) if mask is None else ~mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep], reduction="sum") / keep.sum().clamp(min=1)
