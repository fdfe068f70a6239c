"""The first row of the cache belongs to position 1 instead of position 0.

rejected by: rope.cache_agrees
misconception: positions_count_from_1
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(1, n_positions + 1, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def apply_rope(x, cache, positions=None):
    table = cache[: x.shape[-2]] if positions is None else cache[positions]
    cos = table[..., 0]
    sin = table[..., 1]
    pairs = x.unflatten(-1, (-1, 2))
    first, second = pairs[..., 0], pairs[..., 1]
    out = torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return out.flatten(-2).to(x.dtype)
