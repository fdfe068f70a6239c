"""The output is viewed as the shape of the query, so values of another width fail.

rejected by: attention.shapes
"""

import math

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    output = (weights @ value).view(query.shape)
    return output, weights
