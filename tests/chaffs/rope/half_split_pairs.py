"""The pairs are (x_i, x_{i + dim/2}), as in Llama, where neighbours (x_2i, x_2i+1) are asked for.

rejected by: rope.agrees_with_reference
misconception: half_split_pairs
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
    left, right = x.chunk(2, dim=-1)
    rotated = torch.cat((left * cos - right * sin, left * sin + right * cos), dim=-1)
    return rotated.to(x.dtype)
