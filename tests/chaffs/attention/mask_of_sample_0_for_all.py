"""The mask of the first sample is used for the whole batch.

rejected by: attention.agrees_with_reference
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        if mask.dim() == query.dim() > 2:
            mask = mask[:1]
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
