"""Masked scores are set to 0 instead of minus infinity.

rejected by: attention.weights_are_a_distribution
misconception: fills_with_zero
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, 0.0)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
