"""The weights go through F.dropout, which is active by default.

rejected by: attention.repeatable
"""

import math

import torch
from torch.nn import functional as F


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = F.dropout(torch.softmax(scores, dim=-1))
    return weights @ value, weights
