"""Explicit positions are shifted so that the first one given counts as 0.

rejected by: rope.explicit_positions
misconception: positions_from_first
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    else:
        positions = positions - positions[..., :1]
    cos, sin = cache[positions].unbind(-1)
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(x.shape).to(x.dtype)
