"""Takes the logarithm of the softmax, which is that of 0 for large logits.

rejected by: perplexity.stable_for_large_logits
"""

import math

import torch


def perplexity(logits_batches, ids_batches, masks=None):
    if masks is None:
        masks = [None] * len(ids_batches)
    total, count = 0.0, 0
    for logits, ids, mask in zip(logits_batches, ids_batches, masks):
        keep = torch.ones_like(ids[:, 1:], dtype=torch.bool) if mask is None else mask[:, 1:]
        scores = logits[:, :-1][keep].double().exp()
        nll = -(scores / scores.sum(dim=-1, keepdim=True)).gather(1, ids[:, 1:][keep][:, None]).log()
        total += nll.sum().item()
        count += len(nll)
    return math.exp(total / count)
