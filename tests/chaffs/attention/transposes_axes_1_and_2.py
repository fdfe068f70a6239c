"""The key is transposed on axes 1 and 2, which are the last two only with one batch axis.

rejected by: attention.agrees_with_reference
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
