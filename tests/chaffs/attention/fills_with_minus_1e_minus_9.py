"""Masked scores are set to -1e-9 where -1e9 was meant.

rejected by: attention.weights_are_a_distribution
misconception: fills_with_zero
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e-9)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
