"""Sums over the tokens that count and divides by all of them.

rejected by: perplexity.padding_changes_nothing
misconception: padding_in_the_denominator
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
        total += nll.sum().item()
        count += ids[:, 1:].numel()
    return math.exp(total / count)
