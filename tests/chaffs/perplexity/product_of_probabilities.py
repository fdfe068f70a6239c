"""Multiplies the probabilities first, which underflow on a long text.

rejected by: perplexity.long_text
"""

import math

import torch
import torch.nn.functional as F


def perplexity(logits_batches, ids_batches, masks=None):
    if masks is None:
        masks = [None] * len(ids_batches)
    product, count = 1.0, 0
    for logits, ids, mask in zip(logits_batches, ids_batches, masks):
        keep = torch.ones_like(ids[:, 1:], dtype=torch.bool) if mask is None else mask[:, 1:]
        nll = F.cross_entropy(logits[:, :-1][keep].double(), ids[:, 1:][keep], reduction="none")
        product *= math.exp(-nll.sum().item())
        count += len(nll)
    return product ** (-1 / count)
