"""Fails when a batch has no mask.

rejected by: perplexity.some_masks
"""

import math

import torch
import torch.nn.functional as F


def perplexity(logits_batches, ids_batches, masks=None):
    if masks is None:
        masks = [torch.ones_like(ids, dtype=torch.bool) for ids in ids_batches]
    total, count = 0.0, 0
    for logits, ids, mask in zip(logits_batches, ids_batches, masks):
        keep = mask[:, 1:]
        nll = F.cross_entropy(logits[:, :-1][keep].double(), ids[:, 1:][keep], reduction="none")
        total += nll.sum().item()
        count += len(nll)
    return math.exp(total / count)
