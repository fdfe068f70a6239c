"""The scores are key times query transposed, so their rows are the keys.

rejected by: attention.shapes
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = key @ query.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
