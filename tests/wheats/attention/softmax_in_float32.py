"""The softmax is computed in float32 and cast back, as the transformers library does."""

import torch
from torch.nn import functional as F


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5)
    if mask is not None:
        scores = scores.masked_fill(mask.logical_not(), torch.finfo(scores.dtype).min)
    weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    return weights @ value, weights
