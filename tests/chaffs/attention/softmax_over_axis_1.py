"""The softmax runs over axis 1, which holds the keys only if the inputs have no batch axis.

rejected by: attention.weights_are_a_distribution
misconception: softmax_over_heads
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=1)
    return weights @ value, weights
