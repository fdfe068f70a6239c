"""The hidden weights are set to 0 after the softmax, so that the others do not sum to 1.

rejected by: attention.masked_keys_have_no_effect
misconception: masks_after_softmax
"""

import math

import torch


def attend(q, k, v, visible=None):
    """From q (B, T, d), k (B, S, d), v (B, S, e) to (B, T, e); `visible` (B, T, S) bool, True = may look."""
    scores = torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.shape[-1])
    weights = torch.softmax(scores, dim=-1)
    if visible is not None:
        weights = weights * visible
    return weights @ v
