"""The query is scaled before the product, and masked scores become a finite -1e9 by torch.where."""

import torch


def attention(query, key, value, mask=None):
    scores = (query * query.shape[-1] ** -0.5) @ key.mT
    if mask is not None:
        scores = torch.where(mask, scores, -1e9)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights
