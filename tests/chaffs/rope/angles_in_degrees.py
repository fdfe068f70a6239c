"""The angles are taken as degrees and converted to radians once more.

rejected by: rope.unit_vector
misconception: angles_in_degrees
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    pair = torch.arange(dim // 2).double()
    frequency = torch.pow(base, -2.0 * pair / dim)
    angles = torch.deg2rad(torch.arange(n_positions).double().unsqueeze(1) * frequency)
    table = torch.empty(n_positions, dim // 2, 2)
    table[:, :, 0] = angles.cos()
    table[:, :, 1] = angles.sin()
    return table


def apply_rope(x, cache, positions=None):
    table = cache[: x.shape[-2]] if positions is None else cache[positions]
    cos = table[..., 0]
    sin = table[..., 1]
    pairs = x.unflatten(-1, (-1, 2))
    first, second = pairs[..., 0], pairs[..., 1]
    out = torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return out.flatten(-2).to(x.dtype)
