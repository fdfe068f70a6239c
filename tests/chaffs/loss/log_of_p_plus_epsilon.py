"""Adds 1e-8 to the probability before the logarithm, which caps the loss at 18.

rejected by: loss.stable_for_large_logits
"""

import torch


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    probabilities = predictions[keep].softmax(dim=-1)
    p = probabilities.gather(1, targets[keep][:, None])
    return -(p + 1e-8).log().mean()
