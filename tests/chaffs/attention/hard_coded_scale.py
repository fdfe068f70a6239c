"""The scale is fixed to 1/8, which is right only for a key width of 64.

rejected by: attention.score_ratio
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = 0.125 * query @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
