"""The rotated pairs are written into x itself.

rejected by: rope.leaves_input_alone
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    pair = torch.arange(dim // 2).double()
    frequency = torch.pow(base, -2.0 * pair / dim)
    angles = torch.arange(n_positions).double().unsqueeze(1) * frequency
    table = torch.empty(n_positions, dim // 2, 2)
    table[:, :, 0] = angles.cos()
    table[:, :, 1] = angles.sin()
    return table


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = cache[positions].unbind(-1)
    even, odd = x[..., 0::2].clone(), x[..., 1::2].clone()
    x[..., 0::2] = even * cos - odd * sin
    x[..., 1::2] = even * sin + odd * cos
    return x
