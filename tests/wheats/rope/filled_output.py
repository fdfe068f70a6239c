"""Writes the two components of every pair into the slices of a new tensor."""

import math

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = torch.exp(torch.arange(0, dim, 2).double() * (-math.log(base) / dim))
    cache = torch.zeros(n_positions, dim // 2, 2)
    for t in range(n_positions):
        cache[t, :, 0] = torch.cos(t * theta)
        cache[t, :, 1] = torch.sin(t * theta)
    return cache


def apply_rope(x, cache, positions=None):
    table = cache[: x.shape[-2]] if positions is None else cache[positions]
    cos, sin = table.to(x.dtype).unbind(-1)
    out = torch.empty_like(x)
    out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return out
