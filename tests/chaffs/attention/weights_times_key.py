"""The weights are multiplied by the keys instead of the values.

rejected by: attention.one_key_returns_its_value
misconception: weights_times_keys
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ key, weights
