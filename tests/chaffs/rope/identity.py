"""The rotated pairs are assigned to local names and never written back, so the copy of x is returned unrotated.

rejected by: rope.scores_depend_on_distance
misconception: comes_back_unturned
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = cache[positions].unbind(-1)
    out = x.clone()
    even, odd = out[..., 0::2], out[..., 1::2]
    even, odd = even * cos - odd * sin, even * sin + odd * cos
    return out
