"""Angles in float32, one outer product, and the two components of each pair stacked back together."""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2).float() / dim))
    angle = torch.outer(torch.arange(n_positions).float(), inv_freq)
    return torch.stack((angle.cos(), angle.sin()), dim=-1)


def apply_rope(x, cache, positions=None):
    if positions is None:
        turn = cache[: x.shape[-2]]
    else:
        turn = cache[positions]
    cos, sin = turn[..., 0], turn[..., 1]
    even, odd = x[..., ::2], x[..., 1::2]
    rotated = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
    return rotated.flatten(start_dim=-2).type_as(x)
