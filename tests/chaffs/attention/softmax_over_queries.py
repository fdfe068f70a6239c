"""The softmax runs over the queries instead of the keys.

rejected by: attention.weights_are_a_distribution
misconception: softmax_over_queries
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-2)
    return weights @ value, weights
