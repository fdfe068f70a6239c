"""Everything is computed in bfloat16, which has only about three digits, and cast back.

rejected by: attention.agrees_with_reference
"""

import math

import torch


def attention(query, key, value, mask=None):
    dtype = query.dtype
    query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return (weights @ value).to(dtype), weights.to(dtype)
