"""The scores are divided by the square root of the number of queries, the wrong axis.

rejected by: attention.agrees_with_reference
misconception: root_of_another_size
"""

import math

import torch


def attention(query, key, value, mask=None):
    d = query.shape[-2]
    scores = query @ key.transpose(-2, -1) / math.sqrt(d)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
