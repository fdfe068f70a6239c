"""Forgets to divide by the number of tokens before the exponential.

rejected by: perplexity.agrees_with_reference
misconception: exp_of_the_sum
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
        count += len(nll)
    return math.exp(min(total, 700))
