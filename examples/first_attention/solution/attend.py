"""Week 3: attention, written out."""

import math

import torch


def attend(q, k, v, visible=None):
    """From q (B, T, d), k (B, S, d), v (B, S, e) to (B, T, e); `visible` (B, T, S) bool, True = may look."""
    scores = torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.shape[-1])
    if visible is not None:
        scores = scores.masked_fill(~visible, -math.inf)
    return torch.softmax(scores, dim=-1) @ v
