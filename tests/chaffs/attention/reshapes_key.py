"""The key is reshaped to the transposed shape instead of transposed, which scrambles it.

rejected by: attention.agrees_with_reference
"""

import math

import torch


def attention(query, key, value, mask=None):
    *batch, S, d = key.shape
    scores = query @ key.reshape(*batch, d, S) / math.sqrt(d)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
