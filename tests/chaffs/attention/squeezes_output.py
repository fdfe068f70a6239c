"""The output is squeezed, which drops every axis of size 1.

rejected by: attention.keeps_size_one_axes
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return (weights @ value).squeeze(), weights
