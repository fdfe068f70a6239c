"""Every pair turns by the same angle, the position itself: the frequencies are missing.

rejected by: rope.frequencies
misconception: one_frequency
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    position = torch.arange(n_positions, dtype=torch.float64)
    angle = position[:, None].repeat(1, dim // 2)
    return torch.stack((torch.cos(angle), torch.sin(angle)), dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    turn = cache[positions]
    cos, sin = turn[..., 0], turn[..., 1]
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(x.shape).to(x.dtype)
