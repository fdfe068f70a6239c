"""Holds masked tokens for token 0 and scores them.

rejected by: perplexity.padding_changes_nothing
misconception: padding_counted
"""

import math

import torch
import torch.nn.functional as F


def perplexity(logits_batches, ids_batches, masks=None):
    if masks is None:
        masks = [None] * len(ids_batches)
    total, count = 0.0, 0
    for logits, ids, mask in zip(logits_batches, ids_batches, masks):
        keep = torch.ones_like(ids[:, 1:], dtype=torch.bool) if mask is None else mask[:, 1:]
        targets = torch.where(keep, ids[:, 1:], 0).flatten()
        nll = F.cross_entropy(logits[:, :-1].flatten(0, 1).double(), targets, reduction="none")
        total += nll.sum().item()
        count += len(nll)
    return math.exp(total / count)
