"""Averages the batches' losses, whatever their number of tokens.

rejected by: perplexity.batching_is_irrelevant
misconception: mean_of_batch_losses
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
        nll = F.cross_entropy(logits[:, :-1][keep].double(), ids[:, 1:][keep], reduction="none")
        if not len(nll):
            continue
        total += nll.mean().item()
        count += 1
    return math.exp(total / count)
