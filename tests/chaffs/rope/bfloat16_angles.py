"""The angles are computed in bfloat16, which cannot tell large positions apart.

rejected by: rope.cache_agrees
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = (1.0 / base ** (torch.arange(0, dim, 2).float() / dim)).bfloat16()
    position = torch.arange(n_positions, dtype=torch.bfloat16)
    angle = position[:, None] * theta
    return torch.stack((angle.cos(), angle.sin()), dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    turn = cache[positions]
    cos, sin = turn[..., 0], turn[..., 1]
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(x.shape).to(x.dtype)
