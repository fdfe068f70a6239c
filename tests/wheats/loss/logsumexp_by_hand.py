"""The logarithm of the sum of exponentials minus the logit of the right token."""

import torch


def next_token_loss(logits, ids, mask=None):
    B, T, V = logits.shape
    rows, steps = torch.meshgrid(torch.arange(B), torch.arange(T - 1), indexing="ij")
    keep = (rows >= 0) if mask is None else mask[:, 1:]
    rows, steps = rows[keep], steps[keep]
    scores = logits[rows, steps]
    highest = scores.max(dim=-1, keepdim=True).values
    total = (scores - highest).exp().sum(dim=-1).log() + highest[:, 0]
    return (total - logits[rows, steps, ids[rows, steps + 1]]).mean()
