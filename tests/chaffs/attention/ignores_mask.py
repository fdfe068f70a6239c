"""The result of masked_fill is thrown away, so the mask has no effect.

rejected by: attention.masked_keys_have_no_effect
misconception: mask_ignored
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
