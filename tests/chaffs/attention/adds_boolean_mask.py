"""The boolean mask is added to the scores, so allowed keys only gain 1.

rejected by: attention.weights_are_a_distribution
misconception: mask_is_added
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores + mask
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
