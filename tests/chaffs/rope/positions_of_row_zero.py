"""All rows of the batch use the positions of the first row.

rejected by: rope.explicit_positions
misconception: positions_of_first_row
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
    n_tokens = x.shape[-2]
    if positions is None:
        positions = torch.arange(n_tokens)
    positions = positions.reshape(-1, n_tokens)[0]
    cos, sin = cache[positions].unbind(-1)
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(x.shape).to(x.dtype)
