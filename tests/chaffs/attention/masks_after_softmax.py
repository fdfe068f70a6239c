"""The mask is applied after the softmax and the rows are not normalised again.

rejected by: attention.weights_are_a_distribution
misconception: masks_after_softmax
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ value, weights
