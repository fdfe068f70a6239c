"""Calls the next-token loss on each batch and multiplies its mean by the number of tokens."""

import math

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    targets = ids[:, 1:].clone()
    if mask is not None:
        targets[~mask[:, 1:]] = -100
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, ignore_index=-100)


@torch.no_grad()
def perplexity(logits_batches, ids_batches, masks=None):
    masks = masks or [None for _ in ids_batches]
    counts = [ids[:, 1:].numel() if m is None else m[:, 1:].sum().item() for ids, m in zip(ids_batches, masks)]
    sums = [
        next_token_loss(logits.double(), ids, mask).item() * n
        for logits, ids, mask, n in zip(logits_batches, ids_batches, masks, counts)
        if n
    ]
    return math.exp(math.fsum(sums) / sum(counts))
