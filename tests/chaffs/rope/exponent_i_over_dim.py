"""The exponent is -i/dim: the factor 2 is missing.

rejected by: rope.frequencies
misconception: factor_2_missing
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    pair = torch.arange(dim // 2).double()
    frequency = torch.pow(base, -pair / dim)
    angles = torch.arange(n_positions).double().unsqueeze(1) * frequency
    table = torch.empty(n_positions, dim // 2, 2)
    table[:, :, 0] = angles.cos()
    table[:, :, 1] = angles.sin()
    return table


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    turn = cache[positions]
    cos, sin = turn[..., 0], turn[..., 1]
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(x.shape).to(x.dtype)
