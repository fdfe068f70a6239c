"""A Python loop handles one query after the other."""

import math

import torch


def attention(query, key, value, mask=None):
    if mask is not None:
        mask = mask.expand(*query.shape[:-1], key.shape[-2])
    outputs, weights = [], []
    for t in range(query.shape[-2]):
        scores = (key @ query[..., t, :, None]).squeeze(-1) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask[..., t, :], -math.inf)
        weights.append(torch.softmax(scores, dim=-1))
        outputs.append((weights[-1].unsqueeze(-2) @ value).squeeze(-2))
    return torch.stack(outputs, dim=-2), torch.stack(weights, dim=-2)
