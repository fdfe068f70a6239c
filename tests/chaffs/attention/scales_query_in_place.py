"""The query is scaled in place, which changes the caller's tensor.

rejected by: attention.leaves_inputs_alone
"""

import math

import torch


def attention(query, key, value, mask=None):
    query /= math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
