"""The mask is read the wrong way round: keys with True are hidden.

rejected by: attention.weights_are_a_distribution
misconception: mask_inverted
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
