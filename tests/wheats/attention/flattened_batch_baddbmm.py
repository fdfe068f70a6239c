"""All leading axes are flattened into one, and baddbmm adds the mask and scales at once."""

import math

import torch


def attention(query, key, value, mask=None):
    *batch, T, d = query.shape
    S, d_v = value.shape[-2:]
    bias = query.new_zeros(*batch, T, S)
    if mask is not None:
        bias = bias.masked_fill(~mask, -math.inf)
    q, k, v = query.reshape(-1, T, d), key.reshape(-1, S, d), value.reshape(-1, S, d_v)
    scores = torch.baddbmm(bias.view(-1, T, S), q, k.transpose(1, 2), alpha=1 / math.sqrt(d))
    weights = torch.softmax(scores, dim=2)
    return torch.bmm(weights, v).view(*batch, T, d_v), weights.view(*batch, T, S)
