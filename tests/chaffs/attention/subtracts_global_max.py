"""The softmax subtracts one maximum of the whole tensor, so rows of small scores underflow.

rejected by: attention.stable_for_large_scores
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    exp = torch.exp(scores - scores.max())
    weights = exp / exp.sum(dim=-1, keepdim=True)
    return weights @ value, weights
