"""Gives probabilities to cross_entropy, which takes the softmax a second time.

rejected by: loss.agrees_with_reference
misconception: softmax_twice
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1].softmax(dim=-1)
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep])
