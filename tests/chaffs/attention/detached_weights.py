"""The weights are computed without gradients, so query and key cannot be trained.

rejected by: attention.gradients
"""

import math

import torch


def attention(query, key, value, mask=None):
    with torch.no_grad():
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
