"""One query after the other, with the softmax written out."""

import math

import torch


def attend(q, k, v, visible=None):
    """From q (B, T, d), k (B, S, d), v (B, S, e) to (B, T, e); `visible` (B, T, S) bool, True = may look."""
    rows = []
    for t in range(q.shape[1]):
        scores = (k * q[:, t : t + 1]).sum(-1) / math.sqrt(q.shape[-1])  # (B, S)
        if visible is not None:
            scores = scores.masked_fill(~visible[:, t], -math.inf)
        powers = torch.exp(scores - scores.max(-1, keepdim=True).values)
        weights = powers / powers.sum(-1, keepdim=True)
        rows.append((weights.unsqueeze(-1) * v).sum(1))  # (B, e)
    return torch.stack(rows, dim=1)
