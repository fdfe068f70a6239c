"""The textbook form: matmul, masked_fill with minus infinity, softmax, matmul."""

import torch


def attention(query, key, value, mask=None):
    scores = torch.matmul(query, key.transpose(-1, -2)) / query.size(-1) ** 0.5
    if mask is not None:
        scores = scores.masked_fill(mask == 0, float("-inf"))
    weights = scores.softmax(-1)
    return torch.matmul(weights, value), weights
